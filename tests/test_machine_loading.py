import gc

from asr.machine.loading import without_collecting


def test_the_collector_rests_while_modules_are_imported_and_then_works_again() -> None:
    assert gc.isenabled()
    with without_collecting():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.unfreeze()


def test_a_collector_that_its_owner_has_switched_off_stays_off() -> None:
    gc.disable()
    try:
        with without_collecting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()

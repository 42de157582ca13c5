"""Which products are rounded."""

import pytest
import torch

from asr.machine.precision import has_fast_bfloat16, rounds, settled

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "is_fast"),
    [
        ({"avx2": True}, False),
        ({"avx512_f": True, "avx512_bf16": False}, False),  # emulated there, and slow
        ({"avx512_f": True, "avx512_bf16": True}, True),
        ({"avx512_f": True, "amx_bf16": True}, True),
    ],
)
def test_auto_rounds_where_the_processor_has_instructions_for_it(
    flags: dict[str, bool], is_fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert has_fast_bfloat16("cpu") is is_fast
    assert rounds("auto", CPU) is is_fast
    assert settled("auto", CPU) == ("bfloat16" if is_fast else "float32")
    assert settled("float32", CPU) == "float32"
    assert rounds("bfloat16", CPU)
    assert not rounds("float32", CPU)


def test_a_torch_that_does_not_say_and_one_without_onednn_leave_float32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not has_fast_bfloat16("cpu")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not has_fast_bfloat16("cpu")

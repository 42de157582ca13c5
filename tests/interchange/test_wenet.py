import pytest


@pytest.mark.row("wenet", "we read theirs", "raw list: key, wav, txt", version="-")
def test_a_list_of_wenet_means_the_same_to_us() -> None:
    pytest.skip("WeNet is in no package index; tests/test_recipes_folder.py has its form of list")

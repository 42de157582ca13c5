import ctypes
import subprocess
import sys
import textwrap

import pytest

from asr.heap import keep_freed_memory

FAULTS = """
    import resource
    import sys

    import torch

    from asr.heap import keep_freed_memory

    def faults() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    if sys.argv[1] == "keep":
        assert keep_freed_memory()
    for step in range(20):
        if step == 10:
            before = faults()
        tensors = [torch.ones(mebibytes * 2**18) for mebibytes in (40, 8, 24, 40, 16)]
        del tensors
    print(faults() - before)
"""


def has_mallopt() -> bool:
    return sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "mallopt")


@pytest.mark.skipif(not has_mallopt(), reason="a C library without mallopt")
def test_freed_memory_is_used_again_without_asking_the_system_for_it() -> None:
    def page_faults(mode: str) -> int:
        command = [sys.executable, "-c", textwrap.dedent(FAULTS), mode]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert page_faults("keep") * 5 < page_faults("leave")


def test_another_system_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()

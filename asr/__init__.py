"""An attention sequence-to-sequence speech recognizer.

import asr
print(asr.load_model("exp/model").transcribe("speech.wav").text)
"""

from typing import TYPE_CHECKING

from asr.version import __version__

if TYPE_CHECKING:
    from asr.api import Model, load_model

__all__ = ["Model", "__version__", "load_model"]


def __getattr__(name: str) -> object:
    """Imports the library when it is first used: importing `asr` alone stays cheap."""
    if name in {"Model", "load_model"}:
        from asr import api

        return getattr(api, name)
    raise AttributeError(f"module 'asr' has no attribute {name!r}")

"""An attention sequence-to-sequence speech recognizer.

import asr
print(asr.load_model("exp/model").transcribe("speech.wav").text)
"""

from typing import TYPE_CHECKING

from asr.version import __version__

if TYPE_CHECKING:
    from asr.use.recognizer import Recognizer as Model
    from asr.use.recognizer import load_recognizer as load_model

__all__ = ["Model", "__version__", "load_model"]

_NAMES = {"Model": "Recognizer", "load_model": "load_recognizer"}  # public name -> its own


def __getattr__(name: str) -> object:
    """Imports the library when it is first used: importing `asr` alone stays cheap."""
    if name in _NAMES:
        from asr.use import recognizer

        return getattr(recognizer, _NAMES[name])
    raise AttributeError(f"module 'asr' has no attribute {name!r}")

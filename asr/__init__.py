"""An attention sequence-to-sequence speech recognizer.

import asr
print(asr.load_model("exp/model").transcribe("speech.wav").text)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from asr.errors import AsrError
from asr.version import __version__

if TYPE_CHECKING:
    from asr.use.recognizer import Recognizer as Model
    from asr.use.recognizer import load_recognizer as load_model
    from asr.use.transcript import TimedWord, TranscribedSegment, Transcript

__all__ = [
    "AsrError",
    "Model",
    "TimedWord",
    "TranscribedSegment",
    "Transcript",
    "__version__",
    "load_model",
]

_NAMES = {  # public name -> its file and its own name
    "Model": ("recognizer", "Recognizer"),
    "load_model": ("recognizer", "load_recognizer"),
    "TimedWord": ("transcript", "TimedWord"),
    "TranscribedSegment": ("transcript", "TranscribedSegment"),
    "Transcript": ("transcript", "Transcript"),
}


def __getattr__(name: str) -> object:
    """Imports the library when it is first used: importing `asr` alone stays cheap."""
    if name in _NAMES:
        module, own_name = _NAMES[name]
        return getattr(import_module(f"asr.use.{module}"), own_name)
    raise AttributeError(f"module 'asr' has no attribute {name!r}")

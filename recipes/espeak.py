"""Speech from text: eSpeak NG, loaded with ctypes and speaking into memory.

The library keeps its voice and its settings in globals, so one process has one `Espeak`, and each
call of `speak` sets all of them.
"""

import ctypes
from functools import cache
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from asr.errors import DataError

SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: samples go to the callback, in the calling thread
DONT_EXIT = 0x8000  # espeak_Initialize reports a failure instead of ending the process
CHARS_UTF8 = 1
FULL_VOLUME = 80  # of 100, at which the loud voices clip
CHARACTER_POSITION = 1
RANDOM_SEED = 1  # of the noise in a voice
RATE, VOLUME, PITCH, PITCH_RANGE = 1, 2, 3, 4  # espeak_PARAMETER

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class _Loader(Protocol):
    """The part of the module espeakng_loader that is used here."""

    def load_library(self) -> ctypes.CDLL | None: ...
    def get_data_path(self) -> str: ...


class Espeak:
    """The library, ready to speak; made by `load_espeak`, once a process.

    Attributes:
        sample_rate: samples a second of everything that `speak` returns, in Hz.
    """

    def __init__(self, library: ctypes.CDLL, data_path: str) -> None:
        self._library = library
        self._chunks: list[NDArray[np.int16]] = []
        self._callback = _Callback(self._collect)  # kept: the library holds only a pointer to it
        rate = int(library.espeak_Initialize(SYNCHRONOUS, 0, data_path.encode(), DONT_EXIT))
        if rate <= 0:
            raise DataError(
                f"eSpeak NG cannot read its voices in {data_path} "
                "(its path must have at most 155 characters; if it has, reinstall it: "
                "pip install --force-reinstall espeakng-loader)"
            )
        self.sample_rate = rate
        library.espeak_SetSynthCallback(self._callback)
        library.espeak_ng_SetRandSeed(RANDOM_SEED)  # else the clock's

    def _collect(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _: int) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        return 0  # go on

    def speak(
        self, text: str, *, voice: str, words_per_minute: int, pitch: int, pitch_range: int
    ) -> NDArray[np.int16]:
        """Returns `text` spoken: samples (N,), int16, at `sample_rate`.

        Args:
            text: what to say.
            voice: a language with a variant of it, such as `en-us+f2` or `ko+m3`.
            words_per_minute: speaking rate; eSpeak takes 80 to 450.
            pitch: 0 to 99, 50 is the voice's own.
            pitch_range: 0 (monotone) to 99, 50 is the voice's own.

        Raises:
            DataError: the text is empty, the voice is unknown, or nothing was spoken.
        """
        library = self._library
        if not text.strip():
            raise DataError(f'eSpeak NG was given "{text}" to say; must hold a word')
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise DataError(f'eSpeak NG has no voice "{voice}" (list them: espeak-ng --voices)')
        for parameter, value in (
            (RATE, words_per_minute),
            (VOLUME, FULL_VOLUME),
            (PITCH, pitch),
            (PITCH_RANGE, pitch_range),
        ):
            library.espeak_SetParameter(parameter, value, 0)
        self._chunks.clear()
        data = text.encode() + b"\0"
        status = library.espeak_Synth(
            data, len(data), 0, CHARACTER_POSITION, 0, CHARS_UTF8, None, None
        )
        library.espeak_Synchronize()
        if status != 0 or not self._chunks:
            raise DataError(f'eSpeak NG said nothing for "{text}" with voice {voice}')
        return np.concatenate(self._chunks)

    def phonemes(self, text: str, *, voice: str) -> str:
        """Returns how `text` is pronounced, in eSpeak's own phoneme names."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise DataError(f'eSpeak NG has no voice "{voice}" (list them: espeak-ng --voices)')
        rest = ctypes.c_char_p(text.encode() + b"\0")
        clauses: list[str] = []
        while rest.value:
            spoken = self._library.espeak_TextToPhonemes(ctypes.byref(rest), CHARS_UTF8, 0)
            clauses.append((spoken or b"").decode())
        return " ".join(clauses).strip()


def _declare(library: ctypes.CDLL) -> None:
    """Tells ctypes the signatures that its guesses would get wrong."""
    library.espeak_Initialize.argtypes = [
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
    ]
    library.espeak_SetSynthCallback.argtypes = [_Callback]
    library.espeak_SetSynthCallback.restype = None
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_SetParameter.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    library.espeak_TextToPhonemes.argtypes = [
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int,
        ctypes.c_int,
    ]
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p


@cache
def load_espeak() -> Espeak:
    """Returns this process's eSpeak NG, from the package espeakng-loader.

    Raises:
        DataError: the package is not installed, or its library does not load here.
    """
    try:
        import espeakng_loader
    except ImportError as error:
        raise DataError(
            "the package espeakng-loader is not installed; the synthetic corpus is spoken with it "
            "(pip install espeakng-loader)"
        ) from error
    loader = cast(_Loader, espeakng_loader)
    library = loader.load_library()
    if library is None:
        raise DataError(
            "the library of espeakng-loader does not load on this machine "
            "(reinstall it: pip install --force-reinstall espeakng-loader)"
        )
    _declare(library)
    return Espeak(library, loader.get_data_path())

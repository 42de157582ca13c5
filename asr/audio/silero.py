"""Where audio holds speech, by the network of silero-vad, which an extra brings.

samples -> as loud as speech is to it -> 16 kHz -> a probability each 32 ms -> frames
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asr.audio.files import Waveform
from asr.audio.levels import HOP_SECONDS, Levels
from asr.audio.resampling import resample
from asr.errors import InstallError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

RATE = 16000  # Hz: the only one that its model of whole sequences takes
CHUNK = 512  # samples that get one probability
CONTEXT = 64  # samples before a chunk that it sees too
STATE = (1, 1, 128)
# Chosen by tests/benchmarks/speech_detection.py --split choosing: 0.5 and 0.35, as its authors
# have them, miss four times as many frames at 10 dB in a room; lower ones bring more false alarms.
ABOVE = 0.3  # a probability that begins speech
BELOW = 0.2  # and one that ends it
# It hears less in what is quiet: pages are raised or lowered to one level of their loudest 2 %.
LOUD_PERCENTILE = 98.0
LOUD_DB = -10.0
MOST_GAIN_DB = 60.0
WANTED = "silero_vad_16k_sequence.onnx"


class SileroFinder:
    """Speech is what silero-vad says is speech, page after page.

    Args:
        sample_rate: of the pages, in Hz.

    Raises:
        InstallError: onnxruntime or silero-vad is missing, or too old to hold its model.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.session = _session()
        self.hidden = np.zeros(STATE, dtype=np.float32)
        self.cell = np.zeros(STATE, dtype=np.float32)
        self.context = np.zeros(CONTEXT, dtype=np.float32)
        self.rest = np.zeros(0, dtype=np.float32)  # less than a chunk, of the page before
        self.is_on = False

    def __call__(self, page: Waveform, levels: Levels) -> npt.NDArray[np.bool_]:
        """Returns which frames hold speech, from samples (N,) and their levels (frames,)."""
        num_before = len(self.rest)
        loud = float(np.percentile(levels, LOUD_PERCENTILE))
        gain = 10 ** (min(LOUD_DB - loud, MOST_GAIN_DB) / 20)
        heard = resample(np.float32(gain) * page, self.sample_rate, RATE)
        heard = np.concatenate([self.rest, heard])
        whole = len(heard) - len(heard) % CHUNK
        self.rest = heard[whole:]
        was_on = self.is_on
        is_speech = self._with_hysteresis(self.probabilities(heard[:whole]))
        middles = num_before + (np.arange(len(levels)) + 0.5) * HOP_SECONDS * RATE
        chunks = np.minimum(middles.astype(int) // CHUNK, len(is_speech) - 1)
        return is_speech[chunks] if len(is_speech) else np.full(len(levels), was_on)

    def probabilities(self, samples: Waveform) -> npt.NDArray[np.float32]:
        """Returns the probability of speech of each 32 ms of samples at 16 kHz, whole chunks."""
        if len(samples) == 0:
            return np.zeros(0, dtype=np.float32)
        chunks = samples.reshape(-1, CHUNK)  # (N,) -> (chunks, samples)
        ends = chunks[:, -CONTEXT:]
        before = np.concatenate([self.context[None], ends[:-1]])
        found, self.hidden, self.cell = self.session.run(
            ["speech_probs", "hn", "cn"],
            {"input": np.concatenate([before, chunks], axis=1), "h": self.hidden, "c": self.cell},
        )
        self.context = ends[-1]
        return np.asarray(found, dtype=np.float32).reshape(-1)

    def _with_hysteresis(self, found: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        is_speech = np.zeros(len(found), dtype=bool)
        for place, probability in enumerate(found):
            self.is_on = bool(probability >= (BELOW if self.is_on else ABOVE))
            is_speech[place] = self.is_on
        return is_speech


def find_model() -> Path:
    """Returns the file of the model.

    Raises:
        InstallError: onnxruntime or silero-vad is missing, or too old to hold it.
    """
    # The package is not imported: that would set torch to one thread, for the whole process.
    package = importlib.util.find_spec("silero_vad")
    folders = package.submodule_search_locations if package else None
    model = Path(folders[0]) / "data" / WANTED if folders else None
    if model is None or not model.is_file():
        raise InstallError(_missing(f"silero-vad >= 6.2.3, which holds {WANTED},"))
    if importlib.util.find_spec("onnxruntime") is None:
        raise InstallError(_missing("onnxruntime"))
    return model


def _session() -> InferenceSession:
    model = find_model()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _missing(what: str) -> str:
    return (
        f'vad "silero": needs {what} and that is not installed (pip install "asr-seq2seq[vad]", or '
        "choose vad level)"
    )

"""Waveforms to text: a loaded model that recognizes, and the decoding of a whole manifest."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lhotse import CutSet
from torch import Tensor

from asr.checkpoint import LoadedModel, load_model_folder, write_file, writing
from asr.config import SearchConfig
from asr.data import Batch, BatchDataset, Batches
from asr.devices import pick_device
from asr.errors import ConfigError
from asr.manifest import Cut, checked_cuts
from asr.model import Encoded, Seq2Seq
from asr.scorers import CTCScorer, DecoderScorer
from asr.search import Hypothesis, WeightedScorer, search
from asr.text import get_normalizer

HYPOTHESES_FILE = "hyp.jsonl"


@dataclass(frozen=True)
class Recognized:
    """The best hypothesis of an utterance as text, and the others."""

    text: str
    score: float  # sum of log probabilities
    num_tokens: int
    ended: str  # eos, length or loop
    nbest: tuple[tuple[str, float], ...]  # text and score, best first


class Recognizer:
    """A model, its tokenizer and the device it runs on.

    Attributes:
        sample_rate: of the waveforms it takes, in Hz.
        max_seconds: the longest utterance it was trained on.
        options: the search settings of its configuration.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.model, self.tokenizer, self.config = loaded.model, loaded.tokenizer, loaded.config
        self.sample_rate = loaded.config.sample_rate
        longest = loaded.metrics.get("longest_seconds", loaded.config.data.max_seconds)
        self.max_seconds = float(longest)
        self.options = loaded.config.search
        self.normalize = get_normalizer(loaded.config.tokenizer.normalizer).apply

    def recognize(
        self, waveforms: Sequence[np.ndarray], options: SearchConfig | None = None
    ) -> list[Recognized]:
        """Returns what is said in each waveform (N,), float32 in [-1, 1] at `sample_rate`."""
        rows = [torch.from_numpy(np.ascontiguousarray(waveform)) for waveform in waveforms]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        return self.recognize_batch(padded, lengths, options)

    def recognize_batch(
        self, waveforms: Tensor, lengths: Tensor, options: SearchConfig | None = None
    ) -> list[Recognized]:
        """Returns what is said in waveforms (B,N) of so many samples (B,)."""
        found = recognize_tokens(self.model, waveforms, lengths, options=options or self.options)
        return [self._describe(hypotheses) for hypotheses in found]

    def _describe(self, hypotheses: list[Hypothesis]) -> Recognized:
        texts = [self.tokenizer.decode(hypothesis.tokens) for hypothesis in hypotheses]
        best = hypotheses[0]
        nbest = tuple((text, h.score) for text, h in zip(texts, hypotheses, strict=True))
        return Recognized(texts[0], best.score, len(best.tokens), best.ended, nbest)


def load_recognizer(folder: str | Path, device: str = "auto") -> Recognizer:
    """Returns the recognizer of a model folder, on a device: `cpu`, `cuda` or `auto`.

    Raises:
        ModelError: the folder cannot be used.
        ConfigError: there is no such device.
    """
    return Recognizer(load_model_folder(Path(folder), pick_device(device)))


@torch.inference_mode()
def recognize_tokens(
    model: Seq2Seq, waveforms: Tensor, lengths: Tensor, *, options: SearchConfig
) -> list[list[Hypothesis]]:
    """Returns the hypotheses of each waveform (B,N) of so many samples (B,), best first."""
    return search_encoded(model, encode_padded(model, waveforms, lengths), options)


def encode_padded(model: Seq2Seq, waveforms: Tensor, lengths: Tensor) -> Encoded:
    """Returns memory values on the model's device for waveforms (B,N) of so many samples (B,).

    A waveform shorter than one analysis window is read as if silence followed it.
    """
    device = next(model.parameters()).device
    shortest = model.features.window_length
    missing = max(0, shortest - waveforms.size(1))
    waveforms = torch.nn.functional.pad(waveforms, (0, missing))
    return model.encode(waveforms.to(device), lengths.clamp(min=shortest).to(device))


def search_encoded(
    model: Seq2Seq, encoded: Encoded, options: SearchConfig
) -> list[list[Hypothesis]]:
    """Returns the hypotheses of each utterance from its memory values, best first."""
    scorers = [
        WeightedScorer(DecoderScorer(model.decoder), model.prepare(encoded), 1 - options.ctc_weight)
    ]
    if options.ctc_weight > 0:
        memory = CTCScorer.prepare(model.ctc(encoded.values), encoded.lengths)
        scorers.append(WeightedScorer(CTCScorer(), memory, options.ctc_weight))
    return search(scorers, encoded.lengths, options)


@dataclass(frozen=True)
class DecodingSummary:
    """How a manifest was decoded."""

    path: Path  # of hyp.jsonl
    num_utterances: int
    audio_seconds: float
    wall_seconds: float
    ended: dict[str, int]  # reason -> utterances


def decode_manifest(
    recognizer: Recognizer,
    manifest: str | Path,
    *,
    folder: Path,
    options: SearchConfig | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> DecodingSummary:
    """Decodes every utterance of a manifest into `hyp.jsonl`, in the manifest's order.

    Raises:
        DataError: the manifest or some audio cannot be read.
        ModelError: the folder cannot be written.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError("asr decode: runs in one process; start it without torchrun")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    cuts = list(checked_cuts(manifest))
    started = time.perf_counter()
    lines: dict[str, dict[str, object]] = {}
    for batch, results in _decode(recognizer, cuts, options):
        for name, text, result in zip(batch.ids, batch.texts, results, strict=True):
            lines[name] = {"id": name, "reference": text, **_line(result)}
        say(f"{len(lines)} of {len(cuts)} utterances")
    wall_seconds = time.perf_counter() - started
    ended = dict.fromkeys(("eos", "length", "loop"), 0)
    for cut in cuts:
        lines[cut.id]["seconds"] = round(cut.duration, 3)
        ended[str(lines[cut.id]["ended"])] += 1
    text = "".join(json.dumps(lines[cut.id], ensure_ascii=False) + "\n" for cut in cuts)
    write_file(folder / HYPOTHESES_FILE, text.encode())
    audio_seconds = sum(cut.duration for cut in cuts)
    return DecodingSummary(folder / HYPOTHESES_FILE, len(cuts), audio_seconds, wall_seconds, ended)


def _decode(
    recognizer: Recognizer, cuts: list[Cut], options: SearchConfig | None
) -> Iterator[tuple[Batch, list[Recognized]]]:
    dataset = BatchDataset(
        recognizer.tokenizer, recognizer.normalize, sample_rate=recognizer.sample_rate
    )
    batches = Batches(
        CutSet.from_cuts(cuts), dataset, config=recognizer.config.data, seed=recognizer.config.seed
    )
    for batch in batches.epoch(0, ordered=True):
        yield batch, recognizer.recognize_batch(batch.waveforms, batch.lengths, options)


def _line(result: Recognized) -> dict[str, object]:
    return {
        "hypothesis": result.text,
        "score": round(result.score, 4),
        "nbest": [{"text": text, "score": round(score, 4)} for text, score in result.nbest],
        "ended": result.ended,
    }

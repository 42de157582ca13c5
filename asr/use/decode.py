"""The decoding of a whole manifest into `hyp.jsonl`."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lhotse import CutSet

from asr.config import SearchConfig
from asr.data.batches import BatchDataset, Batches
from asr.data.loading import dead_loaders_named
from asr.data.manifest import Cut, checked_cuts
from asr.files import write_file, writing
from asr.lm.fusion import weigh
from asr.machine.ranks import connected, gather, own_rank
from asr.use.recognizer import Recognized, Recognizer

HYPOTHESES_FILE = "hyp.jsonl"


@dataclass(frozen=True)
class DecodingSummary:
    """How a manifest was decoded."""

    path: Path  # of hyp.jsonl
    num_utterances: int
    audio_seconds: float
    wall_seconds: float
    ended: dict[str, int]  # reason -> utterances


@dead_loaders_named()
def decode_manifest(
    recognizer: Recognizer,
    manifest: str | Path,
    *,
    folder: Path,
    options: SearchConfig | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> DecodingSummary:
    """Decodes every utterance of a manifest into `hyp.jsonl`, in the manifest's order.

    Under torchrun each process decodes its share, and the first one speaks and writes.

    Raises:
        DataError: the manifest or some audio cannot be read.
        ModelError: the folder cannot be written.
        ConfigError: the weights of the language models are not as many as they.
    """
    weigh(recognizer.lms, options or recognizer.options)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    cuts = list(checked_cuts(manifest))
    started = time.perf_counter()
    with connected():
        lines = _decode_share(recognizer, cuts, options, say=say)
        for part in gather(lines):
            lines.update(part)
    wall_seconds = time.perf_counter() - started
    ended = dict.fromkeys(("eos", "length", "loop"), 0)
    for cut in cuts:
        lines[cut.id]["seconds"] = round(cut.duration, 3)
        ended[str(lines[cut.id]["ended"])] += 1
    text = "".join(json.dumps(lines[cut.id], ensure_ascii=False) + "\n" for cut in cuts)
    if own_rank()[0] == 0:
        write_file(folder / HYPOTHESES_FILE, text)
    audio_seconds = sum(cut.duration for cut in cuts)
    return DecodingSummary(folder / HYPOTHESES_FILE, len(cuts), audio_seconds, wall_seconds, ended)


def batches_of(recognizer: Recognizer, cuts: list[Cut]) -> Batches:
    """Returns the batches in which a recognizer reads cuts."""
    dataset = BatchDataset(recognizer.tokenizer, sample_rate=recognizer.sample_rate)
    config = recognizer.config
    return Batches(CutSet.from_cuts(cuts), dataset, config=config.data, seed=config.seed)


def _decode_share(
    recognizer: Recognizer,
    cuts: list[Cut],
    options: SearchConfig | None,
    *,
    say: Callable[[str], None],
) -> dict[str, dict[str, object]]:
    """Returns the lines of this process's utterances by id.

    Whole batches are shared out, so that a hypothesis does not depend on how many processes there
    are: batch mates are the same, to the last bit.
    """
    rank, num_ranks = own_rank()
    others = f", without those of {num_ranks - 1} other processes" if num_ranks > 1 else ""
    lines: dict[str, dict[str, object]] = {}
    for batch in batches_of(recognizer, cuts).epoch(0, skip=rank, stride=num_ranks, ordered=True):
        results = recognizer.recognize_batch(batch.waveforms, batch.lengths, options)
        for name, text, result in zip(batch.ids, batch.texts, results, strict=True):
            lines[name] = {"id": name, "reference": text, **_line(result)}
        if rank == 0:
            say(f"{len(lines)} of {len(cuts)} utterances{others}")
    return lines


def _line(result: Recognized) -> dict[str, object]:
    return {
        "hypothesis": result.text,
        "score": round(result.score, 4),
        "nbest": [{"text": text, "score": round(score, 4)} for text, score in result.nbest],
        "ended": result.ended,
    }

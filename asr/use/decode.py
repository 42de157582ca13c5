"""The decoding of a whole manifest into `hyp.jsonl`."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lhotse import CutSet

from asr.config import SearchConfig
from asr.data.batches import Batch, BatchDataset, Batches
from asr.data.cut_lines import is_mix
from asr.data.loading import dead_loaders_named
from asr.data.manifest import Cut, audio_paths, checked_cuts, is_whole
from asr.errors import DataError
from asr.files import write_file, writing
from asr.hypotheses import REASONS
from asr.lm.fusion import weigh
from asr.machine.lifeline import tied
from asr.machine.ranks import connected, gather, own_rank
from asr.text.normalizers import get_normalizer
from asr.use.recognized import Recognized
from asr.use.recognizer import Recognizer
from asr.use.shares import decoding_key, read_share, remove_shares, share_path, write_share
from asr.use.transcript import rounded
from asr.use.workers import Answer, ask, asked_ahead, num_ahead, side_by_side

HYPOTHESES_FILE = "hyp.jsonl"
NOTHING: dict[str, object] = {  # what a line says of audio that cannot be read
    "hypothesis": "",
    "score": None,
    "num_tokens": None,
    "nbest": [],
    "ended": None,
    "confidence": None,
    "warnings": [],
}


@dataclass(frozen=True)
class DecodingSummary:
    """How a manifest was decoded."""

    path: Path  # of hyp.jsonl
    num_utterances: int
    audio_seconds: float  # of the utterances that could be read
    wall_seconds: float
    ended: dict[str, int]  # reason -> utterances
    unreadable: dict[str, str]  # id -> why its audio cannot be read; they have no hypothesis


@dead_loaders_named()
def decode_manifest(
    recognizer: Recognizer,
    manifest: str | Path,
    *,
    folder: Path,
    options: SearchConfig | None = None,
    words: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> DecodingSummary:
    """Decodes every utterance of a manifest into `hyp.jsonl`, in the manifest's order.

    With `words` a line holds them, timed. Where audio cannot be read it holds the `error`, and an
    empty hypothesis. Under torchrun each process decodes its share and keeps it in the folder until
    all have theirs; the first speaks and writes.

    Raises:
        DataError: the manifest cannot be read, or the audio of no utterance can.
        ModelError: the folder cannot be written.
        ConfigError: the weights of the language models are not as many as they.
    """
    weigh(recognizer.lms, options or recognizer.options)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    cuts, started = list(checked_cuts(manifest, may_be_gone=True)), time.perf_counter()
    with connected(), tied(patient=True) as has_share:
        lines = _share(recognizer, cuts, options, folder=folder, words=words, say=say)
        has_share.set()
        for part in gather(lines):
            lines.update(part)
    _complete(lines, cuts, manifest)
    _write(lines, cuts, folder)
    unreadable = {x.id: str(lines[x.id]["error"]) for x in cuts if "error" in lines[x.id]}
    return DecodingSummary(
        path=folder / HYPOTHESES_FILE,
        num_utterances=len(cuts),
        audio_seconds=sum(cut.duration for cut in cuts if cut.id not in unreadable),
        wall_seconds=time.perf_counter() - started,
        ended={end: sum(line["ended"] == end for line in lines.values()) for end in REASONS},
        unreadable=unreadable,
    )


def _write(lines: dict[str, dict[str, object]], cuts: list[Cut], folder: Path) -> None:
    """Writes `hyp.jsonl` in the first process, after which no share is of use."""
    if own_rank()[0] > 0:
        return
    text = "".join(json.dumps(lines[cut.id], ensure_ascii=False) + "\n" for cut in cuts)
    write_file(folder / HYPOTHESES_FILE, text)
    remove_shares(folder)


def _complete(lines: dict[str, dict[str, object]], cuts: list[Cut], manifest: str | Path) -> None:
    """Adds to each line its length, speaker and origin; refuses lines that all hold an error."""
    for cut in cuts:
        lines[cut.id]["seconds"] = round(cut.duration, 3)
        lines[cut.id]["manifest"] = str(Path(manifest).absolute())
        speakers = {supervision.speaker for supervision in cut.supervisions}
        lines[cut.id]["speaker"] = speakers.pop() if len(speakers) == 1 else None
        lines[cut.id].update(_audio_of(cut))
    errors = [line["error"] for line in lines.values() if "error" in line]
    if len(errors) == len(cuts):
        raise DataError(
            f"{manifest}: the audio of none of its {len(cuts)} utterances can be read; one of "
            f"them: {errors[0]}"
        )


def _audio_of(cut: Cut) -> dict[str, object]:
    """Returns the file that a cut is read from, and where it starts there, None for all of it.

    A mix, and audio that is in no file of its own, has none.
    """
    paths = list(audio_paths(cut))
    if is_mix(cut) or len(paths) != 1:
        return {"audio": None, "start": None}
    return {"audio": str(paths[0]), "start": None if is_whole(cut) else round(cut.start, 4)}


def batches_of(recognizer: Recognizer, cuts: list[Cut], *, leave_out: bool = False) -> Batches:
    """Returns the batches in which a recognizer reads cuts; see `BatchDataset` for `leave_out`."""
    dataset = BatchDataset(
        recognizer.tokenizer, sample_rate=recognizer.sample_rate, leave_out=leave_out
    )
    config = recognizer.config
    return Batches(CutSet.from_cuts(cuts), dataset, config=config.data, seed=config.seed)


def _share(
    recognizer: Recognizer,
    cuts: list[Cut],
    options: SearchConfig | None,
    *,
    folder: Path,
    words: bool,
    say: Callable[[str], None],
) -> dict[str, dict[str, object]]:
    """Returns the lines of this process's utterances, those kept of an earlier run if there are."""
    if own_rank()[1] == 1 or not recognizer.digests:
        return _decode_share(recognizer, cuts, options, words=words, say=say)
    key = decoding_key(recognizer.digests, cuts, options or recognizer.options, words=words)
    path = share_path(folder)
    lines = read_share(path, key)
    if lines is None:
        lines = _decode_share(recognizer, cuts, options, words=words, say=say)
        write_share(path, key, lines)
    else:
        print(f"{path}: decoded before; kept", file=sys.stderr, flush=True)
    return lines


def _decode_share(
    recognizer: Recognizer,
    cuts: list[Cut],
    options: SearchConfig | None,
    *,
    words: bool,
    say: Callable[[str], None],
) -> dict[str, dict[str, object]]:
    """Returns the lines of this process's utterances by id.

    Whole batches are shared out, so that a hypothesis does not depend on how many processes there
    are: batch mates are the same, to the last bit.
    """
    rank, num_ranks = own_rank()
    others = f", without those of {num_ranks - 1} other processes" if num_ranks > 1 else ""
    lines: dict[str, dict[str, object]] = {}
    batches = batches_of(recognizer, cuts, leave_out=True)
    for batch, results in _recognized(recognizer, batches, options, words=words, say=say):
        for left in batch.unreadable:
            lines[left.id] = {"id": left.id, "reference": left.text, **NOTHING, "error": left.error}
        for name, text, result in zip(batch.ids, batch.texts, results, strict=True):
            lines[name] = {"id": name, "reference": text, **_line(result, words=words)}
        if rank == 0:
            say(f"{len(lines)} of {len(cuts)} utterances{others}")
    rule = get_normalizer(recognizer.tokenizer.normalizer)
    return {
        name: {**line, "normalizer": f"{rule.name} {rule.version}"} for name, line in lines.items()
    }


def _recognized(
    recognizer: Recognizer,
    batches: Batches,
    options: SearchConfig | None,
    *,
    words: bool,
    say: Callable[[str], None],
) -> Iterator[tuple[Batch, list[Recognized]]]:
    """Yields the batches of this process, and what is recognized of each."""
    rank, num_ranks = own_rank()
    seconds = sum(cut.duration for cut in batches.cuts)
    expected = seconds / batches.config.batch_seconds if num_ranks == 1 else 0  # ranks have cores
    with side_by_side(recognizer, batches=expected, say=say) as recognizes:

        def ask_for(batch: Batch) -> Answer:
            if not batch.ids:
                return list
            given = (batch.waveforms.numpy(), batch.lengths.numpy(), options)
            return ask(recognizes, "recognize_batch", *given, words=words)

        epoch = batches.epoch(0, skip=rank, stride=num_ranks, ordered=True)
        yield from asked_ahead(epoch, ask_for, ahead=num_ahead(recognizes))


def _line(result: Recognized, *, words: bool) -> dict[str, object]:
    line: dict[str, object] = {
        "hypothesis": result.text,
        "score": round(result.score, 4),
        "num_tokens": result.num_tokens,
        "nbest": [{"text": text, "score": round(score, 4)} for text, score in result.nbest],
        "ended": result.ended,
        "confidence": rounded(result.confidence),
        "warnings": list(result.warnings),
    }
    if words:
        line["words"] = [
            {
                "word": word.text,
                "start": round(word.start_seconds, 3),
                "end": round(word.end_seconds, 3),
                "confidence": rounded(word.confidence),
            }
            for word in result.words
        ]
    return line

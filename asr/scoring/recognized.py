"""What a recognizer wrote of each utterance: the lines of `hyp.jsonl` of `asr decode`."""

from dataclasses import dataclass
from pathlib import Path

from asr.errors import DataError
from asr.scoring.lines import new_id, read_lines
from asr.scoring.transcripts import get_optional, get_value, parse_json


@dataclass(frozen=True)
class RecognizedUtterance:
    """One line of `hyp.jsonl`.

    Attributes:
        utterance_id: its id.
        reference: what was said.
        hypothesis: what was recognised.
        ended: why the search stopped: eos, length or loop; None where the line does not tell.
        seconds: duration of the utterance; None where the line does not tell.
        normalizer: name and version of what both texts went through; None: it does not tell.
        error: why there is no hypothesis, as audio that cannot be read; None: there is one.
        speaker: who speaks; None where the line does not tell.
    """

    utterance_id: str
    reference: str
    hypothesis: str
    ended: str | None
    seconds: float | None
    normalizer: str | None = None
    error: str | None = None
    speaker: str | None = None


def read_recognized(path: Path) -> list[RecognizedUtterance]:
    """Returns the lines of a `hyp.jsonl`, in their order.

    Raises:
        DataError: the file is missing, empty or not UTF-8, a line is not a JSON object with `id`,
            `reference` and `hypothesis`, or an id comes twice.
    """
    rows: dict[str, RecognizedUtterance] = {}
    for where, line in read_lines(path):
        values = parse_json(line, where)
        name = new_id(get_value(values, "id", str, where=where), rows, where)
        rows[name] = RecognizedUtterance(
            utterance_id=name,
            reference=get_value(values, "reference", str, where=where),
            hypothesis=get_value(values, "hypothesis", str, where=where),
            ended=get_optional(values, "ended", str, where=where),
            seconds=get_optional(values, "seconds", float, where=where),
            normalizer=get_optional(values, "normalizer", str, where=where),
            error=get_optional(values, "error", str, where=where),
            speaker=get_optional(values, "speaker", str, where=where),
        )
    if not rows:
        raise DataError(
            f"{path}: holds no utterance; must hold at least one (run asr decode again)"
        )
    return list(rows.values())

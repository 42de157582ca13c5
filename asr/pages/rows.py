"""The utterances of a page, as compact as 10,000 of them must be: what the script gets.

A row: [id, speaker's number, reference, systems, seconds, audio, start, remark]. A system:
[hypothesis, steps]; the words of both texts are parted by one space, and steps holds a letter a
step (= S D I). Where all is right the hypothesis is 0 and the steps are empty; a hypothesis that
is missing is null.
"""

import os
from collections import ChainMap
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asr.scoring.counts import UtteranceScore
from asr.scoring.rates import Report

MOST_UTTERANCES = 20_000  # on a page: some 6 MB; those with the most errors, and that is said
_LETTERS = {"hit": "=", "substitution": "S", "deletion": "D", "insertion": "I"}


def rows_of(reports: Sequence[Report], folder: Path) -> dict[str, Any]:
    """Returns what the script of a page shows of the utterances.

    Args:
        reports: of one system, or of several of the same utterances.
        folder: where the page will lie, from which audio is named.
    """
    first = reports[0]
    scores = [
        {utterance.utterance_id: utterance for utterance in report.scores.utterances}
        for report in reports
    ]
    missing = [frozenset(report.scores.missing) for report in reports]
    chosen = _chosen(first, scores)
    lines = ChainMap(*(dict(report.details.rows) for report in reports))
    speakers = list(dict.fromkeys(first.speakers[name] for name in chosen if first.speakers))
    numbers = {speaker: number for number, speaker in enumerate(speakers)}
    rows = []
    for name in chosen:
        line = lines.get(name)
        audio = None if line is None or line.audio is None else audio_url(line.audio, folder)
        place = first.places.get(name)
        rows.append(
            [
                name,
                numbers.get(first.speakers.get(name, ""), -1),
                _said(scores[0][name]),
                [
                    _system(found[name], is_missing=name in absent)
                    for found, absent in zip(scores, missing, strict=True)
                ],
                None if place is None else round(place.end - place.begin, 2),
                audio,
                None if line is None else line.start,
                _remark(line.ended, line.error) if line else "",
            ]
        )
    return {"speakers": speakers, "rows": rows, "num_utterances": len(scores[0])}


def _chosen(first: Report, scores: Sequence[dict[str, UtteranceScore]]) -> list[str]:
    """Returns the ids of what is shown, in the order of the references."""
    names = [utterance.utterance_id for utterance in first.scores.utterances]
    if len(names) <= MOST_UTTERANCES:
        return names

    def errors(name: str) -> int:
        return sum(found[name].counts["words"].num_errors for found in scores)

    kept = set(sorted(names, key=errors, reverse=True)[:MOST_UTTERANCES])
    return [name for name in names if name in kept]


def _said(score: UtteranceScore) -> str:
    return " ".join(old for _, old, _ in score.words.steps if old is not None)


def _system(score: UtteranceScore, *, is_missing: bool) -> list[Any]:
    steps = score.words.steps
    letters = "".join(_LETTERS[operation] for operation, _, _ in steps)
    if is_missing:
        return [None, letters]
    if not letters.strip("="):
        return [0, ""]
    return [" ".join(new for _, _, new in steps if new is not None), letters]


def _remark(ended: str | None, error: str | None) -> str:
    if error is not None:
        return f"not decoded: {error}"
    return "" if ended in (None, "eos") else f"search ended by {ended}"


def audio_url(audio: str, folder: Path) -> str | None:
    """Returns how a page in a folder names a recording: a relative URL; None: no way leads there.

    On Windows none leads from one drive to another.
    """
    try:
        way = os.path.relpath(os.path.abspath(audio), os.path.abspath(folder))
    except ValueError:
        return None
    return quote(Path(way).as_posix().encode("utf-8", "surrogateescape"))

r"""Error rates of what was recognised: files of transcripts in, a `Report` out.

files -> texts (transcripts.py) -> normalised -> error counts (counts.py) -> Report -> one rate
\-> report.py
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from asr.errors import ConfigError, DataError
from asr.scoring.analysis import Analysis, Details, analyse
from asr.scoring.counts import RESPACED, ScoreSet, score
from asr.scoring.intervals import Intervals, score_intervals
from asr.scoring.like import ToolCounts
from asr.scoring.readings import nearest_reading
from asr.scoring.recognized import RecognizedUtterance, read_recognized
from asr.scoring.timed import Place
from asr.tables.speakers import known_of_all
from asr.text.normalizers import Normalizer, get_normalizer

HYPOTHESES_FILE = "hyp.jsonl"


class Rate(NamedTuple):
    """An error rate that may be asked for by name: what it counts, and what it is called."""

    unit: str
    label: str


RATES = {
    "wer": Rate("words", "WER"),
    "cer": Rate("characters", "CER"),
    "cer_no_spaces": Rate("characters_no_spaces", "CER without spaces"),
    "wer_respaced": Rate(RESPACED, "sWER"),
    "jer": Rate("jamo", "jamo"),
}


@dataclass(frozen=True)
class Report:
    """Scores, and what is needed to know what they are scores of.

    Attributes:
        hypotheses_path: the file of the hypotheses.
        references_path: the file of the references; the same one for `hyp.jsonl`.
        normalizer: what both sides went through before they were aligned.
        scores: the error counts.
        ended: reason why a search stopped -> number of utterances; empty where unknown.
        audio_seconds: duration of all utterances; None where unknown.
        cuts_path: manifest of the utterances that are scored; None: all.
        note: what a reader must know of the set, such as what else it was used for.
        earlier_normalizer: name and version of what the hypotheses went through before, as their
            file says; None: it does not.
        unreadable: ids whose audio could not be read, so that they have no hypothesis.
        num_other_readings: utterances with a number that was heard in the other way it is said.
        sources: what the files were read as, and what is to know of them, a sentence each.
        extra: ids of hypotheses without reference, which do not count.
        places: where utterances lie, of those of which it is known.
        like: what another tool would count; None: it was not asked for.
        open_references: ids whose reference allows several texts, of which the nearest counts.
        provenance: see `find_provenance`; empty: it was not asked for.
        details: what else is known of the utterances.
        raw: the same without normalisation; None: it was not asked for.
    """

    hypotheses_path: Path
    references_path: Path
    normalizer: Normalizer
    scores: ScoreSet
    ended: Mapping[str, int] = field(default_factory=dict)
    audio_seconds: float | None = None
    cuts_path: Path | None = None
    note: str = ""
    earlier_normalizer: str | None = None
    unreadable: tuple[str, ...] = ()
    num_other_readings: int = 0
    sources: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    like: ToolCounts | None = None
    open_references: frozenset[str] = frozenset()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    details: Details = field(default_factory=Details)
    raw: "Report | None" = None

    @property
    def speakers(self) -> Mapping[str, str]:
        """Utterance -> who speaks; empty where that is not known of all."""
        return self.details.speakers

    @cached_property
    def analysis(self) -> Analysis:
        """Where the errors are."""
        return analyse(self.scores, self.details, self.normalizer.apply)

    @cached_property
    def intervals(self) -> Mapping[str, Intervals]:
        """The intervals of each unit's rate."""
        return score_intervals(self.scores, self.speakers)

    @property
    def folder(self) -> Path:
        """Where reports go: beside the hypotheses, of some of them to a folder of their own."""
        beside = self.hypotheses_path.parent
        if self.cuts_path is None:
            return beside
        return beside / self.cuts_path.name.removesuffix(".jsonl.gz")


def score_folder(
    folder: Path, normalizer: str, *, cuts: Path | None = None, readings: bool = True
) -> Report:
    """Returns the report of the folder's `hyp.jsonl`, both sides normalised.

    Args:
        folder: with the file.
        normalizer: name of what both sides go through.
        cuts: manifest of the utterances that are scored; None: all.
        readings: whether a number that is said in two ways is right in either.

    Raises:
        ConfigError: the normaliser is unknown.
        DataError: the file is missing, empty, or holds a line that breaks its format; or the
            manifest cannot be read or holds an utterance that the file does not.
    """
    rule, path = get_normalizer(normalizer), Path(folder) / HYPOTHESES_FILE
    rows = read_recognized(path) if cuts is None else _of_manifest(cuts, path)
    seconds = [row.seconds for row in rows if row.seconds is not None]
    speakers = known_of_all({row.utterance_id: row.speaker for row in rows})
    scores, num_other_readings = score_normalised(
        {row.utterance_id: row.reference for row in rows},
        {row.utterance_id: row.hypothesis for row in rows if row.error is None},
        rule,
        readings=readings,
    )
    return Report(
        hypotheses_path=path,
        references_path=path,
        normalizer=rule,
        scores=scores,
        ended=dict(Counter(row.ended for row in rows if row.ended is not None)),
        audio_seconds=sum(seconds) if len(seconds) == len(rows) else None,
        cuts_path=cuts,
        earlier_normalizer=_joined({row.normalizer for row in rows}),
        unreadable=tuple(row.utterance_id for row in rows if row.error is not None),
        num_other_readings=num_other_readings,
        details=Details({row.utterance_id: row for row in rows}, speakers),
        places=_places(rows, cuts),
    )


def _places(rows: Sequence[RecognizedUtterance], cuts: Path | None) -> dict[str, Place]:
    """Returns where utterances lie, by a manifest, or else each in a file of its own.

    The latter of those whose length is known.
    """
    own = {
        row.utterance_id: Place(row.utterance_id, "1", row.speaker or "unknown", 0.0, row.seconds)
        for row in rows
        if row.seconds is not None
    }
    if cuts is None:
        return own
    from asr.scoring.cut_places import places_of_cuts  # lhotse takes seconds

    return own | places_of_cuts(cuts, {row.utterance_id for row in rows})


def _joined(names: set[str | None]) -> str | None:
    return " and ".join(sorted(filter(None, names))) or None


def score_normalised(
    references: Mapping[str, str],
    hypotheses: Mapping[str, str],
    rule: Normalizer,
    *,
    readings: bool,
) -> tuple[ScoreSet, int]:
    """Returns the error counts, and how many references were read otherwise than the rule does."""
    heard = {name: rule.apply(text) for name, text in hypotheses.items()}
    plain = {name: rule.apply(text) for name, text in references.items()}
    said = {
        name: nearest_reading(text, heard[name], rule)
        if readings and name in heard
        else plain[name]
        for name, text in references.items()
    }
    return score(said, heard), sum(said[name] != plain[name] for name in said)


def _of_manifest(cuts: Path, path: Path) -> list[RecognizedUtterance]:
    """Returns the rows of a manifest's utterances, all of which must have one."""
    from asr.data.manifest import read_ids  # lhotse takes seconds

    rows = read_recognized(path)
    wanted = read_ids(cuts)
    absent = sorted(wanted - {row.utterance_id for row in rows})
    if absent:
        raise DataError(
            f"{cuts}: not in {path}: {listed(tuple(absent))} (decode a manifest that holds "
            "them, or name one of what was decoded)"
        )
    return [row for row in rows if row.utterance_id in wanted]


def read_rate_names(given: Sequence[str], option: str = "--only") -> list[str]:
    """Returns the names of rates that an option asks for, each item one name or some with commas.

    Raises:
        ConfigError: a name is unknown.
    """
    names = [name.strip() for item in given for name in item.split(",")]
    for name in names:
        if name not in RATES:
            raise ConfigError(f'{option} "{name}": unknown; known: {", ".join(RATES)}')
    return names


def read_bounds(given: Sequence[str]) -> dict[str, float]:
    """Returns the bounds of rates that were asked for as `wer=0.12`, fractions; some with commas.

    Raises:
        ConfigError: a name is unknown or comes twice, or a bound is no number from 0 to 1: `wer=12`
            would be 1200 %, which nothing exceeds.
    """
    bounds: dict[str, float] = {}
    for item in (item.strip() for several in given for item in several.split(",")):
        name, _, text = item.partition("=")
        (name,) = read_rate_names([name], "--fail-above")
        try:
            bound = float(text)
        except ValueError:
            bound = math.nan
        if not 0.0 <= bound <= 1.0:
            raise ConfigError(
                f'--fail-above "{item}": must be NAME=RATE, a fraction from 0 to 1, as in wer=0.12'
            )
        if name in bounds:
            raise ConfigError(f"--fail-above: {name} comes twice; give each rate one bound")
        bounds[name] = bound
    return bounds


def exceeded(report: Report, bounds: Mapping[str, float]) -> list[str]:
    """Returns a sentence for each rate of a report that is above its bound.

    Raises:
        DataError: as `rates_line`.
    """
    lines = []
    for name, bound in bounds.items():
        shown = rates_line(report, [name])
        if report.scores.counts(RATES[name].unit).rate > bound:
            lines.append(f"{RATES[name].label} {shown} is above {100 * bound:.2f} %")
    return lines


def rates_line(report: Report, names: Sequence[str]) -> str:
    """Returns error rates as a line: `1.23 %` for one, and `CER 1.23 % WER 4.56 %` for several.

    Raises:
        DataError: a rate is of Korean, and no reference holds Hangul.
    """
    for name in names:
        if RATES[name].unit not in report.scores.units:
            raise DataError(f"{report.references_path}: no Hangul for the rate {name} (take cer)")
    shown = [f"{100 * report.scores.counts(RATES[name].unit).rate:.2f} %" for name in names]
    if len(shown) == 1:
        return shown[0]
    return " ".join(f"{RATES[name].label} {rate}" for name, rate in zip(names, shown, strict=True))


def listed(names: tuple[str, ...]) -> str:
    """Returns the first few names, and how many there are."""
    more = ", ..." if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more} ({len(names)} in all)"

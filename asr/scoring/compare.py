"""Whether one recognizer is better than another on the same speech, or the speech cannot tell.

    systems' transcripts -> error counts of each -> paired draws (intervals.py), matched pairs
    (mapsswe.py) -> Verdict of each pair

The draws are the same for all systems, so that what makes an utterance hard for both cancels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from asr.errors import ConfigError, DataError
from asr.scoring.counts import UtteranceScore
from asr.scoring.file_scores import score_files
from asr.scoring.intervals import (
    Difference,
    Numbers,
    block_sums,
    draw_sums,
    rate_difference,
    t_point,
)
from asr.scoring.mapsswe import FEWEST_DIFFERENT, MatchedPairs, holm, matched_pairs
from asr.scoring.rates import HYPOTHESES_FILE, RATES, Report, listed, score_folder

SIGNIFICANT = 0.05
POWER_POINTS = 1.96 + 0.84  # of the normal distribution: 5 % two-sided, found in 80 of 100 tries


@dataclass(frozen=True)
class Pair:
    """Two systems compared.

    Attributes:
        names: of the two.
        by_utterance: rate of the first - rate of the second, over utterances.
        by_speaker: the same over speakers; None where they are not known, or one speaks.
        test: matched pairs of words.
        p_value: of the test, held against the number of pairs (Holm); None: too few segments.
    """

    names: tuple[str, str]
    by_utterance: Difference
    by_speaker: Difference | None
    test: MatchedPairs
    p_value: float | None

    @property
    def believed(self) -> Difference:
        """The one that holds for other speakers, where there is one."""
        return self.by_speaker or self.by_utterance

    @property
    def better(self) -> str | None:
        """Which is better: where the interval leaves 0 out and the test agrees; None: neither.

        Of fewer than six segments that differ nothing is believed.
        """
        interval, statistic = self.believed.interval, self.test.statistic
        if interval is None or statistic is None or self.p_value is None or self.is_small:
            return None
        if self.p_value >= SIGNIFICANT or (interval.low <= 0.0 <= interval.high):
            return None
        if (interval.low > 0) != (statistic > 0):
            return None
        return self.names[1] if interval.low > 0 else self.names[0]

    @property
    def is_small(self) -> bool:
        """Whether there are differences, in too few places to tell."""
        return 0 < self.test.num_different < FEWEST_DIFFERENT

    @property
    def num_needed(self) -> int | None:
        """About how many utterances would tell such a difference; None where that is not known."""
        interval, value = self.by_utterance.interval, self.by_utterance.value
        if interval is None or value == 0 or self.is_small:
            return None
        spread = (interval.high - interval.low) / 2 / t_point(interval.num_blocks)
        return max(2, round(interval.num_blocks * (POWER_POINTS * spread / value) ** 2))


@dataclass(frozen=True)
class Comparison:
    """Systems, in the order given, and each two of them compared.

    Attributes:
        reports: name -> its report.
        rate: the name of the error rate that is compared, of `RATES`.
        pairs: each two systems.
    """

    reports: Mapping[str, Report]
    rate: str
    pairs: tuple[Pair, ...]

    @property
    def unit(self) -> str:
        """What the rate counts."""
        return RATES[self.rate].unit


def read_systems(
    given: Sequence[Path], normalizer: str, *, references: Path | None = None
) -> dict[str, Report]:
    """Returns the report of each system, by a name that is short and its own.

    Args:
        given: folders of `asr decode`; with references also files of hypotheses.
        normalizer: name of what all texts go through.
        references: their file.

    Raises:
        ConfigError: fewer than two systems, one of them twice, or a file without references.
        DataError: a file breaks its format, or the systems' utterances or references differ.
    """
    paths = [_folder(Path(path), references) for path in given]
    if len(paths) < 2:
        raise ConfigError("asr compare: one system alone; give two or more (asr score takes one)")
    if len({path.resolve() for path in paths}) < len(paths):
        raise ConfigError("asr compare: one system is given twice; give each once")
    names = _short_names(paths)
    if references is None:
        found = [score_folder(path, normalizer, readings=False) for path in paths]
    else:
        files = [_hypotheses(path) for path in paths]
        found = [score_files(references, path, normalizer, readings=False) for path in files]
    for path, report in zip(paths[1:], found[1:], strict=True):
        _check_same((paths[0], found[0]), (path, report))
    return dict(zip(names, found, strict=True))


def _folder(path: Path, references: Path | None) -> Path:
    """Returns the folder of `asr decode` whose file is given; else what is given."""
    if path.name == HYPOTHESES_FILE:
        return path.parent
    if references is None and path.is_file():
        raise ConfigError(
            f"asr compare: {path} is a file of hypotheses, whose references are not given; give "
            "--ref FILE, which folders of asr decode beside it are held against too"
        )
    return path


def _hypotheses(path: Path) -> Path:
    """Returns the file of hypotheses that is meant: of a folder of `asr decode` its own."""
    own = path / HYPOTHESES_FILE
    return own if own.is_file() else path


def compare(reports: Mapping[str, Report], rate: str = "wer", *, seed: int = 0) -> Comparison:
    """Returns each two systems compared; utterances without a hypothesis are all deletions.

    Raises:
        ConfigError: the rate is unknown.
        DataError: it is of Korean, and no reference holds Hangul.
    """
    if rate not in RATES:
        raise ConfigError(f'--rate "{rate}": unknown; known: {", ".join(RATES)}')
    unit, first = RATES[rate].unit, next(iter(reports.values()))
    if unit not in first.scores.units:
        raise DataError(f"{first.references_path}: no Hangul for --rate {rate} (give --rate cer)")
    names = sorted(utterance.utterance_id for utterance in first.scores.utterances)
    rows = [in_order(report, names) for report in reports.values()]
    speakers = [first.speakers[name] for name in names] if first.speakers else []
    counted = [[utterance.counts[unit] for utterance in row] for row in rows]
    by_utterance = zip(*counted, strict=True)
    values = [[n for c in row for n in (c.num_errors, c.num_reference)] for row in by_utterance]
    sums = [block_sums(values)]
    if len(set(speakers)) > 1:
        sums.append(block_sums(values, speakers))
    drawn = [draw_sums(found, seed=seed) for found in sums]
    places = list(combinations(range(len(rows)), 2))
    tests = [_test(rows[first], rows[second]) for first, second in places]
    adjusted = iter(holm([test.p_value for test in tests if test.p_value is not None]))
    pairs = []
    for place, test in zip(places, tests, strict=True):
        found = [_difference(*both, place) for both in zip(drawn, sums, strict=True)]
        pairs.append(
            Pair(
                names=(list(reports)[place[0]], list(reports)[place[1]]),
                by_utterance=found[0],
                by_speaker=found[1] if len(found) > 1 else None,
                test=test,
                p_value=None if test.p_value is None else next(adjusted),
            )
        )
    return Comparison(reports, rate, tuple(pairs))


def _test(first: Sequence[UtteranceScore], second: Sequence[UtteranceScore]) -> MatchedPairs:
    return matched_pairs((a.words, b.words) for a, b in zip(first, second, strict=True))


def in_order(report: Report, names: Sequence[str]) -> list[UtteranceScore]:
    """Returns a report's utterances in the order of their ids that is given."""
    found = {utterance.utterance_id: utterance for utterance in report.scores.utterances}
    return [found[name] for name in names]


def _difference(drawn: Numbers, sums: Numbers, place: tuple[int, int]) -> Difference:
    columns = [2 * system + part for system in place for part in (0, 1)]
    return rate_difference(drawn[:, columns], sums[:, columns])


def _short_names(paths: Sequence[Path]) -> list[str]:
    """Returns the shortest ends of the paths that differ from each other."""
    absolute = [path.resolve() for path in paths]
    for length in range(1, max(len(path.parts) for path in absolute) + 1):
        names = ["/".join(path.parts[-length:]) for path in absolute]
        if len(set(names)) == len(names):
            break
    return names


def _check_same(first: tuple[Path, Report], second: tuple[Path, Report]) -> None:
    (first_path, first_report), (path, report) = first, second
    said = {u.utterance_id: u.reference for u in first_report.scores.utterances}
    others = {u.utterance_id: u.reference for u in report.scores.utterances}
    open_references = report.open_references
    if alone := sorted(said.keys() ^ others.keys()):
        raise DataError(
            f"{path}: its utterances are not those of {first_path}: {listed(tuple(alone))} are in "
            "one of them alone (decode the same manifest with both)"
        )
    for name, text in said.items():
        if others[name] != text and name not in open_references:
            raise DataError(
                f'{path}: utterance "{name}" has the reference "{others[name]}", in {first_path} '
                f'"{text}" (decode the same manifest, or give --normalizer)'
            )

"""Counts of recognition errors: of an utterance, and of a set of them, in each unit.

    {id: reference}, {id: hypothesis} --score--> ScoreSet -> ErrorCounts -> rates

Rates are fractions of a whole set's counts, never means of the utterances' rates, and may exceed 1.
Nothing here turns a rate into text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from asr.errors import DataError
from asr.scoring.alignment import (
    Alignment,
    ErrorCounts,
    count_errors,
    find_edits,
    split_words,
)
from asr.scoring.respacing import respace_aligned
from asr.text.normalizers import has_hangul, to_jamo

# The tokens in which errors are counted.
UNITS = ("words", "characters", "characters_no_spaces")
# Counted as well where a reference holds Hangul.
RESPACED = "words_respaced"  # of the hypothesis with the reference's spaces (`respace`)
KOREAN_UNITS = (RESPACED, "jamo")


@dataclass(frozen=True, slots=True)
class UtteranceScore:
    """What became of one utterance.

    Attributes:
        utterance_id: its id.
        reference: what was said, as it was given.
        hypothesis: what was recognised; empty if nothing was given.
        words: the alignment of the words.
        counts: the error counts in each of the set's `units`.
    """

    utterance_id: str
    reference: str
    hypothesis: str
    words: Alignment
    counts: Mapping[str, ErrorCounts]


@dataclass(frozen=True)
class ScoreSet:
    """What became of a set of utterances; each one's counts are kept, for intervals over them.

    Attributes:
        utterances: the utterances, in the order of the references.
        missing: ids without a hypothesis, which count as all deletions.
        empty_references: ids whose reference has no word; whatever was recognised there is counted
            as insertions.
    """

    utterances: tuple[UtteranceScore, ...]
    missing: tuple[str, ...]
    empty_references: tuple[str, ...]

    @property
    def units(self) -> tuple[str, ...]:
        """What was counted: `UNITS`, and where there is Hangul `KOREAN_UNITS`."""
        return tuple(self.utterances[0].counts)

    def counts(self, unit: str) -> ErrorCounts:
        """Returns the sum of the utterances' counts in one of `units`."""
        return self._sums[unit]

    @cached_property
    def _sums(self) -> dict[str, ErrorCounts]:
        return {unit: add_up(u.counts[unit] for u in self.utterances) for unit in self.units}

    def num_wrong(self, unit: str = "words") -> int:
        """Returns the number of utterances with at least one error in one of `UNITS`."""
        return self._nums_wrong[unit]

    @cached_property
    def _nums_wrong(self) -> dict[str, int]:
        return {
            unit: sum(u.counts[unit].num_errors > 0 for u in self.utterances) for unit in self.units
        }

    @property
    def num_utterances(self) -> int:
        """Number of references."""
        return len(self.utterances)

    @property
    def wer(self) -> float:
        """Word error rate, a fraction."""
        return self.counts("words").rate

    @property
    def cer(self) -> float:
        """Character error rate with spaces, a fraction."""
        return self.counts("characters").rate

    @property
    def cer_no_spaces(self) -> float:
        """Character error rate without spaces, a fraction."""
        return self.counts("characters_no_spaces").rate

    @property
    def sentence_error_rate(self) -> float:
        """Fraction of the utterances with at least one word error."""
        return self.num_wrong() / self.num_utterances


def score(references: Mapping[str, str], hypotheses: Mapping[str, str]) -> ScoreSet:
    """Returns the scores of hypotheses against the references of the same utterance ids.

    Raises:
        DataError: there is no reference, or a hypothesis has none.
    """
    if not references:
        raise DataError("no reference to score against; must be at least one utterance")
    if strangers := [name for name in hypotheses if name not in references]:
        raise DataError(
            f'hypothesis "{strangers[0]}" has no reference ({len(strangers)} of {len(hypotheses)}'
            " hypotheses have none); give the references of the same utterances"
        )
    is_korean = any(map(has_hangul, references.values()))
    seen: dict[tuple[str, str], tuple[Alignment, dict[str, ErrorCounts]]] = {}
    utterances = []
    for name, said in references.items():
        heard = hypotheses.get(name, "")
        pair = said, heard
        if pair not in seen:
            seen[pair] = _count_named(name, pair, is_korean=is_korean)
        utterances.append(UtteranceScore(name, said, heard, *seen[pair]))
    return ScoreSet(
        utterances=tuple(utterances),
        missing=tuple(name for name in references if name not in hypotheses),
        empty_references=tuple(
            utterance.utterance_id
            for utterance in utterances
            if utterance.counts["words"].num_reference == 0
        ),
    )


def add_up(counts: Iterable[ErrorCounts]) -> ErrorCounts:
    """Returns the sum of counts; of none, no errors of nothing."""
    found = list(counts)
    return ErrorCounts(
        sum(each.hits for each in found),
        sum(each.substitutions for each in found),
        sum(each.deletions for each in found),
        sum(each.insertions for each in found),
    )


def _count_named(
    name: str, pair: tuple[str, str], *, is_korean: bool
) -> tuple[Alignment, dict[str, ErrorCounts]]:
    """Returns `_count` of an utterance, which is named where it cannot be counted."""
    try:
        return _count(*pair, is_korean=is_korean)
    except DataError as error:
        raise DataError(f'utterance "{name}": {error}') from None


def _count(
    reference: str, hypothesis: str, *, is_korean: bool
) -> tuple[Alignment, dict[str, ErrorCounts]]:
    """Returns the alignment of the words, and the counts in each unit."""
    said, heard = split_words(reference), split_words(hypothesis)
    letters, heard_letters = "".join(said), "".join(heard)
    letter_edits, letter_counts = find_edits(letters, heard_letters)  # the first to be too long
    edits, counted = find_edits(said, heard)
    words = Alignment(reference, hypothesis, split_words, edits, counted)
    counts = {
        "words": counted,
        "characters": count_errors(" ".join(said), " ".join(heard)),
        "characters_no_spaces": letter_counts,
    }
    if is_korean:
        spaced = respace_aligned(said, heard_letters, letter_edits)
        counts[RESPACED] = count_errors(said, spaced)
        counts["jamo"] = count_errors(to_jamo(letters), to_jamo(heard_letters))
    return words, counts

"""The counts that sclite and Kaldi's compute-wer would print, beside ours.

Where several ways from a reference to a hypothesis are the cheapest, they may have other numbers
of substitutions, deletions and insertions, and each tool takes one of them:

- ours (jiwer's, which is rapidfuzz's) costs 1 for any error. So the number of errors is the least
  there is, which is what the word error rate means; of the cheapest ways it is the one that jiwer
  gives, by the rule in `alignment.py`, so that anybody can check it with a library that many use.
  `--like jiwer` runs jiwer itself, which splits words at the space alone.
- sclite costs 3 for a deletion or an insertion and 4 for a substitution. A pair that is not alike
  is then dearer than half of a deletion and an insertion, hits are worth more, and there may be
  more errors than the least: `c e a d` for `a b c d e` has 4 by ours and 5 by sclite.
- Kaldi costs 1 for any error, and of equally cheap ways takes an insertion before a deletion, and
  a deletion before a substitution or hit, from the end backwards: the same errors as ours in
  number, more of them deletions and insertions.
- kaldialign and meeteval take hits where ours and Kaldi do not; texterrors two substitutions for
  two words that changed places: only the sum of the errors can be compared.

Of 500 random pairs of up to 11 of 7 words (3,004 in the references), what each counts (2026-11-27):

    tool                      hits  substitutions  deletions  insertions  pairs split as ours
    ours, jiwer 4.0.0          857           1082       1065         986                  500
    kaldialign 0.12.0          909            978       1117        1038                  429
    meeteval 0.4.3             909            978       1117        1038                  429
    texterrors 1.1.9           784           1228        992         913                  438
    sclite 2.10                928            939       1137        1058                  437
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asr.errors import ConfigError, DataError
from asr.scoring.alignment import ErrorCounts, Operation, split_words
from asr.scoring.alternatives import ONE_EACH, Costs
from asr.scoring.counts import ScoreSet

_MOST_CELLS = 100_000_000  # of a table of costs, 4 bytes each
_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Tool(NamedTuple):
    """How a program counts.

    Attributes:
        costs: of the errors.
        order: which step it takes first of equally cheap ones, from the end backwards.
        folds_case: whether ASCII capitals are small letters.
        missing: what becomes of a reference without hypothesis: left out, deleted, or refused.
    """

    costs: Costs
    order: tuple[Operation, ...]
    folds_case: bool
    missing: str


_KALDI: tuple[Operation, ...] = ("insertion", "deletion", "substitution")
JIWER = "jiwer"  # is asked itself
TOOLS: Mapping[str, Tool] = {
    "sclite": Tool(Costs(3, 3, 4), ("substitution", "insertion", "deletion"), True, "left out"),
    "kaldi": Tool(Costs(), _KALDI, False, "refused"),
    "kaldi-all": Tool(Costs(), _KALDI, False, "deleted"),
    "kaldi-present": Tool(Costs(), _KALDI, False, "left out"),
}


@dataclass(frozen=True)
class ToolCounts:
    """What a tool would count.

    Attributes:
        tool: its name in `TOOLS`.
        counts: of the words.
        num_utterances: that it scores.
        num_wrong: of these, those with an error.
        missing: ids of references without hypothesis.
    """

    tool: str
    counts: ErrorCounts
    num_utterances: int
    num_wrong: int
    missing: tuple[str, ...]


def check_tool(name: str | None) -> None:
    """Refuses a name that is none of `TOOLS`; None: none is asked for.

    Raises:
        ConfigError: the name is unknown.
    """
    if name is not None and name not in (*TOOLS, JIWER):
        raise ConfigError(f'--like "{name}": unknown; known: {", ".join((*TOOLS, JIWER))}')


def costs_of(name: str | None) -> Costs:
    """Returns what errors cost a tool; None: us."""
    return ONE_EACH if name in (None, JIWER) else TOOLS[name].costs


def count_like(scores: ScoreSet, name: str) -> ToolCounts:
    """Returns what a tool would count of the same texts.

    Raises:
        ConfigError: the name is unknown.
        DataError: an utterance is too long, or has no hypothesis where the tool wants one, or
            nothing is left.
    """
    check_tool(name)
    if name == JIWER:
        return _ask_jiwer(scores)
    tool = TOOLS[name]
    if scores.missing and tool.missing == "refused":
        raise DataError(
            f'"{scores.missing[0]}" has no hypothesis ({len(scores.missing)} in all), and '
            "compute-wer stops there (give them, or --like kaldi-all or kaldi-present)"
        )
    left_out = set(scores.missing) if tool.missing == "left out" else set()
    found = [
        _count(utterance.reference, utterance.hypothesis, tool, name=utterance.utterance_id)
        for utterance in scores.utterances
        if utterance.utterance_id not in left_out
    ]
    if not found:
        raise DataError("no reference has a hypothesis; must be one at least")
    return ToolCounts(
        tool=name,
        counts=reduce(add, found),
        num_utterances=len(found),
        num_wrong=sum(counts.num_errors > 0 for counts in found),
        missing=scores.missing,
    )


def _ask_jiwer(scores: ScoreSet) -> ToolCounts:
    import jiwer

    references = [utterance.reference for utterance in scores.utterances]
    found = jiwer.process_words(references, [u.hypothesis for u in scores.utterances])
    return ToolCounts(
        tool=JIWER,
        counts=ErrorCounts(found.hits, found.substitutions, found.deletions, found.insertions),
        num_utterances=len(references),
        num_wrong=sum(any(c.type != "equal" for c in chunks) for chunks in found.alignments),
        missing=scores.missing,
    )


def _count(reference: str, hypothesis: str, tool: Tool, *, name: str) -> ErrorCounts:
    if tool.folds_case:
        reference, hypothesis = reference.translate(_FOLD), hypothesis.translate(_FOLD)
    said, heard = split_words(reference), split_words(hypothesis)
    if len(said) * len(heard) > _MOST_CELLS:
        raise DataError(
            f'"{name}": {len(said)} words against {len(heard)} are too many for --like; must be at '
            f"most {_MOST_CELLS} in product (cut the recording, or go without --like)"
        )
    return count_steps(said, heard, tool.costs, order=tool.order)


def count_steps(
    said: Sequence[str], heard: Sequence[str], costs: Costs, *, order: Sequence[Operation]
) -> ErrorCounts:
    """Returns the counts of the cheapest way, in the order in which equal steps are taken.

    Args:
        said: tokens of the reference.
        heard: tokens of the hypothesis.
        costs: of the errors.
        order: which step is taken first of equally cheap ones, from the end backwards; a hit counts
            as a substitution.
    """
    if said == heard:
        return ErrorCounts(hits=len(said))
    table, is_equal = _cost_table(said, heard, costs)
    row, column = len(said), len(heard)
    num = dict.fromkeys(("hit", "substitution", "deletion", "insertion"), 0)
    while row or column:
        for step in order:
            up, left = step != "insertion", step != "deletion"
            if (up and not row) or (left and not column):
                continue
            kind = "hit" if up and left and is_equal[row - 1, column - 1] else step
            cost = 0 if kind == "hit" else getattr(costs, kind)
            if table[row - up, column - left] + cost == table[row, column]:
                break
        num[kind] += 1
        row, column = row - up, column - left
    return ErrorCounts(num["hit"], num["substitution"], num["deletion"], num["insertion"])


def _cost_table(
    said: Sequence[str], heard: Sequence[str], costs: Costs
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Returns what the ways cost from nothing to each pair of places, and which words are equal."""
    codes = {word: code for code, word in enumerate({*said, *heard})}
    rows = np.array([codes[word] for word in said], dtype=np.int32)
    columns = np.array([codes[word] for word in heard], dtype=np.int32)
    is_equal = rows[:, None] == columns[None, :]
    inserted = costs.insertion * np.arange(len(heard) + 1, dtype=np.int32)
    table = np.empty((len(said) + 1, len(heard) + 1), dtype=np.int32)
    table[0] = inserted
    for row in range(1, len(said) + 1):
        before = table[row - 1]
        best = before + costs.deletion
        changed = before[:-1] + np.where(is_equal[row - 1], 0, costs.substitution)
        np.minimum(best[1:], changed, out=best[1:])
        table[row] = np.minimum.accumulate(best - inserted) + inserted
    return table, is_equal


def values_like(found: ToolCounts | None) -> dict[str, object] | None:
    """Returns the counts for JSON."""
    if found is None:
        return None
    values = asdict(found)
    return {"tool": values.pop("tool"), **values.pop("counts"), **values}


def lines_like(found: ToolCounts | None) -> list[str]:
    """Returns the counts as the tool prints them; nothing of none."""
    if found is None:
        return []
    counts = found.counts
    num, wrong, whole = found.num_utterances, found.num_wrong, max(counts.num_reference, 1)
    if found.tool == "sclite":
        parts = (counts.hits, counts.substitutions, counts.deletions, counts.insertions)
        shares = [100 * part / whole for part in (*parts, counts.num_errors)]
        shares.append(100 * wrong / num)
        cells = "  ".join(f"{share:.1f}" for share in shares)
        return [
            "as sclite counts: # Snt # Wrd | Corr Sub Del Ins Err S.Err",
            f"| Sum/Avg | {num}  {counts.num_reference} | {cells} |",
            f"| Sum     | {num}  {counts.num_reference} | "
            + "  ".join(map(str, (*parts, counts.num_errors, wrong)))
            + " |",
        ]
    if found.tool == JIWER:
        return [
            f"as jiwer counts: wer {counts.num_errors / whole:.6f}, hits {counts.hits}, "
            f"substitutions {counts.substitutions}, deletions {counts.deletions}, insertions "
            f"{counts.insertions}"
        ]
    absent = len(found.missing)
    return [
        f"%WER {100 * counts.num_errors / whole:.2f} [ {counts.num_errors} / "
        f"{counts.num_reference}, {counts.insertions} ins, {counts.deletions} del, "
        f"{counts.substitutions} sub ]" + (" [PARTIAL]" if absent else ""),
        f"%SER {100 * wrong / num:.2f} [ {wrong} / {num} ]",
        f"Scored {num} sentences, {absent} not present in hyp.",
    ]

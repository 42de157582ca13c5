"""Which tokens of two tokenizers are the same: those that spell the same string."""

from asr.text.tokens import SPECIAL_TOKENS, Tokenizer
from asr.text.units import TokenUnits


def shared_rows(own: Tokenizer, theirs: Tokenizer) -> list[tuple[int, int]]:
    """Returns the numbers, here and there, of each token that both have: the same string."""
    if own.to_bytes() == theirs.to_bytes():
        return [(index, index) for index in range(own.vocab_size)]
    special = len(SPECIAL_TOKENS)
    here, there = (_by_label(tokenizer) for tokenizer in (own, theirs))
    shared = [(index, there[label]) for label, index in here.items() if label in there]
    return [*((index, index) for index in range(special)), *shared]


def _by_label(tokenizer: Tokenizer) -> dict[str, int]:
    """Returns the number of each token by its string, but for strings that two tokens have."""
    numbers: dict[str, list[int]] = {}
    for index in range(len(SPECIAL_TOKENS), tokenizer.vocab_size):
        numbers.setdefault(tokenizer.token(index), []).append(index)
    return {label: found[0] for label, found in numbers.items() if len(found) == 1}


def shared_units(
    own: TokenUnits, theirs: TokenUnits, rows: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Returns the numbers, here and there, of each unit of CTC that both have: the same label.

    Args:
        own: units here.
        theirs: units there.
        rows: of shared tokens, which are the units where both have tokens for units.
    """
    if type(own) is type(theirs) is TokenUnits:
        return rows
    there: dict[str, int] = {}
    for unit in range(theirs.num_units):
        there.setdefault(theirs.label(unit), unit)
    labels = [(unit, own.label(unit)) for unit in range(own.num_units)]
    return [(unit, there[label]) for unit, label in labels if label in there]


def about_tokens(
    own: Tokenizer, theirs: Tokenizer, rows: list[tuple[int, int]]
) -> dict[str, list[str] | int]:
    """Returns how many tokens are shared, and which are here or there alone, as JSON."""
    here, there = ({pair[side] for pair in rows} for side in (0, 1))
    return {
        "shared": len(rows),
        "made_anew": [own.token(i) for i in range(own.vocab_size) if i not in here],
        "left": [theirs.token(i) for i in range(theirs.vocab_size) if i not in there],
    }

"""The units of the CTC head: the tokens themselves, or the letters that tokens are spelt with.

A syllable or a piece is heard far less often than its letters, and CTC of tokens that are heard a
few hundred times does not learn. CTC of letters does, and shows the encoder where the letters are,
whatever tokens the decoder writes: `egs/quickstart/RESULTS.md` has the figures.
"""

import itertools
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from asr.errors import ConfigError
from asr.text.normalizers import to_jamo
from asr.text.syllables import whole_syllables
from asr.text.tokens import BLANK, SPECIAL_TOKENS, UNK, UNKNOWN_TEXT, Tokenizer

KINDS = ("tokens", "letters")


class TokenUnits:
    """Each token is a unit of its own.

    Attributes:
        name: of what they are.
        num_special: of them, the first ones.
        num_units: of all, the blank among them.

    Args:
        tokenizer: of the tokens; None where only their number matters.
        vocab_size: number of tokens, which are as many units, the blank among them.
    """

    name = "tokens"
    num_special = len(SPECIAL_TOKENS)

    def __init__(self, tokenizer: Tokenizer | None, vocab_size: int) -> None:
        self._tokenizer, self.num_units = tokenizer, vocab_size

    def label(self, unit: int) -> str:
        """Returns the letter or piece of a unit, or the name of a special one."""
        assert self._tokenizer is not None
        special = unit < len(SPECIAL_TOKENS)
        return SPECIAL_TOKENS[unit] if special else self._tokenizer.spelt(unit)

    def spell(self, tokens: Iterable[int]) -> list[int]:
        """Returns the units of tokens, none of them PAD, BOS or EOS."""
        return [int(token) for token in tokens]

    def spell_batch(self, targets: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns units (B,S) and their numbers (B,), of the first lengths (B,) tokens (B,U)."""
        return targets, lengths

    def text(self, units: Iterable[int]) -> str:
        """Returns what units spell."""
        assert self._tokenizer is not None
        return self._tokenizer.decode(units)


class Suffixes(NamedTuple):
    """The ends of spellings that have so many units, and the tokens that have no more than them."""

    firsts: tuple[int, ...]  # the first unit of each end
    rests: tuple[int, ...]  # what follows it, among the ends that are shorter by one
    tokens: tuple[int, ...]
    ends: tuple[int, ...]  # of each of these tokens


class LetterUnits(TokenUnits):
    """Letters, of Hangul jamo: of all tokens, in code-point order, after the blank and UNK.

    Attributes:
        spellings: the units of each token; none for PAD, BOS and EOS.
    """

    name = "letters"
    num_special = 2

    def __init__(self, tokenizer: Tokenizer) -> None:
        texts = ["", "", "", "", *map(tokenizer.spelt, range(UNK + 1, tokenizer.vocab_size))]
        letters = [to_jamo(text) for text in texts]
        self._labels = (SPECIAL_TOKENS[BLANK], SPECIAL_TOKENS[UNK], *sorted(set().union(*letters)))
        number = {letter: index for index, letter in enumerate(self._labels)}
        spellings = [tuple(number[letter] for letter in spelt) for spelt in letters]
        spellings[UNK] = (1,)
        self.spellings = tuple(spellings)
        super().__init__(tokenizer, len(self._labels))

    @cached_property
    def suffixes(self) -> list[Suffixes]:
        """The ends of all spellings, those of one unit first."""
        found: list[Suffixes] = []
        shorter: dict[tuple[int, ...], int] = {(): 0}
        for size in range(1, max(map(len, self.spellings)) + 1):
            ends = sorted({spelt[-size:] for spelt in self.spellings if len(spelt) >= size})
            numbers = {end: number for number, end in enumerate(ends)}
            tokens = [t for t, spelt in enumerate(self.spellings) if len(spelt) == size]
            found.append(
                Suffixes(
                    firsts=tuple(end[0] for end in ends),
                    rests=tuple(shorter[end[1:]] for end in ends),
                    tokens=tuple(tokens),
                    ends=tuple(numbers[self.spellings[token]] for token in tokens),
                )
            )
            shorter = numbers
        return found

    def label(self, unit: int) -> str:
        """Returns the letter of a unit, or the name of a special one."""
        return self._labels[unit]

    def spell(self, tokens: Iterable[int]) -> list[int]:
        """Returns the units of tokens, one token's after the other's."""
        return [unit for token in tokens for unit in self.spellings[int(token)]]

    def spell_batch(self, targets: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns units (B,S), padded, and their numbers (B,)."""
        pairs = zip(targets.tolist(), lengths.tolist(), strict=True)
        rows = [torch.tensor(self.spell(row[:length])) for row, length in pairs]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=1)
        counts = torch.tensor([len(row) for row in rows])
        return padded.to(targets), counts.to(lengths)

    def text(self, units: Iterable[int]) -> str:
        """Returns what units spell; jamo that form no syllable are left out."""
        spelt = "".join(UNKNOWN_TEXT if unit == 1 else self._labels[unit] for unit in units)
        return whole_syllables(spelt).strip(" ")


def units_of(tokenizer: Tokenizer, kind: str) -> TokenUnits:
    """Returns the units by their name in the configuration.

    Raises:
        ConfigError: no such name.
    """
    if kind not in KINDS:
        raise ConfigError(f'tokenizer.ctc_units "{kind}": unknown; known: {", ".join(KINDS)}')
    # Tokens of one letter each are letters already: nothing but their numbers would change.
    if kind == "letters" and has_longer_tokens(tokenizer):
        return LetterUnits(tokenizer)
    return TokenUnits(tokenizer, tokenizer.vocab_size)


def has_longer_tokens(tokenizer: Tokenizer) -> bool:
    """Returns whether there are tokens of several letters or jamo."""
    texts = map(tokenizer.spelt, range(UNK + 1, tokenizer.vocab_size))
    return any(len(to_jamo(text)) > 1 for text in texts)


def frames_needed(units: Sequence[int]) -> int:
    """Returns how many frames CTC needs: one a unit, and one more between two equal ones."""
    return len(units) + sum(a == b for a, b in itertools.pairwise(units))


def token_spans(units: TokenUnits, tokens: Sequence[int]) -> list[tuple[int, int]]:
    """Returns for each token its first unit among those of all, and the one after its last."""
    spans, end = [], 0
    for token in tokens:
        first, end = end, end + len(units.spell([token]))
        spans.append((first, end))
    return spans

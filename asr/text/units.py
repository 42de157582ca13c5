"""The units of the CTC head: the tokens themselves, or the letters that tokens are spelt with.

A syllable or a piece is heard far less often than its letters, and CTC of tokens that are heard a
few hundred times does not learn. CTC of letters does, and shows the encoder where the letters are,
whatever tokens the decoder writes: `egs/quickstart/RESULTS.md` has the figures.
"""

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


class TrieLevel(NamedTuple):
    """The beginnings of spellings that have as many units, and tokens that need one unit more."""

    parents: tuple[int, ...]  # of each beginning, in the level before
    last_units: tuple[int, ...]  # of each beginning
    tokens: tuple[int, ...]
    nodes: tuple[int, ...]  # the beginning of each token's spelling
    units: tuple[int, ...]  # the unit that ends it


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
    def trie(self) -> list[TrieLevel]:
        """The beginnings of all spellings, from the empty one on, shortest first."""
        longest = max(map(len, self.spellings))
        levels, parents = [], dict[tuple[int, ...], int]()
        beginnings: list[tuple[int, ...]] = [()]
        numbers: dict[tuple[int, ...], int] = {(): 0}
        for size in range(longest):
            ending = [t for t, spelt in enumerate(self.spellings) if len(spelt) == size + 1]
            levels.append(
                TrieLevel(
                    parents=tuple(parents.get(beginning[:-1], 0) for beginning in beginnings),
                    last_units=tuple(beginning[-1] if beginning else 0 for beginning in beginnings),
                    tokens=tuple(ending),
                    nodes=tuple(numbers[self.spellings[token][:-1]] for token in ending),
                    units=tuple(self.spellings[token][-1] for token in ending),
                )
            )
            longer = {spelt[: size + 1] for spelt in self.spellings if len(spelt) > size + 1}
            beginnings, parents = sorted(longer), numbers
            numbers = {beginning: number for number, beginning in enumerate(beginnings)}
        return levels

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


def token_spans(units: TokenUnits, tokens: Sequence[int]) -> list[tuple[int, int]]:
    """Returns for each token its first unit among those of all, and the one after its last."""
    spans, end = [], 0
    for token in tokens:
        first, end = end, end + len(units.spell([token]))
        spans.append((first, end))
    return spans

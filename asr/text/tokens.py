"""The special tokens, and what every tokenizer can do."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Self

from asr.errors import ConfigError
from asr.files import write_file
from asr.text.normalizers import get_normalizer

PAD = 0
BOS = 1
EOS = 2
UNK = 3
# CTC's blank shares the index of padding: no reference holds either of them, so neither head
# needs a row for the other's, and both heads have vocab_size outputs that mean the same tokens.
BLANK = PAD

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<unk>")  # at PAD, BOS, EOS, UNK
UNKNOWN_TEXT = "⁇"  # what UNK becomes in decoded text
SILENT = frozenset((PAD, BOS, EOS))  # what decoded text leaves out


class Tokenizer(ABC):
    """Text <-> token numbers in [0, vocab_size), the first four of them special.

    Attributes:
        kind: the name under which `TOKENIZERS` knows the class.
        vocab_size: number of tokens, the special ones included.
        normalizer: name of the normaliser that text goes through before `encode`.
        file_name: of its one file in a model folder.
    """

    kind: ClassVar[str]
    vocab_size: int
    normalizer: str
    file_name: ClassVar[str]

    @classmethod
    @abstractmethod
    def train(cls, texts: Sequence[str], *, vocab_size: int | None, normalizer: str) -> Self:
        """Returns a tokenizer that knows every character of `texts` (normalised, one at least)."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, *, normalizer: str) -> Self:
        """Returns the tokenizer that `save` wrote to the folder."""

    def extended(self, texts: Sequence[str]) -> Self:
        """Returns the tokenizer of these tokens and, after them, what else `texts` need.

        Raises:
            ConfigError: no token can be added to one of this kind.
        """
        raise ConfigError(
            f'tokenizer "{self.kind}": tokens cannot be added to pieces that were learnt together; '
            "use init.vocabulary = keep, or new"
        )

    @abstractmethod
    def to_bytes(self) -> bytes:
        """Returns what its file holds; the same tokenizer, the same bytes."""

    def save(self, folder: Path) -> None:
        """Writes the tokenizer's one file into a folder, whole or not at all.

        Raises:
            ModelError: it cannot be written.
        """
        write_file(Path(folder) / self.file_name, self.to_bytes())

    def normalize(self, text: str) -> str:
        """Returns any text as `encode` and references have it: by this tokenizer's normaliser."""
        return get_normalizer(self.normalizer).apply(text)

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Returns the tokens of normalised text, without BOS and EOS; unknown characters: UNK."""

    @abstractmethod
    def decode(self, tokens: Iterable[int]) -> str:
        """Returns the text; PAD, BOS and EOS are left out, each UNK is written as "⁇".

        Jamo that form no syllable are left out, too (`syllables.py` says why).
        """

    @abstractmethod
    def token(self, index: int) -> str:
        """Returns a printable label of one token, for pictures and logs."""

    @abstractmethod
    def spelt(self, index: int) -> str:
        """Returns what one token adds to a text: a space, too, where a word begins.

        Nothing for PAD, BOS and EOS; "⁇" for UNK; jamo or syllables, as the token has them.
        """

    def begins_word(self, index: int) -> bool:
        """Returns whether a token is a space, or begins with one: what follows is a new word."""
        return self.decode([index]).isspace()

    @abstractmethod
    def count_unknown(self, text: str) -> int:
        """Returns how many characters of normalised text no token can spell."""

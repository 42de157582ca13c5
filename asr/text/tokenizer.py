"""Text to token numbers and back: characters (for Korean, Hangul syllables), jamo, sentencepiece.

A tokenizer reads text that its normaliser has been through (`normalize`), knows only what the
training text held, and travels in the model folder as one file.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from asr.errors import ConfigError, DataError, ModelError
from asr.text.normalizers import JAMO, from_jamo, get_normalizer, to_jamo
from asr.text.sentencepieces import (
    BpeTokenizer,
    JamoBpeTokenizer,
    JamoUnigramTokenizer,
    UnigramTokenizer,
)
from asr.text.syllables import whole_syllables
from asr.text.tokens import (
    BLANK,
    BOS,
    EOS,
    PAD,
    SILENT,
    SPECIAL_TOKENS,
    UNK,
    UNKNOWN_TEXT,
    Tokenizer,
)

__all__ = [
    "BLANK",
    "BOS",
    "EOS",
    "PAD",
    "TOKENIZERS",
    "UNK",
    "CharacterTokenizer",
    "JamoTokenizer",
    "Tokenizer",
    "load_tokenizer",
    "train_tokenizer",
]

_SPACE_LABEL = "<space>"


class CharacterTokenizer(Tokenizer):
    """One token a character, the space included; for Korean that is one token a syllable."""

    kind = "char"
    file_name = "tokens.txt"

    def __init__(self, characters: Sequence[str], *, normalizer: str) -> None:
        self.normalizer = normalizer
        self._characters = tuple(characters)
        self._index = {c: i for i, c in enumerate(self._characters, start=len(SPECIAL_TOKENS))}
        self.vocab_size = len(SPECIAL_TOKENS) + len(self._characters)

    @classmethod
    def train(cls, texts: Sequence[str], *, vocab_size: int | None, normalizer: str) -> Self:
        """Returns the tokenizer of all characters in `texts`, in code-point order.

        Raises:
            ConfigError: a vocabulary size was asked for.
        """
        if vocab_size is not None:
            raise ConfigError(
                f'tokenizer "{cls.kind}": vocab_size {vocab_size} must be left out, because every'
                " character of the training text becomes a token (remove it, or use unigram or bpe)"
            )
        return cls(sorted(set().union(*texts)), normalizer=normalizer)

    @classmethod
    def load(cls, folder: Path, *, normalizer: str) -> Self:
        """Returns the tokenizer of the folder's `tokens.txt`: one token a line, specials first.

        Raises:
            ModelError: the file is missing, is not UTF-8, or breaks its format.
        """
        path = Path(folder) / cls.file_name
        try:
            lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{path}: cannot be read as a token list ({error})") from error
        if tuple(lines[: len(SPECIAL_TOKENS)]) != SPECIAL_TOKENS:
            raise ModelError(f"{path}: must begin with the lines {', '.join(SPECIAL_TOKENS)}")
        characters = [" " if line == _SPACE_LABEL else line for line in lines[4:]]
        for number, character in enumerate(characters, start=len(SPECIAL_TOKENS) + 1):
            if len(character) != 1:
                raise ModelError(f'{path} line {number}: "{character}" must be one character')
        if len(set(characters)) != len(characters):
            raise ModelError(f"{path}: holds a character twice; each must have one line")
        return cls(characters, normalizer=normalizer)

    def extended(self, texts: Sequence[str]) -> Self:
        """Returns the tokenizer of these characters and, after them, of the others in `texts`."""
        others = set().union(*texts) - set(self._characters)
        return type(self)([*self._characters, *sorted(others)], normalizer=self.normalizer)

    def to_bytes(self) -> bytes:
        """Returns `tokens.txt`: UTF-8, one token a line, the space as `<space>`."""
        labels = [self.token(index) for index in range(self.vocab_size)]
        return ("\n".join(labels) + "\n").encode("utf-8")

    def encode(self, text: str) -> list[int]:
        """Returns one token a character of normalised text."""
        return [self._index.get(character, UNK) for character in text]

    def decode(self, tokens: Iterable[int]) -> str:
        """Returns the characters of the tokens, one after the other; jamo in syllables alone."""
        spelt = "".join(self._spell(int(token)) for token in tokens if int(token) not in SILENT)
        return whole_syllables(spelt)

    def token(self, index: int) -> str:
        """Returns the character, or the name of a special token or of the space."""
        assert 0 <= index < self.vocab_size
        if index < len(SPECIAL_TOKENS):
            return SPECIAL_TOKENS[index]
        character = self._characters[index - len(SPECIAL_TOKENS)]
        return _SPACE_LABEL if character == " " else character

    def spelt(self, index: int) -> str:
        """Returns the token's character."""
        return "" if index in SILENT else self._spell(index)

    def count_unknown(self, text: str) -> int:
        """Returns the number of characters outside the training text's."""
        return sum(character not in self._index for character in text)

    def _spell(self, token: int) -> str:
        assert UNK <= token < self.vocab_size
        return UNKNOWN_TEXT if token == UNK else self._characters[token - len(SPECIAL_TOKENS)]


class JamoTokenizer(CharacterTokenizer):
    """One token a jamo: Korean with some 70 tokens, and no syllable unknown.

    Initials, vowels and finals are different tokens, so that syllables can be told apart again. All
    jamo are tokens, whether the training text has them or not.
    """

    kind = "jamo"

    @classmethod
    def train(cls, texts: Sequence[str], *, vocab_size: int | None, normalizer: str) -> Self:
        """Returns the tokenizer of every jamo, and of the other characters in `texts`."""
        spelt = [JAMO, *map(to_jamo, texts)]
        return super().train(spelt, vocab_size=vocab_size, normalizer=normalizer)

    def extended(self, texts: Sequence[str]) -> Self:
        """Returns the tokenizer of these tokens and, after them, of the others in `texts`."""
        return super().extended([*map(to_jamo, texts)])

    def encode(self, text: str) -> list[int]:
        """Returns one token a jamo of normalised text."""
        return super().encode(to_jamo(text))

    def decode(self, tokens: Iterable[int]) -> str:
        """Returns the tokens' jamo composed to syllables, without those that form none."""
        return from_jamo(super().decode(tokens))

    def count_unknown(self, text: str) -> int:
        """Returns the number of jamo outside the training text's."""
        return super().count_unknown(to_jamo(text))


TOKENIZERS: dict[str, type[Tokenizer]] = {
    tokenizer.kind: tokenizer
    for tokenizer in (
        CharacterTokenizer,
        JamoTokenizer,
        UnigramTokenizer,
        BpeTokenizer,
        JamoUnigramTokenizer,
        JamoBpeTokenizer,
    )
}


def train_tokenizer(
    texts: Iterable[str], *, kind: str, vocab_size: int | None, normalizer: str
) -> Tokenizer:
    """Returns a tokenizer of that kind, which knows what is in these texts and nothing else.

    The texts are normalised here (normalised text stays as it is); give the training texts only,
    or what the tokenizer knows of the test set makes the error rate a flattering one.

    Raises:
        ConfigError: kind or normaliser is unknown, or the vocabulary size does not suit.
        DataError: no text holds a character, or one holds a character that the kind cannot.
    """
    tokenizer = _find(kind)
    normalize = get_normalizer(normalizer).apply
    normalised = [text for text in map(normalize, texts) if text]
    if not normalised:
        raise DataError(
            f'tokenizer "{kind}": the training texts hold no character after normalizer'
            f' "{normalizer}"; must hold at least one (check the transcripts)'
        )
    return tokenizer.train(normalised, vocab_size=vocab_size, normalizer=normalizer)


def load_tokenizer(folder: Path, *, kind: str, normalizer: str) -> Tokenizer:
    """Returns the tokenizer that `save` wrote to the folder.

    Raises:
        ConfigError: kind or normaliser is unknown.
        ModelError: the tokenizer's file is missing or damaged.
    """
    return _find(kind).load(Path(folder), normalizer=get_normalizer(normalizer).name)


def _find(kind: str) -> type[Tokenizer]:
    if kind not in TOKENIZERS:
        known = ", ".join(TOKENIZERS)
        raise ConfigError(f'tokenizer "{kind}" is unknown; choose one of: {known}')
    return TOKENIZERS[kind]

"""Text to token numbers and back: characters (for Korean, Hangul syllables) and sentencepiece.

A tokenizer reads text that its normaliser has already been through, knows only what the training
text held, and travels in the model folder as one file.
"""

import io
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Self

import sentencepiece

from asr.errors import ConfigError, DataError, ModelError
from asr.text import from_jamo, get_normalizer, to_jamo

PAD = 0
BOS = 1
EOS = 2
UNK = 3
# CTC's blank shares the index of padding: no reference holds either of them, so neither head
# needs a row for the other's, and both heads have vocab_size outputs that mean the same tokens.
BLANK = PAD

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<unk>")  # at PAD, BOS, EOS, UNK
UNKNOWN_TEXT = "⁇"  # what UNK becomes in decoded text
_SPACE_LABEL = "<space>"
_SILENT = frozenset((PAD, BOS, EOS))

_WORD_START = "\u2581"  # sentencepiece's mark for the space before a word
_RESERVED_STAND_IN = "\u2585"  # sentencepiece's mark for unknown text, which no piece holds
_RESERVED = re.compile(f"[{_WORD_START}{_RESERVED_STAND_IN}]")


class Tokenizer(ABC):
    """Text <-> token numbers in [0, vocab_size), the first four of them special.

    Attributes:
        kind: the name under which `TOKENIZERS` knows the class.
        vocab_size: number of tokens, the special ones included.
        normalizer: name of the normaliser that text goes through before `encode`.
    """

    kind: ClassVar[str]
    vocab_size: int
    normalizer: str

    @classmethod
    @abstractmethod
    def train(cls, texts: Sequence[str], *, vocab_size: int | None, normalizer: str) -> Self:
        """Return a tokenizer that knows every character of `texts` (normalised, one at least)."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, *, normalizer: str) -> Self:
        """Return the tokenizer that `save` wrote to the folder."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the tokenizer's one file into the folder; the same tokenizer, the same bytes."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the tokens of normalised text, without BOS and EOS; unknown characters: UNK."""

    @abstractmethod
    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text; PAD, BOS and EOS are left out, each UNK is written as "⁇"."""

    @abstractmethod
    def token(self, index: int) -> str:
        """Return a printable label of one token, for pictures and logs."""

    @abstractmethod
    def count_unknown(self, text: str) -> int:
        """Return how many characters of normalised text no token can spell."""


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
        """Return the tokenizer of all characters in `texts`, in code-point order.

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
        """Return the tokenizer of the folder's `tokens.txt`: one token a line, specials first.

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

    def save(self, folder: Path) -> None:
        """Write `tokens.txt`: UTF-8, one token a line, the space as `<space>`."""
        labels = [self.token(index) for index in range(self.vocab_size)]
        (Path(folder) / self.file_name).write_bytes(("\n".join(labels) + "\n").encode("utf-8"))

    def encode(self, text: str) -> list[int]:
        """Return one token a character of normalised text."""
        return [self._index.get(character, UNK) for character in text]

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the characters of the tokens, one after the other."""
        return "".join(self._spell(int(token)) for token in tokens if int(token) not in _SILENT)

    def token(self, index: int) -> str:
        """Return the character, or the name of a special token or of the space."""
        assert 0 <= index < self.vocab_size
        if index < len(SPECIAL_TOKENS):
            return SPECIAL_TOKENS[index]
        character = self._characters[index - len(SPECIAL_TOKENS)]
        return _SPACE_LABEL if character == " " else character

    def count_unknown(self, text: str) -> int:
        """Return the number of characters outside the training text's."""
        return sum(character not in self._index for character in text)

    def _spell(self, token: int) -> str:
        assert UNK <= token < self.vocab_size
        return UNKNOWN_TEXT if token == UNK else self._characters[token - len(SPECIAL_TOKENS)]


class JamoTokenizer(CharacterTokenizer):
    """One token a jamo: Korean with some 70 tokens, and no syllable unknown.

    Initials, vowels and finals are different tokens, so that syllables can be told apart again.
    """

    kind = "jamo"

    @classmethod
    def train(cls, texts: Sequence[str], *, vocab_size: int | None, normalizer: str) -> Self:
        """Return the tokenizer of all jamo and other characters in `texts`."""
        spelt = [to_jamo(text) for text in texts]
        return super().train(spelt, vocab_size=vocab_size, normalizer=normalizer)

    def encode(self, text: str) -> list[int]:
        """Return one token a jamo of normalised text."""
        return super().encode(to_jamo(text))

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the tokens' jamo composed to syllables where they form some."""
        return from_jamo(super().decode(tokens))

    def count_unknown(self, text: str) -> int:
        """Return the number of jamo outside the training text's."""
        return super().count_unknown(to_jamo(text))


class SentencePieceTokenizer(Tokenizer):
    """Pieces of words, found by sentencepiece; a piece that begins a word begins with "▁".

    Every character of the training text is also a piece of its own and sentencepiece's own
    normalisation is off, so that text of known characters comes back from `decode` unchanged.
    """

    file_name = "tokenizer.model"

    def __init__(self, model: bytes, *, normalizer: str) -> None:
        self.normalizer = normalizer
        self._model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.vocab_size = int(self._processor.vocab_size())
        pieces = map(self._processor.id_to_piece, range(len(SPECIAL_TOKENS), self.vocab_size))
        self._known = frozenset("".join(pieces).replace(_WORD_START, " ")) | {" "}

    @classmethod
    def train(cls, texts: Sequence[str], *, vocab_size: int | None, normalizer: str) -> Self:
        """Return the tokenizer of exactly `vocab_size` tokens; the same texts, the same tokens.

        Raises:
            ConfigError: the size is missing, too small for the characters of the texts, or larger
                than the number of pieces that they yield.
            DataError: a text holds a character that sentencepiece keeps for itself.
        """
        if vocab_size is None:
            raise ConfigError(
                f'tokenizer "{cls.kind}": vocab_size is missing; must be the number of tokens'
                " wanted (500 to 5000 suit most corpora)"
            )
        for text in texts:
            if reserved := _RESERVED.search(text):
                raise DataError(
                    f'training text "{text}": character {reserved[0]!a} is reserved by'
                    " sentencepiece (remove it, or use the char tokenizer)"
                )
        return cls(_train_sentencepiece(texts, cls.kind, vocab_size), normalizer=normalizer)

    @classmethod
    def load(cls, folder: Path, *, normalizer: str) -> Self:
        """Return the tokenizer of the folder's `tokenizer.model`.

        Raises:
            ModelError: the file is missing, damaged, or numbers the special tokens otherwise.
        """
        path = Path(folder) / cls.file_name
        try:
            model = path.read_bytes()
            if not model:
                raise RuntimeError("the file is empty")
            tokenizer = cls(model, normalizer=normalizer)
        except (OSError, RuntimeError) as error:
            raise ModelError(
                f"{path}: cannot be read as a sentencepiece model ({error})"
            ) from error
        processor = tokenizer._processor
        numbers = (processor.pad_id(), processor.bos_id(), processor.eos_id(), processor.unk_id())
        if numbers != (PAD, BOS, EOS, UNK):
            raise ModelError(
                f"{path}: numbers of pad, bos, eos, unk are {numbers};"
                f" must be {(PAD, BOS, EOS, UNK)} (train the tokenizer with this toolkit)"
            )
        return tokenizer

    def save(self, folder: Path) -> None:
        """Write `tokenizer.model`, sentencepiece's own format."""
        (Path(folder) / self.file_name).write_bytes(self._model)

    def encode(self, text: str) -> list[int]:
        """Return the pieces of normalised text; each unknown character is one UNK."""
        text = text.replace(_WORD_START, _RESERVED_STAND_IN)
        if self.count_unknown(text) == 0:
            return [int(token) for token in self._processor.encode(text)]
        tokens: list[int] = []
        for piece in self._processor.encode(text, out_type=str):
            token = int(self._processor.piece_to_id(piece))
            # sentencepiece joins neighbouring unknown characters to one piece
            tokens.extend([UNK] * len(piece) if token == UNK else [token])
        return tokens

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the pieces joined, with word starts as spaces and none before the first word."""
        numbers = [int(token) for token in tokens]
        return str(self._processor.decode([n for n in numbers if n not in _SILENT]))

    def token(self, index: int) -> str:
        """Return the piece, or the name of a special token."""
        assert 0 <= index < self.vocab_size
        if index < len(SPECIAL_TOKENS):
            return SPECIAL_TOKENS[index]
        return str(self._processor.id_to_piece(index))

    def count_unknown(self, text: str) -> int:
        """Return the number of characters that no piece holds."""
        return sum(character not in self._known for character in text)


class UnigramTokenizer(SentencePieceTokenizer):
    """Pieces of a unigram language model (Kudo 2018, arXiv 1804.10959)."""

    kind = "unigram"


class BpeTokenizer(SentencePieceTokenizer):
    """Pieces of byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909)."""

    kind = "bpe"


TOKENIZERS: dict[str, type[Tokenizer]] = {
    tokenizer.kind: tokenizer
    for tokenizer in (CharacterTokenizer, JamoTokenizer, UnigramTokenizer, BpeTokenizer)
}


def train_tokenizer(
    texts: Iterable[str], *, kind: str, vocab_size: int | None, normalizer: str
) -> Tokenizer:
    """Return a tokenizer of that kind, which knows what is in these texts and nothing else.

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
    """Return the tokenizer that `save` wrote to the folder.

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


def _train_sentencepiece(texts: Sequence[str], kind: str, vocab_size: int) -> bytes:
    """Return the model that sentencepiece makes of the texts, in its own format."""
    wrong = f'tokenizer "{kind}": vocab_size {vocab_size}'
    characters = set().union(*texts) - {" "} | {_WORD_START}
    smallest = len(SPECIAL_TOKENS) + len(characters)
    if vocab_size < smallest:
        raise ConfigError(
            f"{wrong} must be at least {smallest}, so that each character of the training text"
            " is a token (raise it, or use the char tokenizer)"
        )
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type=kind,
            vocab_size=vocab_size,
            pad_id=PAD,
            bos_id=BOS,
            eos_id=EOS,
            unk_id=UNK,
            unk_surface=UNKNOWN_TEXT,
            normalization_rule_name="identity",  # Hangul is composed by our normaliser, once
            character_coverage=1.0,
            max_sentence_length=max(len(text.encode()) for text in texts),  # drop no long text
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        if largest := re.search(r"value <= (\d+)", str(error)):
            raise ConfigError(
                f"{wrong} must be at most {largest[1]}, the number of tokens that the training"
                " text yields (lower it, or give more text)"
            ) from error
        raise ConfigError(f"{wrong}: sentencepiece cannot be trained ({error})") from error
    return model.getvalue()

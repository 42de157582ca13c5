"""Tokens that are pieces of words, found in the training text by sentencepiece."""

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Self

import sentencepiece

from asr.errors import ConfigError, DataError, ModelError
from asr.text.normalizers import JAMO, from_jamo, to_jamo
from asr.text.syllables import whole_syllables
from asr.text.tokens import BOS, EOS, PAD, SILENT, SPECIAL_TOKENS, UNK, UNKNOWN_TEXT, Tokenizer

_WORD_START = "\u2581"  # sentencepiece's mark for the space before a word
_RESERVED_STAND_IN = "\u2585"  # sentencepiece's mark for unknown text, which no piece holds
_RESERVED = re.compile(f"[{_WORD_START}{_RESERVED_STAND_IN}]")


class SentencePieceTokenizer(Tokenizer):
    """Pieces of words, found by sentencepiece; a piece that begins a word begins with "▁".

    Every character of the training text is also a piece of its own and sentencepiece's own
    normalisation is off, so that text of known characters comes back from `decode` unchanged.
    """

    file_name = "tokenizer.model"
    algorithm: ClassVar[str]  # sentencepiece's name of it
    required = ""  # characters that are tokens whether the training text has them or not

    def __init__(self, model: bytes, *, normalizer: str) -> None:
        self.normalizer = normalizer
        self._model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.vocab_size = int(self._processor.vocab_size())
        pieces = map(self._processor.id_to_piece, range(len(SPECIAL_TOKENS), self.vocab_size))
        self._known = frozenset("".join(pieces).replace(_WORD_START, " ")) | {" "}

    @classmethod
    def train(cls, texts: Sequence[str], *, vocab_size: int | None, normalizer: str) -> Self:
        """Returns the tokenizer of exactly `vocab_size` tokens; the same texts, the same tokens.

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
        spelt = [cls.spell(text) for text in texts]
        return cls(_train_sentencepiece(spelt, cls, vocab_size), normalizer=normalizer)

    @classmethod
    def load(cls, folder: Path, *, normalizer: str) -> Self:
        """Returns the tokenizer of the folder's `tokenizer.model`.

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

    def to_bytes(self) -> bytes:
        """Returns `tokenizer.model`, in sentencepiece's own format."""
        return self._model

    def encode(self, text: str) -> list[int]:
        """Returns the pieces of normalised text; each unknown character is one UNK."""
        text = self.spell(text).replace(_WORD_START, _RESERVED_STAND_IN)
        if self._count_unknown(text) == 0:
            return [int(token) for token in self._processor.encode(text)]
        tokens: list[int] = []
        pieces = self._processor.encode(text, out_type=str)  # "<s>" may be text: its number tells
        for piece, token in zip(pieces, self._processor.encode(text), strict=True):
            # sentencepiece joins neighbouring unknown characters to one piece
            tokens.extend([UNK] * len(piece) if token == UNK else [int(token)])
        return tokens

    def decode(self, tokens: Iterable[int]) -> str:
        """Returns the pieces joined, with word starts as spaces and none before the first word."""
        numbers = [int(token) for token in tokens]
        spelt = str(self._processor.decode([n for n in numbers if n not in SILENT]))
        return whole_syllables(self.unspell(spelt))

    def token(self, index: int) -> str:
        """Returns the piece, or the name of a special token."""
        assert 0 <= index < self.vocab_size
        if index < len(SPECIAL_TOKENS):
            return SPECIAL_TOKENS[index]
        return self.unspell(str(self._processor.id_to_piece(index)))

    def spelt(self, index: int) -> str:
        """Returns the piece with a space for the mark of a word's start, jamo as they are."""
        if index < len(SPECIAL_TOKENS):
            return UNKNOWN_TEXT if index == UNK else ""
        return str(self._processor.id_to_piece(index)).replace(_WORD_START, " ")

    def begins_word(self, index: int) -> bool:
        """Returns whether a piece begins with the mark of a word's start."""
        return self.token(index).startswith(_WORD_START)

    def count_unknown(self, text: str) -> int:
        """Returns the number of characters, as the pieces spell them, that no piece holds."""
        return self._count_unknown(self.spell(text))

    @staticmethod
    def spell(text: str) -> str:
        """Returns normalised text in the characters that pieces are made of."""
        return text

    @staticmethod
    def unspell(text: str) -> str:
        """Returns what `spell` was given."""
        return text

    def _count_unknown(self, spelt: str) -> int:
        return sum(character not in self._known for character in spelt)


class _OverJamo(SentencePieceTokenizer):
    """Pieces of jamo: a piece may begin or end within a syllable, and no syllable is unknown."""

    required = JAMO

    @staticmethod
    def spell(text: str) -> str:
        """Returns the text with each syllable as its jamo."""
        return to_jamo(text)

    @staticmethod
    def unspell(text: str) -> str:
        """Returns the text with jamo composed to syllables."""
        return from_jamo(text)


class UnigramTokenizer(SentencePieceTokenizer):
    """Pieces of a unigram language model (Kudo 2018, arXiv 1804.10959)."""

    kind = algorithm = "unigram"


class BpeTokenizer(SentencePieceTokenizer):
    """Pieces of byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909)."""

    kind = algorithm = "bpe"


class JamoUnigramTokenizer(_OverJamo, UnigramTokenizer):
    """Pieces of jamo, of a unigram language model."""

    kind = "jamo_unigram"


class JamoBpeTokenizer(_OverJamo, BpeTokenizer):
    """Pieces of jamo, of byte-pair encoding."""

    kind = "jamo_bpe"


def _train_sentencepiece(
    texts: Sequence[str], tokenizer: type[SentencePieceTokenizer], vocab_size: int
) -> bytes:
    """Returns the model that sentencepiece makes of the texts, in its own format."""
    wrong = f'tokenizer "{tokenizer.kind}": vocab_size {vocab_size}'
    characters = set().union(*texts, tokenizer.required) - {" "} | {_WORD_START}
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
            model_type=tokenizer.algorithm,
            vocab_size=vocab_size,
            pad_id=PAD,
            bos_id=BOS,
            eos_id=EOS,
            unk_id=UNK,
            unk_surface=UNKNOWN_TEXT,
            normalization_rule_name="identity",  # Hangul is composed by our normaliser, once
            character_coverage=1.0,
            required_chars=tokenizer.required,
            # Drop no long text; less than 10 bytes is refused.
            max_sentence_length=max(10, *(len(text.encode()) for text in texts)),
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

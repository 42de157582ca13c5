"""The tokens of another toolkit's recognizer in the order that this toolkit has them.

There one number may stand for blank, begin, end and the unknown at once (SpeechBrain), or for begin
and end (ESPnet); here each has its own, before all pieces.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from asr.errors import ModelError, in_short
from asr.text.tokens import BOS, EOS, PAD, UNK, UNKNOWN_TEXT

# Less than what is copied to a token that the other toolkit has not: it then has no part in any
# probability, as far as float32 can tell, and can still be learnt.
UNHEARD = 30.0
KINDS = {1: "unigram", 2: "bpe"}  # of sentencepiece's models, by their number in its files
NORMAL_PIECE, CONTROL_PIECE, UNKNOWN_PIECE = 1, 3, 2


class Roles(NamedTuple):
    """The numbers of special tokens in the other toolkit."""

    blank: int
    bos: int
    eos: int
    unk: int


class Vocabulary(NamedTuple):
    """A tokenizer's file, renumbered, and where its tokens come from."""

    model: bytes  # of sentencepiece with our special tokens first, or the list of characters
    kind: str  # unigram, bpe or char
    roles: Roles
    pieces: tuple[int, ...]  # the other number of each token after the special ones
    size_before: int

    @property
    def size(self) -> int:
        """Number of tokens here."""
        return 4 + len(self.pieces)

    def embed(self, rows: Tensor) -> Tensor:
        """Returns the rows (V,E) of an embedding (V',E) in our order."""
        roles = self.roles
        order = [roles.blank, roles.bos, roles.eos, roles.unk, *self.pieces]
        return rows[order]

    def head(self, weight: Tensor, bias: Tensor, *, is_ctc: bool) -> tuple[Tensor, Tensor]:
        """Returns weight (V,H) and bias (V,) of an output layer in our order.

        Where one row stands for several tokens, the one that this layer has uses for keeps it, and
        the others become `UNHEARD`.
        """
        roles = self.roles
        numbers = {PAD: roles.blank, BOS: roles.bos, EOS: roles.eos, UNK: roles.unk}
        first = (PAD, EOS, BOS, UNK) if is_ctc else (EOS, BOS, PAD, UNK)
        taken: set[int] = set()
        less = torch.zeros(self.size)
        for token in first:
            if numbers[token] in taken:
                less[token] = UNHEARD
            taken.add(numbers[token])
        order = [*(numbers[token] for token in range(4)), *self.pieces]
        return weight[order], bias[order] - less


def renumber(path: Path, *, blank: int, bos: int, eos: int) -> Vocabulary:
    """Returns the tokens of a sentencepiece model with our special tokens first.

    Args:
        path: of the model.
        blank: its number for CTC's blank.
        bos: what the decoder begins with.
        eos: what it ends with.

    Raises:
        ModelError: the file is no model of unigram or BPE pieces, or one of the numbers is a piece.
    """
    proto, kind = _read_pieces(path)
    unk = next(n for n, piece in enumerate(proto.pieces) if piece.type == UNKNOWN_PIECE)
    roles = Roles(blank, bos, eos, unk)
    for name, number in roles._asdict().items():
        if not 0 <= number < len(proto.pieces) or proto.pieces[number].type == NORMAL_PIECE:
            is_there = 0 <= number < len(proto.pieces)
            what = "that is a piece of words" if is_there else "there is none"
            raise ModelError(f"{path}: {name}_index = {number}, and {what}; keep files together")
    rest = tuple(n for n in range(len(proto.pieces)) if n not in roles)
    return Vocabulary(_with_ours_first(proto, rest), kind, roles, rest, len(proto.pieces))


def pieces_by_name(path: Path, tokens: Sequence[str], roles: Roles, *, listed: str) -> Vocabulary:
    """Returns the tokens of a sentencepiece model that a list numbers otherwise.

    Args:
        path: of the model.
        tokens: the list.
        roles: the numbers of special tokens in it.
        listed: the place of the list, for messages.

    Raises:
        ModelError: the file is no model of unigram or BPE pieces, or the list holds others.
    """
    proto, kind = _read_pieces(path)
    numbers = {token: number for number, token in enumerate(tokens) if number not in roles}
    special = (UNKNOWN_PIECE, CONTROL_PIECE)
    rest = tuple(n for n, piece in enumerate(proto.pieces) if piece.type not in special)
    names = [proto.pieces[n].piece for n in rest]
    if missing := [name for name in names if name not in numbers]:
        raise ModelError(f'{path}: holds "{missing[0]}", which is not among the tokens of {listed}')
    if others := sorted(numbers.keys() - set(names), key=numbers.__getitem__):
        raise ModelError(f'{path}: holds no "{others[0]}", which is among the tokens of {listed}')
    pieces = tuple(numbers[name] for name in names)
    return Vocabulary(_with_ours_first(proto, rest), kind, roles, pieces, len(tokens))


def _read_pieces(path: Path) -> tuple[Any, str]:
    """Returns a sentencepiece model, and the name of its kind."""
    from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2

    formats: Any = sentencepiece_model_pb2  # its classes are made when it is imported
    try:
        content = path.read_bytes()
        SentencePieceProcessor(model_proto=content or b"\0")
        proto = formats.ModelProto.FromString(content)
    except Exception as error:  # protobuf's DecodeError is of another package
        raise ModelError(f"{path}: is no sentencepiece model ({in_short(error)})") from None
    kind = KINDS.get(proto.trainer_spec.model_type)
    if kind is None:
        raise ModelError(f"{path}: holds tokens that are neither unigram nor BPE pieces")
    return proto, kind


def _with_ours_first(proto: Any, rest: Sequence[int]) -> bytes:
    """Returns a model with our special tokens and then these of its pieces."""
    pieces = [proto.pieces[number] for number in rest]
    changed = type(proto)()
    changed.CopyFrom(proto)
    del changed.pieces[:]
    for token, name in ((PAD, "<pad>"), (BOS, "<s>"), (EOS, "</s>"), (UNK, "<unk>")):
        piece = changed.pieces.add(piece=name, score=0.0)
        piece.type = UNKNOWN_PIECE if token == UNK else CONTROL_PIECE
    changed.pieces.extend(pieces)
    spec = changed.trainer_spec
    spec.pad_id, spec.bos_id, spec.eos_id, spec.unk_id = PAD, BOS, EOS, UNK
    spec.unk_surface, spec.vocab_size = UNKNOWN_TEXT, len(changed.pieces)
    return bytes(changed.SerializeToString())

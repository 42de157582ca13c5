from pathlib import Path

import pytest
import torch
from sentencepiece import SentencePieceProcessor
from speechbrain_layout import SIZE, write_pieces

from asr.errors import ModelError
from asr.importing.vocabulary import UNHEARD, Vocabulary, renumber
from asr.text.tokenizer import BOS, EOS, PAD, UNK, load_tokenizer

TEXT = "THE CAT SAT ON THEIR HATS"


def make(
    tmp_path: Path, *, roles: tuple[int, int, int] = (0, 0, 0), **options: object
) -> Vocabulary:
    write_pieces(tmp_path / "pieces", **options)
    blank, bos, eos = roles
    return renumber(tmp_path / "pieces", blank=blank, bos=bos, eos=eos)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("roles", [(0, 0, 0), (0, 1, 2)])
def test_text_has_the_same_pieces_under_other_numbers(
    tmp_path: Path, kind: str, roles: tuple[int, int, int]
) -> None:
    special = {"bos_id": 1, "eos_id": 2} if roles[1] else {}
    found = make(tmp_path, roles=roles, model_type=kind, **special)
    assert found.kind == kind
    (tmp_path / "tokenizer.model").write_bytes(found.model)
    tokenizer = load_tokenizer(tmp_path, kind=kind, normalizer="none")
    before = SentencePieceProcessor(model_file=str(tmp_path / "pieces")).encode(TEXT)
    assert tokenizer.vocab_size == found.size
    assert [found.pieces[token - 4] for token in tokenizer.encode(TEXT)] == before
    assert tokenizer.decode(tokenizer.encode(TEXT)) == TEXT
    assert tokenizer.encode("ü")[-1] == UNK


def test_one_number_for_all_special_tokens_is_the_ends(tmp_path: Path) -> None:
    found = make(tmp_path)
    weight, bias = torch.randn(SIZE, 3), torch.randn(SIZE)
    hidden = torch.randn(7, 3)
    before = (hidden @ weight.T + bias).log_softmax(dim=-1)
    for is_ctc, kept in ((False, EOS), (True, PAD)):
        rows, biases = found.head(weight, bias, is_ctc=is_ctc)
        after = (hidden @ rows.T + biases).log_softmax(dim=-1)
        torch.testing.assert_close(after[:, 4:], before[:, 1:])
        torch.testing.assert_close(after[:, kept], before[:, 0])
        others = [token for token in (PAD, BOS, EOS, UNK) if token != kept]
        torch.testing.assert_close(after[:, others], before[:, :1].expand(-1, 3) - UNHEARD)
    assert found.embed(weight)[:4].equal(weight[:1].expand(4, -1))


def test_numbers_of_their_own_keep_their_rows(tmp_path: Path) -> None:
    found = make(tmp_path, roles=(0, 1, 2), bos_id=1, eos_id=2)
    weight, bias = torch.randn(SIZE, 3), torch.randn(SIZE)
    rows, biases = found.head(weight, bias, is_ctc=False)
    assert biases[[PAD, BOS, EOS]].equal(bias[:3])
    assert rows[EOS].equal(weight[2])
    assert biases[UNK] == bias[0] - UNHEARD
    assert found.size == SIZE + 1


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ((0, 0, 5), r"eos_index = 5, and that is a piece of words"),
        ((0, SIZE, 0), rf"bos_index = {SIZE}, and there is none"),
        ((-1, 0, 0), r"blank_index = -1, and there is none"),
    ],
)
def test_a_number_that_is_no_special_token_is_an_error(
    tmp_path: Path, roles: tuple[int, int, int], said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        make(tmp_path, roles=roles)


@pytest.mark.parametrize("kind", ["char", "word"])
def test_other_kinds_of_tokens_are_refused(tmp_path: Path, kind: str) -> None:
    size = {"char": 14, "word": 10}[kind]
    with pytest.raises(ModelError, match="neither unigram nor BPE pieces"):
        make(tmp_path, model_type=kind, vocab_size=size)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 100])
def test_what_is_no_model_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pieces").write_bytes(content)
    with pytest.raises(ModelError, match="is no sentencepiece model"):
        renumber(tmp_path / "pieces", blank=0, bos=0, eos=0)

from pathlib import Path

import pytest
from interchange.peer import Peer
from interchange.token_texts import KNOWN, SIZES, UNKNOWN, one_unknown, tokenizer_in

SENTENCEPIECE = Peer("sentencepiece")


@pytest.mark.row(
    "sentencepiece",
    "reads ours",
    "unigram, BPE, both over jamo: pieces, ids, text; unknown letters in a row are one to it",
)
@pytest.mark.parametrize("kind", SIZES)
def test_sentencepiece_gives_our_pieces(tmp_path: Path, kind: str) -> None:
    def theirs(path, texts):
        import sentencepiece

        model = sentencepiece.SentencePieceProcessor(model_file=path)
        found = [[model.encode(text), model.encode(text, out_type=str)] for text in texts]
        numbers = [model.pad_id(), model.bos_id(), model.eos_id(), model.unk_id()]
        return [numbers, model.vocab_size(), [[*one, model.decode(one[0])] for one in found]]

    ours, path = tokenizer_in(tmp_path, kind)
    spelt = [ours.spell(text) for text in (*KNOWN, *UNKNOWN)]
    numbers, size, found = SENTENCEPIECE.call(theirs, path, spelt)
    assert (numbers, size) == ([0, 1, 2, 3], ours.vocab_size)
    for text, (tokens, pieces, decoded) in zip((*KNOWN, *UNKNOWN), found, strict=True):
        assert tokens == one_unknown(ours.encode(text))
        if text in KNOWN:
            assert decoded == ours.spell(text)
            assert [ours.spell(ours.token(token)) for token in tokens] == pieces
            assert ours.decode(tokens) == text
        else:
            assert (3 in tokens) == (ours.count_unknown(text) > 0)

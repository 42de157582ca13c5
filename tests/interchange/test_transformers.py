from pathlib import Path

import pytest
from interchange.peer import Peer
from interchange.token_texts import KNOWN, SIZES, UNKNOWN, one_unknown, tokenizer_in

TRANSFORMERS = Peer("transformers")


def theirs(path, kind, texts):
    import json
    import pathlib

    import sentencepiece
    import transformers

    folder = pathlib.Path(path).parent
    read = getattr(transformers, kind).from_pretrained
    if kind == "Speech2TextTokenizer":  # it wants the numbers of the pieces in a file of its own
        model = sentencepiece.SentencePieceProcessor(model_file=path)
        pieces = {model.id_to_piece(number): number for number in range(model.vocab_size())}
        (folder / "vocab.json").write_text(json.dumps(pieces), "utf-8")
        (folder / "sentencepiece.bpe.model").write_bytes(pathlib.Path(path).read_bytes())
        tokenizer = read(folder)
    elif kind == "T5Tokenizer":
        (folder / "spiece.model").write_bytes(pathlib.Path(path).read_bytes())
        tokenizer = read(folder, extra_ids=0)
    else:
        tokenizer = read(folder)
    tokens = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    return [[one, tokenizer.decode(one)] for one in tokens]


def both(folder: Path, kind: str, reader: str, texts: tuple[str, ...]) -> list:
    """Returns for each text: our tokens, theirs, our spelling of it, their text of theirs."""
    ours, path = tokenizer_in(folder, kind)
    spelt = [ours.spell(text) for text in texts]
    found = TRANSFORMERS.call(theirs, path, reader, spelt)
    return [
        (ours.encode(text), tokens, spelling, decoded)
        for text, spelling, (tokens, decoded) in zip(texts, spelt, found, strict=True)
    ]


@pytest.mark.row(
    "transformers",
    "reads ours",
    "Speech2TextTokenizer, all kinds: ids; unknown letters in a row are one to it",
)
@pytest.mark.parametrize("kind", SIZES)
def test_the_tokenizer_of_speech2text_gives_our_tokens(tmp_path: Path, kind: str) -> None:
    rows = both(tmp_path, kind, "Speech2TextTokenizer", (*KNOWN, *UNKNOWN))
    for place, (ours, tokens, spelt, decoded) in enumerate(rows):
        assert tokens == one_unknown(ours)
        assert decoded == spelt or place >= len(KNOWN)


@pytest.mark.row(
    "transformers",
    "reads ours",
    "T5Tokenizer, unigram: ids and text of known letters; unknown ones are 2, not the file's 3",
)
@pytest.mark.parametrize("kind", ["unigram", "jamo_unigram"])
def test_the_tokenizer_of_t5_gives_our_tokens_of_known_text(tmp_path: Path, kind: str) -> None:
    rows = both(tmp_path, kind, "T5Tokenizer", (*KNOWN, *UNKNOWN))
    for place, (ours, tokens, spelt, decoded) in enumerate(rows):
        assert tokens == [2 if token == 3 else token for token in one_unknown(ours)]
        assert decoded == spelt or place >= len(KNOWN)


@pytest.mark.row(
    "transformers",
    "reads ours",
    "LlamaTokenizer, BPE: ids and text of known letters; unknown ones are left out",
)
@pytest.mark.parametrize("kind", ["bpe", "jamo_bpe"])
def test_the_tokenizer_of_llama_gives_our_tokens_of_known_text(tmp_path: Path, kind: str) -> None:
    rows = both(tmp_path, kind, "LlamaTokenizer", (*KNOWN, "café"))
    for ours, tokens, spelt, decoded in rows[:-1]:
        assert (tokens, decoded) == (ours, spelt)
    ours, tokens, _, decoded = rows[-1]
    assert tokens == [token for token in ours if token != 3]
    assert (ours[-2:], decoded) == ([3, 3], "ca")

"""Texts that tokenizers are made of, and texts that they are tried with."""

from pathlib import Path

from asr.text.tokenizer import Tokenizer, train_tokenizer

LEARNT = (
    "she had your dark suit in greasy wash water all year",
    "don't ask me to carry an oily rag like that",
    "오늘은 날씨가 아주 좋습니다",
    "그래서 산책을 나갔습니다 값이 닭을 않는 읽다",
    "the cat sat on the mat and the dog sat on the cat",
    "나는 학교에 가고 너는 집에 간다",
)
KNOWN = (
    "the dark cat",
    "she had an oily suit",
    "don't",
    "오늘은 학교에 간다",
    "산책을 나갔습니다 and the dog",
    "좋습니다 the 값이",
)
UNKNOWN = ("the Zebra", "café", "오늘은 뷁 날씨", "東京 cat", "a + b")
SIZES = {"unigram": 76, "bpe": 130, "jamo_unigram": 110, "jamo_bpe": 150}


def tokenizer_in(folder: Path, kind: str) -> tuple[Tokenizer, Path]:
    """Returns a tokenizer, and its file in sentencepiece's own format."""
    tokenizer = train_tokenizer(LEARNT, kind=kind, vocab_size=SIZES[kind], normalizer="none")
    path = folder / "tokenizer.model"
    path.write_bytes(tokenizer.to_bytes())
    return tokenizer, path


def one_unknown(tokens: list[int]) -> list[int]:
    """Returns tokens as sentencepiece has them: unknown letters (3) in a row are one."""
    after = zip(tokens, [None, *tokens], strict=False)
    return [token for token, before in after if not token == before == 3]

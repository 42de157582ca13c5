import gzip
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from zeroth_corpus import LANGUAGE_MODEL

from asr.config import SearchConfig
from asr.errors import DataError, ModelError
from asr.hypotheses import Hypothesis
from asr.lm.arpa import LOG_10, LOG_ZERO, list_words
from asr.lm.folder import load_language_model
from asr.lm.fusion import WeightedModel, fuse, score_hypotheses
from asr.lm.ngram import LMMemory
from asr.lm.words import MOST_WAYS, WordNgram, is_over_words, read_word_ngram
from asr.scorers import WeightedScorer, map_tensors
from asr.search import search
from asr.text.tokenizer import BOS, EOS, PAD, Tokenizer, train_tokenizer

TEXTS = ["가 나다 라하", "abc"]
TOKENIZERS = {
    kind: train_tokenizer(TEXTS, kind=kind, vocab_size=None, normalizer="korean")
    for kind in ("char", "jamo")
}
MEMORY = LMMemory(torch.arange(1))
# What the model above says, worked out with a table and no trie: word -> log10.
ONE = {"</s>": -1.0, "<unk>": -2.0, "가": -0.8, "나": -0.8, "다": -0.8, "라": -0.9, "나다": -0.6}
ONE |= {"다라": -1.1, "라가": -1.2, "가다": -1.3, "다가라": -1.9}
TWO = {("<s>", "가"): -0.2, ("가", "나다"): -0.3, ("라", "</s>"): -0.4}
BACKOFF = {"<s>": -0.3, "<unk>": -0.3, "가": -0.3, "나": -0.3, "다": -0.3, "라": -0.2, "나다": -0.2}
BACKOFF |= {"다라": -0.1, "가다": -0.4, "다가라": -0.1}


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "words.arpa.gz"
    path.write_bytes(gzip.compress(LANGUAGE_MODEL.encode()))
    return path


def next_log10(before: str, piece: str) -> float:
    return TWO.get((before, piece), BACKOFF.get(before, 0.0) + ONE[piece])


def cuts_of(word: str) -> list[list[str]]:
    """Returns all ways to cut a word into pieces of the model."""
    if not word:
        return [[]]
    return [
        [word[:end], *rest]
        for end in range(1, len(word) + 1)
        if word[:end] in ONE
        for rest in cuts_of(word[end:])
    ]


def expected(text: str, num_tokens_of: dict[str, int]) -> float:
    """Returns the natural log probability of a text, by trying every way to cut each word."""
    total, before = 0.0, "<s>"
    for word in text.split():
        ways = []
        for pieces in cuts_of(word):
            pairs = itertools.pairwise([before, *pieces])
            ways.append((sum(next_log10(*pair) for pair in pairs), pieces[-1]))
        unknown = next_log10(before, "<unk>") * num_tokens_of.get(word, 0)
        score, before = max(ways, default=(unknown, "<unk>"))
        total += score
    return LOG_10 * (total + next_log10(before, "</s>"))


def walk(scorer: WordNgram, tokenizer: Tokenizer, text: str) -> list[float]:
    """Returns what each token costs, and EOS."""
    state, costs = scorer.initial_state(MEMORY, 1), []
    tokens = tokenizer.encode(text)
    for token, wanted in zip([BOS, *tokens], [*tokens, EOS], strict=True):
        log_probs, state = scorer.step(torch.tensor([[token]]), MEMORY, state)
        costs.append(float(log_probs[0, 0, wanted]))
    return costs


@pytest.mark.parametrize("kind", ["char", "jamo"])
def test_a_text_costs_what_its_best_pieces_cost(arpa: Path, kind: str) -> None:
    scorer, draw = read_word_ngram(arpa, TOKENIZERS[kind]), np.random.default_rng(0)
    texts = [
        " ".join("".join(draw.choice(list("가나다라"), draw.integers(1, 6))) for _ in range(3))
        for _ in range(30)
    ]
    for text in ["", "가", "가 나다", "나다 라", *texts]:
        cost = sum(walk(scorer, TOKENIZERS[kind], text))
        assert cost == pytest.approx(expected(text, {}), rel=1e-5), text


def test_only_the_end_of_a_word_costs_something(arpa: Path) -> None:
    costs = walk(read_word_ngram(arpa, TOKENIZERS["char"]), TOKENIZERS["char"], "가나다 라")
    assert costs[:3] == [0.0, 0.0, 0.0]
    assert costs[3] == pytest.approx(LOG_10 * (-0.2 - 0.3))  # 가, then 나다 after it
    assert costs[4] == 0.0
    assert costs[5] == pytest.approx(LOG_10 * (-0.2 - 0.9 - 0.4))


def test_a_word_that_no_pieces_make_up_costs_unk_once_a_token(arpa: Path) -> None:
    for kind, num_tokens in (("char", 2), ("jamo", 4)):
        cost = sum(walk(read_word_ngram(arpa, TOKENIZERS[kind]), TOKENIZERS[kind], "가 라하 나"))
        wanted = expected("가 라하 나", {"라하": num_tokens})
        assert cost == pytest.approx(wanted, rel=1e-5)


def test_a_second_space_costs_nothing(arpa: Path) -> None:
    scorer = read_word_ngram(arpa, TOKENIZERS["char"])
    assert walk(scorer, TOKENIZERS["char"], "가  나")[2] == 0.0
    assert sum(walk(scorer, TOKENIZERS["char"], "가  나")) == pytest.approx(
        expected("가 나", {}), rel=1e-5
    )


def test_what_never_comes_has_no_probability_and_nothing_is_above_one(arpa: Path) -> None:
    scorer = read_word_ngram(arpa, TOKENIZERS["char"])
    state = scorer.initial_state(MEMORY, 3)
    log_probs, state = scorer.step(torch.full((1, 3), BOS), MEMORY, state)
    assert log_probs.shape == (1, 3, TOKENIZERS["char"].vocab_size)
    assert (log_probs[..., [PAD, BOS]] == LOG_ZERO).all()
    assert float(log_probs.max()) == 0.0
    assert all(part.shape[:2] == (1, 3) for part in state)
    assert state.scores.shape == (1, 3, MOST_WAYS)


def test_hypotheses_side_by_side_and_reordered_are_scored_as_alone(arpa: Path) -> None:
    tokenizer = TOKENIZERS["jamo"]
    scorer = read_word_ngram(arpa, tokenizer)
    texts = ["가나다", "나다가", "라라라"]  # of as many jamo
    rows = torch.tensor([[BOS, *tokenizer.encode(text)] for text in texts])
    state = scorer.initial_state(MEMORY, 3)
    for token in rows[:, :4].unbind(dim=1):
        _, state = scorer.step(token[None], MEMORY, state)
    state = map_tensors(lambda part: part.flip(1), state)
    for token in rows[:, 4:].flip(0).unbind(dim=1):
        log_probs, state = scorer.step(token[None], MEMORY, state)
    alone = [sum(walk(scorer, tokenizer, text)) for text in reversed(texts)]
    assert log_probs[0, :, EOS].tolist() == pytest.approx(alone)


def test_it_rescores_hypotheses(arpa: Path) -> None:
    tokenizer = TOKENIZERS["char"]
    model = load_language_model(arpa, tokenizer, words=True)
    assert model.kind == "words"
    found = [Hypothesis(tuple(tokenizer.encode(text)), 0.0, "eos") for text in ("가 나다", "나")]
    assert score_hypotheses(model, [found]) == [
        pytest.approx([expected("가 나다", {}), expected("나", {})], rel=1e-5)
    ]


class Places(NamedTuple):
    index: torch.Tensor  # (B,K) how many tokens were read


class Heard:
    """A recognizer that hears one of some characters at each place, the first a little better."""

    def __init__(self, tokenizer: Tokenizer, heard: list[str]) -> None:
        self.log_probs = torch.full((len(heard) + 1, tokenizer.vocab_size), -20.0)
        for place, characters in enumerate(heard):
            for rank, token in enumerate(tokenizer.encode(characters)):
                self.log_probs[place, token] = -0.7 - 0.1 * rank
        self.log_probs[len(heard), EOS] = 0.0

    def initial_state(self, memory: LMMemory, num_hypotheses: int) -> Places:
        return Places(torch.zeros(len(memory.rows), num_hypotheses, dtype=torch.long))

    def step(
        self, tokens: torch.Tensor, memory: LMMemory, state: Places
    ) -> tuple[torch.Tensor, Places]:
        last = len(self.log_probs) - 1
        return self.log_probs[state.index.clamp(max=last)], Places(state.index + 1)


@pytest.mark.parametrize(("weight", "text"), [(0.0, "라 나가"), (0.5, "가 나다")])
def test_search_finds_what_the_words_make_likely(arpa: Path, weight: float, text: str) -> None:
    tokenizer = TOKENIZERS["char"]
    lm = WeightedModel(load_language_model(arpa, tokenizer, words=True), weight)
    heard = WeightedScorer(Heard(tokenizer, ["라가", " ", "나", "가다"]), MEMORY)
    options = SearchConfig(beam_size=4)
    ((best, *_),) = search([heard, *fuse([lm], 1)], torch.tensor([20]), options)
    assert tokenizer.decode(best.tokens) == text


def test_without_unk_a_word_that_is_not_listed_is_as_good_as_impossible(tmp_path: Path) -> None:
    path = tmp_path / "words.arpa"
    lines = [line for line in LANGUAGE_MODEL.splitlines() if "<UNK>" not in line]
    path.write_text("\n".join(lines).replace("1=12", "1=11") + "\n", "utf-8")
    scorer = read_word_ngram(path, TOKENIZERS["char"])
    assert walk(scorer, TOKENIZERS["char"], "하 가")[1] == LOG_ZERO


def test_words_go_through_the_normaliser_and_strange_ones_are_never_found(tmp_path: Path) -> None:
    path = tmp_path / "words.arpa"
    path.write_text(LANGUAGE_MODEL.replace("나다", "ABC").replace("라\t", "漢字\t"), "utf-8")
    text = path.read_text("utf-8").replace("라 </s>", "漢字 </s>")
    path.write_text(text, "utf-8")
    scorer = read_word_ngram(path, TOKENIZERS["char"])
    costs = walk(scorer, TOKENIZERS["char"], "abc 라")
    assert costs[3] == pytest.approx(LOG_10 * (-0.3 - 0.6))
    assert costs[5] == pytest.approx(LOG_10 * (-0.2 - 2.0 - 0.3 - 1.0))


def test_files_over_words_are_told_from_files_over_tokens(arpa: Path, tmp_path: Path) -> None:
    words = ["<s>", "</s>", "<UNK>", *"가나다라", "나다", "다라", "라가", "가다", "다가라"]
    assert list_words(arpa) == words
    assert is_over_words(arpa)
    path = tmp_path / "other.arpa"
    for old, new in (("나다", "▁나"), ("다라\t", "ㄷ\t"), ("다라\t", "<U+3000>\t")):
        path.write_text(LANGUAGE_MODEL.replace(old, new), "utf-8")
        assert not is_over_words(path), new


def test_tokens_that_do_not_spell_words_one_way_are_refused(arpa: Path) -> None:
    texts = ["가나다라 가나 다라 나다", "라라 가가 나나 다다"] * 5
    pieces = train_tokenizer(texts, kind="unigram", vocab_size=12, normalizer="korean")
    with pytest.raises(ModelError, match="the recognizer's tokens are unigram; only char and jamo"):
        read_word_ngram(arpa, pieces)
    without = train_tokenizer(["가나다"], kind="char", vocab_size=None, normalizer="korean")
    with pytest.raises(ModelError, match="the recognizer knows no space"):
        read_word_ngram(arpa, without)


def test_a_file_that_is_cut_short_is_an_error(arpa: Path) -> None:
    arpa.write_bytes(arpa.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read as an ARPA file"):
        read_word_ngram(arpa, TOKENIZERS["char"])


def test_only_recognition_takes_words(arpa: Path) -> None:
    with pytest.raises(DataError, match='word "나다" is none of the tokens'):
        load_language_model(arpa, TOKENIZERS["char"])


UPPER = """\\data\\
ngram 1=6

\\1-grams:
-99\t<s>\t-0.3
-1\t</s>
-2\t<unk>
-0.9\tABC\t-0.2
-0.9\tCAB\t-0.2
-0.9\tBCA\t-0.2

\\end\\
"""
ENGLISH = train_tokenizer(["abc cab"], kind="char", vocab_size=None, normalizer="none")


def test_a_model_none_of_whose_words_can_be_spelt_is_an_error_that_names_the_case(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text(UPPER)
    with pytest.raises(ModelError) as raised:
        load_language_model(path, ENGLISH, words=True)
    assert str(raised.value) == (
        f'{path}: none of its 3 words can be spelt with the recognizer\'s tokens, as "ABC": in '
        'small letters it could be, as "abc" (make the model again from text that went through '
        "normalizer none, in the case of the recognizer's training text)"
    )
    path.write_text(UPPER.lower())
    capitals = train_tokenizer(["ABC CAB"], kind="char", vocab_size=None, normalizer="none")
    with pytest.raises(ModelError, match='as "abc": in capitals it could be, as "ABC"'):
        load_language_model(path, capitals, words=True)
    path.write_text(UPPER.replace("ABC", "가나").replace("CAB", "나가").replace("BCA", "다라"))
    with pytest.raises(ModelError, match='as "가나": is it of the recognizer\'s language'):
        load_language_model(path, ENGLISH, words=True)
    path.write_text(UPPER.replace("ABC", "“ABC”").replace("CAB", "CAB,").replace("BCA", "ÁB"))
    with pytest.raises(ModelError, match='as "“ABC”": in what normalizer english makes it could'):
        load_language_model(path, ENGLISH, words=True)


def test_how_many_words_can_be_spelt_is_said_and_few_are_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text(UPPER.replace("ABC", "abc").replace("CAB", "cab"))
    (notice,) = load_language_model(path, ENGLISH, words=True).notices
    assert notice == (
        f"{path}: over words, which are scored where they end; 2 of its 3 words can be spelt"
    )
    path.write_text(UPPER.replace("ABC", "abc"))
    (notice,) = load_language_model(path, ENGLISH, words=True).notices
    assert notice == (
        f"{path}: over words, which are scored where they end; warning: only 1 of its 3 words can "
        'be spelt in the recognizer\'s tokens, and the others, as "CAB", "BCA", cost what an '
        "unknown word does (is it of the recognizer's language, case and normalizer?)"
    )


@pytest.mark.parametrize("name", ["lm.gz", "x.lm", "LM.ARPA", "lm", "3-gram.pruned.1e-7"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_model_is_known_by_its_content_whatever_its_name(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / name
    path.write_bytes(pack(b"made by somebody\n" + UPPER.lower().encode()))
    assert load_language_model(path, ENGLISH, words=True).kind == "words"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is not an ARPA file \(it has no line \\data\\\); give an n-gram model in ARPA"),
        (b"u1 a b c\n", r"is not an ARPA file"),
        (gzip.compress(b"u1 a b c\n"), r"is not an ARPA file"),
        (b"mmap lm http://kheafield.com/code format version 5\n\0", "is a binary of KenLM; give"),
        (
            b"iARPA\n\n\\data\\\nngram 1=3\n",
            "is an iARPA file of IRSTLM, whose numbers are not final",
        ),
        (gzip.compress(b"iARPA\n\\data\\\n"), r"\(compile-lm --text=yes\); give the n-gram model"),
        (gzip.compress(b"blmt 3 1 2 3\n"), "is a binary of IRSTLM; give the n-gram model as an"),
        (b"\xfd7zXZ\0\0", "is packed with xz; give the n-gram model as an ARPA file"),
        (b"\xd6\xfd\xb2\x7e\x06", "is a transducer of OpenFst; give"),
    ],
)
def test_a_file_of_another_kind_is_refused_whatever_its_name(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "lm.arpa"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_language_model(path, ENGLISH, words=True)

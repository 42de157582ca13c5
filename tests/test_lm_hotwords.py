import itertools
import math
import random

import pytest
import torch

from asr.config import SearchConfig
from asr.errors import ConfigError
from asr.lm.hotwords import phrase_scorer
from asr.scorers import WeightedScorer
from asr.search import search
from asr.text.tokenizer import BOS, EOS, train_tokenizer

LETTERS = train_tokenizer(["ab cd", "d c b a"], kind="char", vocab_size=None, normalizer="none")
HANGUL = train_tokenizer(["김민수가 왔다"], kind="char", vocab_size=None, normalizer="none")
JAMO = train_tokenizer(["김민수가 왔다"], kind="jamo", vocab_size=None, normalizer="none")
PIECES = train_tokenizer(
    ["ab cd ab cd ac", "d c b a", "abcd cd"], kind="bpe", vocab_size=14, normalizer="none"
)


def earned(tokenizer, phrases, text, ends=True, reward=1.0):
    """What a text earns, token by token as search adds it up."""
    scorer = phrase_scorer(tokenizer, phrases, reward=reward, device="cpu")
    memory = scorer.memory(1)
    state = scorer.initial_state(memory, 1)
    total, before = 0.0, BOS
    for token in [*tokenizer.encode(text), *([EOS] if ends else [])]:
        gains, state = scorer.step(torch.tensor([[before]]), memory, state)
        total += float(gains[0, 0, token])
        before = token
    return total


@pytest.mark.parametrize(
    ("text", "gain"),
    [
        ("ab", 2),
        ("ab cd", 2),
        ("cd ab", 2),
        ("ab ab", 4),
        ("abc", 0),  # another word
        ("cab", 0),
        ("a", 0),
        ("a b", 0),
        ("ab ab ab", 6),
        ("", 0),
    ],
)
def test_a_phrase_earns_its_tokens_where_it_stands_as_a_word(text, gain):
    assert earned(LETTERS, ["ab"], text) == gain


def test_what_is_broken_off_is_taken_back_and_what_is_begun_counts_until_then():
    assert earned(LETTERS, ["ab cd"], "ab c", ends=False) == 4
    assert earned(LETTERS, ["ab cd"], "ab c") == 0
    assert earned(LETTERS, ["ab cd"], "ab ca") == 0
    assert earned(LETTERS, ["ab cd"], "ab ab cd") == 5


def test_a_phrase_within_or_before_another_keeps_its_own_reward():
    both = ["ab", "ab cd"]
    assert earned(LETTERS, both, "ab") == 2
    assert earned(LETTERS, both, "ab cd") == 5
    assert earned(LETTERS, both, "ab ca") == 2
    assert earned(LETTERS, ["cd", "ab cd d"], "ab cd a") == 0  # the one begun first counts
    assert earned(LETTERS, ["a b", "b c"], "a b c") == 3  # no token earns twice


def test_in_hangul_a_particle_may_follow_a_name():
    assert earned(HANGUL, ["민수"], "민수가 왔다") == 2
    assert earned(HANGUL, ["민수"], "김민수가") == 0
    assert earned(JAMO, ["김민수"], "김민수가") == len(JAMO.encode("김민수"))


def test_pieces_of_words_earn_as_characters_do():
    for phrase, text in [("ab", "ab cd"), ("ab", "d ab"), ("ab cd", "ab cd"), ("cd", "ab cd")]:
        assert earned(PIECES, [phrase], text) == len(PIECES.encode(phrase))
    assert earned(PIECES, ["ab"], "abcd") == 0
    assert earned(PIECES, ["ab cd"], "ab d") == 0


def test_no_token_gains_more_than_its_reward_and_an_end_gains_nothing():
    draw = random.Random(1)
    for _ in range(30):
        words = ["".join(draw.choices("abcd", k=draw.randint(1, 3))) for _ in range(6)]
        phrases = [" ".join(draw.choices(words, k=draw.randint(1, 3))) for _ in range(6)]
        scorer = phrase_scorer(LETTERS, phrases, reward=0.5, device="cpu")
        assert float(scorer.gains.max()) <= 0.5
        assert float(scorer.gains[:, EOS].max()) <= 0


class _Table:
    """A scorer that says the same after every token."""

    def __init__(self, log_probs):
        self.log_probs = log_probs

    def initial_state(self, memory, num_hypotheses):
        return (torch.zeros(1, num_hypotheses),)

    def step(self, tokens, memory, state):
        return self.log_probs.expand(*tokens.shape, -1), state


def test_a_wide_beam_finds_what_all_texts_searched_one_by_one_give():
    torch.manual_seed(3)
    log_probs = torch.randn(LETTERS.vocab_size).log_softmax(dim=-1)
    phrases = ["ab", "a d", "d a"]
    options = SearchConfig(
        beam_size=64, hotwords=tuple(phrases), hotword_reward=1.0, max_tokens=4, length_power=0.0
    )
    boost = phrase_scorer(LETTERS, phrases, reward=1.0, device="cpu")
    scorers = [WeightedScorer(_Table(log_probs), (torch.zeros(1),))]
    scorers.append(WeightedScorer(boost, boost.memory(1)))
    (found,) = search(scorers, torch.tensor([4]), options)

    def value(text):
        tokens = [*LETTERS.encode(text), EOS]
        return float(log_probs[tokens].double().sum()) + earned(LETTERS, phrases, text)

    texts = ["".join(p) for n in range(4) for p in itertools.product("abcd ", repeat=n)]
    best = max(texts, key=value)
    assert LETTERS.decode(found[0].tokens) == best
    assert math.isclose(found[0].score, value(best), abs_tol=1e-5)


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("axb", 'hotword "axb": the recognizer has no token for "x" and could never write it'),
        (" ", 'hotword " ": nothing is left of it after normaliser "none"'),
    ],
)
def test_a_phrase_that_cannot_be_written_is_refused(phrase, message):
    with pytest.raises(ConfigError, match=message):
        phrase_scorer(LETTERS, [phrase], reward=1.0, device="cpu")

import itertools
import math

import pytest
import torch

from asr.evidence.places import align_by_attention, align_by_ctc
from asr.evidence.words import MOST_SECONDS, SpeltWord, spelt_words, word_times
from asr.text.tokenizer import UNK, train_tokenizer

TEXTS = ["ab cd ab cd ac", "d c b a", "abcd cd", "김민수가 왔다 닭이"]
TOKENIZERS = [
    train_tokenizer(TEXTS, kind=kind, vocab_size=size, normalizer="none")
    for kind, size in [
        ("char", None),
        ("jamo", None),
        ("bpe", 24),
        ("unigram", 22),
        ("jamo_bpe", 95),
    ]
]


def frames(path, vocab_size=8, sure=0.9):
    """Log probabilities (T,V) whose best path this is."""
    rest = (1 - sure) / (vocab_size - 1)
    log_probs = torch.full((len(path), vocab_size), math.log(rest))
    for place, token in enumerate(path):
        log_probs[place, token] = math.log(sure)
    return log_probs


def test_ctc_places_are_where_the_path_shows_the_tokens():
    path = [0, 5, 5, 0, 0, 6, 0, 6, 7, 0]
    assert align_by_ctc(frames(path), [5, 6, 6, 7]) == [(1, 3), (5, 6), (7, 8), (8, 9)]


def test_too_few_frames_give_no_places():
    assert align_by_ctc(frames([5, 6]), [5, 6, 7]) is None
    assert align_by_ctc(frames([5, 5, 6]), [5, 5, 6]) is None  # a blank is needed between
    assert align_by_ctc(frames([5, 0, 5, 6]), [5, 5, 6]) == [(0, 1), (2, 3), (3, 4)]


def test_a_path_that_leaves_a_token_out_is_noticed():
    log_probs = frames([5, 0, 0, 6, 0, 7])
    log_probs[:, 6] = -math.inf  # torchaudio's path then spells something else, without a word
    assert align_by_ctc(log_probs, [5, 6, 7]) is None


def test_attention_places_never_go_back():
    alignment = torch.full((4, 6), 0.02)
    for token, frame in enumerate([1, 3, 0, 5]):  # the third jumps back
        alignment[token, frame] = 0.9
    places = align_by_attention(alignment / alignment.sum(dim=1, keepdim=True))
    assert [first for first, _ in places] == sorted(first for first, _ in places)
    assert places[0] == (1, 2)
    assert places[3] == (5, 6)
    assert align_by_attention(torch.zeros(0, 6)) == []


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda one: one.kind)
@pytest.mark.parametrize("text", ["ab cd", "a", "김민수가 왔다", "닭이 ab", "", "abcd cd ab d c"])
def test_words_are_those_of_the_text_and_hold_their_own_tokens(tokenizer, text):
    tokens = tokenizer.encode(text)
    words = spelt_words(tokenizer, tokens)
    assert [word.text for word in words] == text.split()
    for word in words:
        assert tokenizer.decode(tokens[word.first : word.end]).strip() == word.text
    assert all(a.end <= b.first for a, b in itertools.pairwise(words))


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda one: one.kind)
def test_any_tokens_give_the_words_of_their_text_in_order(tokenizer):
    generator = torch.Generator().manual_seed(1)
    for _ in range(50):
        drawn = torch.randint(UNK, tokenizer.vocab_size, (12,), generator=generator).tolist()
        words = spelt_words(tokenizer, drawn)
        assert [word.text for word in words] == tokenizer.decode(drawn).split()
        assert all(0 <= word.first < word.end <= 12 for word in words)
        assert all(a.first <= b.first for a, b in itertools.pairwise(words))


def test_times_share_what_lies_between_words_and_leave_pauses_out():
    words = [SpeltWord("ab", 0, 2), SpeltWord("cd", 3, 5), SpeltWord("e", 6, 7)]
    places = [(2, 3), (3, 4), (5, 6), (6, 7), (7, 8), (58, 59), (60, 61)]
    times = word_times(words, places, num_frames=100, seconds=4.0)
    assert times[0] == pytest.approx((0.04, 0.2))  # half of what is before; half of the gap
    assert times[1] == pytest.approx((0.2, 8 * 0.04 + MOST_SECONDS))
    assert times[2] == pytest.approx((60 * 0.04 - MOST_SECONDS, 61 * 0.04 + MOST_SECONDS))


def test_times_are_in_order_and_within_the_utterance():
    generator = torch.Generator().manual_seed(2)
    for _ in range(30):
        starts = torch.randint(0, 20, (6,), generator=generator).sort().values.tolist()
        words = [SpeltWord("x", index, index + 1) for index in range(6)]
        places = [(start, start + 1) for start in starts]
        times = word_times(words, places, num_frames=20, seconds=0.777)
        assert all(0 <= start < end <= 0.777 for start, end in times)
        starts_again = [start for start, _ in times]
        assert starts_again == sorted(starts_again)

import gzip
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from asr import scorers
from asr.config import SearchConfig
from asr.errors import ConfigError, DataError, ModelError
from asr.lm import kneser_ney
from asr.lm.arpa import LOG_ZERO
from asr.lm.kneser_ney import FALLBACK_DISCOUNTS, choose_discounts
from asr.lm.ngram import (
    LMMemory,
    NgramModel,
    NgramState,
    arpa_symbols,
    estimate,
    read_arpa,
    to_arpa,
    write_arpa,
)
from asr.scorers import WeightedScorer
from asr.search import search
from asr.text.tokenizer import BLANK, BOS, EOS, PAD, UNK, train_tokenizer

A, B, C, D = 4, 5, 6, 7
VOCAB = 12
SYMBOLS = ["<pad>", "<s>", "</s>", "<unk>", *"abcdefgh"]
SMALL = ["<pad>", "<s>", "</s>", "<unk>", "a", "b", "c"]

# The 2-grams "b c" and "a </s>" are left out though 3-grams end in them.
PRUNED = """
\\data\\
ngram 1=6
ngram 2=6
ngram 3=3

\\1-grams:
-1.5\t<unk>
-99\t<s>\t-0.4
-0.8\t</s>
-0.7\ta\t-0.3
-0.6\tb\t-0.2
-0.9\tc\t-0.15

\\2-grams:
-0.3\t<s> a\t-0.25
-0.45\ta b\t-0.35
-0.5\tc a
-0.55\tb a\t-0.05
-0.65\tc b
-0.75\tc c

\\3-grams:
-0.2\ta b c
-0.1\t<s> a b
-0.33\tb a </s>

\\end\\
"""


def random_texts(count: int, seed: int = 0, vocab_size: int = VOCAB) -> list[list[int]]:
    """Returns texts in which each token depends on the two before it; some are empty."""
    draw = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        text, last = [], (0, 0)
        for _ in range(draw.integers(0, 12)):
            favourite = (3 * last[0] + last[1]) % (vocab_size - UNK)
            token = favourite if draw.random() < 0.6 else draw.integers(vocab_size - UNK)
            last = (last[1], int(token))
            text.append(int(token) + UNK)
        texts.append(text)
    return texts


def read(text: str, folder: Path, symbols: Sequence[str] = SMALL) -> NgramModel:
    path = folder / "lm.arpa"
    path.write_text(text, "utf-8")
    return read_arpa(path, symbols)


def memory(size: int) -> LMMemory:
    return LMMemory(torch.zeros(size))


def after(model: NgramModel, history: Sequence[int]) -> torch.Tensor:
    """Returns log probabilities (V,) of what follows BOS and the history, step by step."""
    state = model.initial_state(memory(1), 1)
    for token in (BOS, *history):
        log_probs, state = model.step(torch.tensor([[token]]), memory(1), state)
    return log_probs[0, 0]


def step_scores(model: NgramModel, text: Sequence[int]) -> list[float]:
    """Returns what `score` does, a step at a time."""
    state, scores = model.initial_state(memory(1), 1), []
    for token, following in itertools.pairwise((BOS, *text, EOS)):
        log_probs, state = model.step(torch.tensor([[token]]), memory(1), state)
        scores.append(float(log_probs[0, 0, following]))
    return scores


class Direct:
    """Modified Kneser-Ney from its formulas, with dictionaries and no cleverness."""

    def __init__(self, texts: Sequence[Sequence[int]], order: int) -> None:
        raw: list[Counter] = [Counter() for _ in range(order + 1)]
        for text in texts:
            marked = (BOS, *text, EOS)
            for length in range(1, order + 1):
                for begin in range(len(marked) - length + 1):
                    raw[length][marked[begin : begin + length]] += 1
        del raw[1][BOS,]
        self.order, self.counts = order, [Counter(), *raw[1:]]
        for length in range(1, order):
            befores = Counter(gram[1:] for gram in raw[length + 1])
            for gram in raw[length]:
                if gram[0] != BOS:
                    self.counts[length][gram] = befores[gram]
        self.discounts = [()] + [self.find_discounts(count) for count in self.counts[1:]]
        self.after: dict[tuple, list[int]] = {}
        for gram in itertools.chain(*self.counts):
            self.after.setdefault(gram[:-1], []).append(gram[-1])

    @staticmethod
    def find_discounts(counts: Counter) -> tuple[float, ...]:
        num = Counter(counts.values())
        if not (num[1] and num[2] and num[3]):
            return (0.0, *FALLBACK_DISCOUNTS)
        y = num[1] / (num[1] + 2 * num[2])
        found = [0.0] + [k - (k + 1) * y * num[k + 1] / num[k] for k in (1, 2, 3)]
        return tuple(found) if min(found[1:]) > 0 else (0.0, *FALLBACK_DISCOUNTS)

    def prob(self, history: tuple[int, ...], token: int) -> float:
        history = history[max(0, len(history) - self.order + 1) :]
        lower = self.prob(history[1:], token) if history else 1 / (VOCAB - 2)
        length = len(history) + 1
        counts, discounts = self.counts[length], self.discounts[length]
        seen = [counts[*history, other] for other in self.after.get(history, [])]
        if not seen:
            return lower
        taken = [discounts[min(count, 3)] for count in seen]
        count = counts[*history, token]
        own = count - discounts[min(count, 3)]
        return own / sum(seen) + sum(taken) / sum(seen) * lower


def test_a_bigram_model_has_the_probabilities_worked_out_by_hand():
    # Texts "a b" and "a". All counts of counts are too small, so 0.5, 1 and 1.5 are taken off
    # counts of 1, 2 and more.
    # Unigrams by the tokens before them: a 1 (<s>), b 1 (a), </s> 2 (b, a); 4 in all, of which
    # 0.5 + 0.5 + 1 go to the four tokens that can occur, 0.5 / 4 = 0.125 to each:
    #   a = b = 0.5 / 4 + 0.125 = 0.25, </s> = 1 / 4 + 0.125 = 0.375, <unk> = 0.125
    # After <s>: a twice.      a = 1 / 2 + 1 / 2 * 0.25 = 0.625, b = 1 / 2 * 0.25 = 0.125
    # After a: b and </s> once. b = 0.5 / 2 + 1 / 2 * 0.25 = 0.375
    # After b: </s> once.    </s> = 0.5 / 1 + 0.5 / 1 * 0.375 = 0.6875
    model = estimate([[A, B], [A]], order=2, vocab_size=6)
    assert model.fallback_orders == (1, 2)
    assert model.num_ngrams == (5, 4)
    expected = {
        (): [0, 0, 0.1875, 0.0625, 0.625, 0.125],
        (A,): [0, 0, 0.4375, 0.0625, 0.125, 0.375],
        (A, B): [0, 0, 0.6875, 0.0625, 0.125, 0.125],
    }
    for history, probs in expected.items():
        assert after(model, history).exp().tolist() == pytest.approx(probs, abs=1e-6)
    assert np.exp(model.score([A, B])) == pytest.approx([0.625, 0.375, 0.6875], abs=1e-6)


def test_ngrams_at_the_beginning_of_a_text_keep_their_counts_at_lower_orders():
    # "a b" three times: in a trigram model the bigram "<s> a" has count 3, "a b" one token before.
    tables = estimate([[A, B]] * 3, order=3, vocab_size=6).tables()
    log_probs = {
        tuple(row): p for row, p in zip(tables[1].tokens, tables[1].log_probs, strict=True)
    }
    # Unigrams all stand after one token: 0.5 / 3 and 1.5 / 3 / 4. Then (count - discount) / count.
    unigram = 0.5 / 3 + 0.5 / 4
    assert math.exp(log_probs[BOS, A]) == pytest.approx(1.5 / 3 + 1.5 / 3 * unigram, abs=1e-6)
    assert math.exp(log_probs[A, B]) == pytest.approx(0.5 / 1 + 0.5 / 1 * unigram, abs=1e-6)


def test_discounts_follow_from_counts_of_counts():
    # n1..n4 = 4, 2, 1, 1: Y = 4 / (4 + 2 * 2) = 0.5; 1 - 2 Y 2/4, 2 - 3 Y 1/2, 3 - 4 Y 1/1
    counts = np.array([1, 1, 1, 1, 2, 2, 3, 4, 9])
    assert choose_discounts(counts) == ((0.5, 1.25, 1.0), False)


@pytest.mark.parametrize(
    "counts", [[2, 3], [1, 3], [1, 2], [1, 2, 3, 3, 3, 3], [1, 2, 3, 4, 4, 4], [7]]
)
def test_undefined_discounts_fall_back(counts):
    assert choose_discounts(np.array(counts)) == (FALLBACK_DISCOUNTS, True)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_estimates_are_those_of_the_formulas_written_down(order):
    texts = random_texts(300)
    model, direct = estimate(texts, order=order, vocab_size=VOCAB), Direct(texts, order)
    assert set(range(2, min(order, 4) + 1)).isdisjoint(model.fallback_orders)
    for text in [*texts[:20], *random_texts(20, seed=1)]:
        expected = [
            math.log(direct.prob((BOS, *text[:at]), token)) for at, token in enumerate([*text, EOS])
        ]
        assert model.score(text) == pytest.approx(expected, abs=2e-5)


def test_probabilities_sum_to_one_after_every_context_seen_or_not():
    model = estimate(random_texts(200), order=4, vocab_size=VOCAB)
    nodes = torch.arange(len(model._trie.backoffs))
    sums = model._next_log_probs(nodes).double().exp().sum(dim=-1)
    assert len(nodes) == 1 + sum(model.num_ngrams[:-1])
    assert sums == pytest.approx(torch.ones(len(nodes), dtype=torch.double), abs=1e-6)
    for text in random_texts(50, seed=2):
        assert float(after(model, text).double().exp().sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("order", range(1, 11))
def test_every_order_scores_texts_shorter_and_longer_than_itself(order):
    model = estimate([[A], [A, B, C], [], [B, A, B]], order=order, vocab_size=8)
    assert model.order == order == len(model.num_ngrams)
    for text in ([], [A], [A, B, C], [D, UNK] * 8):
        scores = model.score(text)
        assert len(scores) == len(text) + 1
        assert max(scores) < 0
        assert float(after(model, text).double().exp().sum()) == pytest.approx(1, abs=1e-6)
    assert order == 1 or sum(model.score([A, B, C])) > sum(model.score([C, B, A]))


@pytest.mark.parametrize("order", [1, 2, 4])
def test_a_step_gives_the_scores_of_whole_texts(order):
    model = estimate(random_texts(200), order=order, vocab_size=VOCAB)
    for text in random_texts(30, seed=3):
        assert step_scores(model, text) == pytest.approx(model.score(text), abs=1e-6)


def test_what_never_comes_has_log_zero_and_nothing_is_infinite():
    model = estimate(random_texts(50), order=3, vocab_size=VOCAB)
    log_probs = after(model, [A, B])
    assert log_probs[[PAD, BOS, BLANK]].tolist() == [LOG_ZERO] * 3
    assert bool(log_probs.isfinite().all())
    assert model.score([A, PAD, BOS])[1:3] == [LOG_ZERO] * 2
    assert scorers.LOG_ZERO == LOG_ZERO


def test_hypotheses_side_by_side_score_as_each_alone():
    model = estimate(random_texts(200), order=4, vocab_size=VOCAB)
    tokens = torch.randint(UNK, VOCAB, (3, 5, 6))  # (B,K,L)
    tokens[..., 0] = BOS
    tokens[1, 2, 3:] = PAD  # one that has ended
    state = model.initial_state(memory(3), 5)
    for at in range(tokens.size(2)):
        log_probs, state = model.step(tokens[..., at], memory(3), state)
        assert log_probs.shape == (3, 5, VOCAB)
        assert log_probs.dtype == torch.float32
        for row, beam in itertools.product(range(3), range(5)):
            if tokens[row, beam, at] != PAD:
                alone = after(model, tokens[row, beam, 1 : at + 1].tolist())
                assert torch.equal(log_probs[row, beam], alone)


def test_permuted_state_rows_permute_the_scores():
    model = estimate(random_texts(200), order=3, vocab_size=VOCAB)
    state = model.initial_state(memory(2), 3)
    _, state = model.step(torch.full((2, 3), BOS), memory(2), state)
    tokens = torch.tensor([[A, B, C], [C, D, A]])
    _, state = model.step(tokens, memory(2), state)
    following = torch.tensor([[B, A, UNK], [A, B, C]])
    log_probs, after_state = model.step(following, memory(2), state)
    order = torch.tensor([2, 0, 1])
    permuted, permuted_state = model.step(
        following[:, order], memory(2), NgramState(state.nodes[:, order])
    )
    assert torch.equal(permuted, log_probs[:, order])
    assert torch.equal(permuted_state.nodes, after_state.nodes[:, order])


def test_search_with_the_model_alone_finds_the_text_it_was_made_of():
    model = estimate([[A, B, C, D]] * 5, order=3, vocab_size=8)
    options = SearchConfig(beam_size=4, max_tokens=9, max_token_ratio=1.0, length_power=0.0)
    results = search([WeightedScorer(model, memory(2))], torch.tensor([9, 3]), options)
    assert results[0][0].tokens == (A, B, C, D)
    assert results[0][0].score == pytest.approx(sum(model.score([A, B, C, D])), abs=1e-5)
    assert results[0][0].ended == "eos"


def test_a_model_moved_to_a_device_is_another_with_the_same_scores():
    model = estimate(random_texts(50), order=3, vocab_size=VOCAB)
    moved = model.to("cpu")
    assert moved is not model
    assert moved.score([A, B, C]) == model.score([A, B, C])
    assert moved.num_ngrams == model.num_ngrams


@pytest.mark.gpu
def test_scores_on_a_gpu_are_those_on_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    model = estimate(random_texts(200), order=4, vocab_size=VOCAB)
    moved, tokens = model.to("cuda"), torch.randint(UNK, VOCAB, (2, 3, 5))
    there = LMMemory(memory(2).rows.cuda())
    state, other = model.initial_state(memory(2), 3), moved.initial_state(there, 3)
    for step in tokens.unbind(dim=2):
        log_probs, state = model.step(step, memory(2), state)
        found, other = moved.step(step.cuda(), there, other)
        assert found.cpu() == pytest.approx(log_probs, abs=1e-5)
    assert moved.score([A, B, C]) == pytest.approx(model.score([A, B, C]), abs=1e-5)


def test_texts_are_read_once_and_in_pieces(monkeypatch):
    texts = random_texts(300)
    whole = estimate(texts, order=4, vocab_size=VOCAB)
    monkeypatch.setattr(kneser_ney, "CHUNK_TOKENS", 50)

    def stream() -> Iterator[list[int]]:
        yield from texts

    pieces = estimate(stream(), order=4, vocab_size=VOCAB)
    for table, other in zip(whole.tables(), pieces.tables(), strict=True):
        assert np.array_equal(table.tokens, other.tokens)
        assert np.array_equal(table.log_probs, other.log_probs)
        assert np.array_equal(table.backoffs, other.backoffs)


@pytest.mark.parametrize(("vocab_size", "order"), [(4000, 6), (2**20, 10)])
def test_tokens_of_large_vocabularies_are_told_apart(vocab_size, order):
    texts = [[vocab_size - 1, UNK, vocab_size - 2, vocab_size - 1], [5, vocab_size - 1]]
    model = estimate(texts, order=order, vocab_size=vocab_size)
    bigrams = {(BOS, 5), (BOS, vocab_size - 1), (UNK, vocab_size - 2), (5, vocab_size - 1)}
    bigrams |= {(vocab_size - 1, UNK), (vocab_size - 2, vocab_size - 1), (vocab_size - 1, EOS)}
    assert {tuple(row) for row in model.tables()[1].tokens.tolist()} == bigrams


def test_a_model_is_as_large_as_its_ngrams():
    model = estimate(random_texts(500, vocab_size=300), order=5, vocab_size=300)
    values = sum(tensor.numel() for tensor in model._trie)
    assert sum(model.num_ngrams) > 5000
    assert values <= 5 * sum(model.num_ngrams) + 2 * model.vocab_size + 5


@pytest.mark.parametrize("order", [1, 2, 5])
def test_an_arpa_file_gives_the_same_scores(order, tmp_path):
    model = estimate(random_texts(200), order=order, vocab_size=VOCAB)
    write_arpa(tmp_path / "lm.arpa", model, SYMBOLS)
    packed = tmp_path / "lm.arpa.gz"
    packed.write_bytes(gzip.compress((tmp_path / "lm.arpa").read_bytes()))
    for path in (tmp_path / "lm.arpa", packed):
        again = read_arpa(path, SYMBOLS)
        assert (again.order, again.num_ngrams) == (order, model.num_ngrams)
        assert again.fallback_orders == ()
        for text in random_texts(30, seed=4):
            assert again.score(text) == pytest.approx(model.score(text), abs=1e-5)
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []


def test_an_arpa_file_looks_as_others_write_it():
    model = estimate([[A, B], [A]], order=2, vocab_size=6)
    lines = list(to_arpa(model, SMALL[:6]))
    assert lines[:5] == ["\\data\\", "ngram 1=5", "ngram 2=4", "", "\\1-grams:"]
    assert lines[5].startswith("-99\t<s>\t-0.30103")
    assert "-0.90309\t<unk>\t0" in lines  # pyctcdecode 0.5.0 wants a backoff of each word
    assert "-0.20412\t<s> a" in lines
    assert lines[-2:] == ["", "\\end\\"]


def test_a_pruned_arpa_file_backs_off_past_what_it_leaves_out(tmp_path):
    model = read(PRUNED, tmp_path)
    expected = [
        ([A, B, C], [-0.3, -0.1, -0.2, -0.15 - 0.8]),  # no "b c", so "a b c" goes on as "c"
        ([A, B, A], [-0.3, -0.1, -0.35 - 0.55, -0.33]),  # "a b" backs off to "b a"
        ([B, C], [-0.4 - 0.6, -0.2 - 0.9, -0.15 - 0.8]),  # "<s> b" is not there, nor "b c"
        ([C, A, B], [-0.4 - 0.9, -0.5, -0.45, -0.35 - 0.2 - 0.8]),  # "c a" has no backoff
        ([UNK, A], [-0.4 - 1.5, -0.7, -0.3 - 0.8]),
    ]
    for text, log10s in expected:
        scores = [score / math.log(10) for score in model.score(text)]
        assert scores == pytest.approx(log10s, abs=1e-6)
        assert step_scores(model, text) == pytest.approx(model.score(text), abs=1e-6)


def test_an_ngram_whose_beginning_was_pruned_is_found_all_the_same(tmp_path):
    text = PRUNED.replace("ngram 2=6", "ngram 2=5").replace("-0.45\ta b\t-0.35\n", "")
    model = read(text, tmp_path)
    # "a b" is now the unigram b after the backoff of a, and has no backoff of its own.
    scores = [score / math.log(10) for score in model.score([C, A, B, C, B])]
    assert scores[2:] == pytest.approx([-0.3 - 0.6, -0.2, -0.65, -0.2 - 0.8], abs=1e-6)
    assert model.num_ngrams == (6, 6, 3)  # "a b" is put in
    write_arpa(tmp_path / "again.arpa", model, SMALL)
    again = read_arpa(tmp_path / "again.arpa", SMALL)
    assert again.score([C, A, B, C, B]) == pytest.approx(model.score([C, A, B, C, B]), abs=1e-5)


def test_tokens_that_the_file_leaves_out_are_its_unk(tmp_path):
    more = [*SMALL, "d", "e"]
    model = read(PRUNED.replace("c a", "<UNK> a").replace("<unk>", "<UNK>"), tmp_path, more)
    assert model.score([D, A]) == model.score([UNK, A])
    assert model.score([D, A])[0] == pytest.approx((-0.4 - 1.5) * math.log(10), abs=1e-5)
    assert model.score([D, A])[1] == pytest.approx(-0.5 * math.log(10), abs=1e-5)
    log_probs = after(model, [8])
    assert float(log_probs[D]) == float(log_probs[8]) == float(log_probs[UNK])
    without = read(PRUNED.replace("-1.5\t<unk>\n", "").replace("1=6", "1=5"), tmp_path, more)
    assert after(without, [A])[[UNK, D, 8]].tolist() == [LOG_ZERO] * 3
    assert without.score([D])[0] == LOG_ZERO


def test_text_around_the_sections_and_spaces_for_tabs_do_no_harm(tmp_path):
    text = "made by hand\n" + PRUNED.replace("\t", "  ").replace("ngram 1=", "ngram  1 = ")
    text = text.replace("\n", "\r\n").replace("\r\n\r\n\\3", "\r\n\\3")
    assert read(text + "\n\n", tmp_path).score([A, B]) == read(PRUNED, tmp_path).score([A, B])


def test_a_byte_order_mark_before_the_data_does_no_harm(tmp_path):
    found = read("\ufeff" + PRUNED.lstrip(), tmp_path).score([A, B])
    assert found == read(PRUNED, tmp_path).score([A, B])


def test_no_log_probability_is_above_zero_whatever_the_backoffs(tmp_path):
    model = read(PRUNED.replace("-0.6\tb\t-0.2", "-0.6\tb\t3.5"), tmp_path)
    assert float(after(model, [B]).max()) == 0.0
    assert max(model.score([B, B, B])) == 0.0
    assert step_scores(model, [B, B, B]) == pytest.approx(model.score([B, B, B]), abs=1e-6)


def test_probabilities_of_zero_become_log_zero(tmp_path):
    model = read(PRUNED.replace("-0.2\ta b c", "-inf\ta b c"), tmp_path)
    assert model.score([A, B, C])[2] == LOG_ZERO


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (PRUNED, "", "lm.arpa: is not an ARPA file (it has no line \\data\\)"),
        ("ngram 2=6", "ngram 3=6", 'lm.arpa line 4: "ngram 3=6" must be ngram 2=COUNT'),
        ("ngram 1=6\nngram 2=6\nngram 3=3\n", "", 'line 4: "\\1-grams:" must be ngram 1=COUNT'),
        ("ngram 1=6", "ngram 1=" + "9" * 5000, '9" must be ngram 1=COUNT, of at most 18 digits;'),
        ("ngram 1=6", "ngram " + "9" * 5000 + "=6", "must be ngram 1=COUNT, of at most 18 digits"),
        ("\\1-grams:", "\\2-grams:", 'line 7: "\\2-grams:" must be \\1-grams:; make'),
        ("ngram 3=3\n", "", 'line 22: "\\3-grams:" must be \\end\\; make'),
        (
            "ngram 2=6",
            "ngram 2=7",
            "line 23: here end 6 2-grams, but the header of the file says 7",
        ),
        ("-0.5\tc a", "-0.5\tc horse", 'line 18: word "horse" is none of the tokens'),
        ("-0.5\tc a", "-0.5\tc <pad>", 'line 18: word "<pad>" is none of the tokens'),
        ("-0.5\tc a", "-0.5\tc", 'line 18: "-0.5\tc" must be a log10 probability of at most 0, 2'),
        ("-0.5\tc a", "-0.5\tc a b c", 'line 18: "-0.5\tc a b c" must be a log10'),
        ("-0.5\tc a", "0.5\tc a", 'line 18: "0.5\tc a" must be a log10'),
        ("-0.5\tc a", "nan\tc a", 'line 18: "nan\tc a" must be a log10'),
        ("-0.5\tc a", "-0.5\tc a\tinf", 'line 18: "-0.5\tc a\tinf" must be a log10'),
        ("-0.5\tc a", "x\tc a", 'line 18: "x\tc a" must be a log10'),
        ("-0.5\tc a", "-0.5\ta b", 'line 15: the 2-grams that begin here hold "a b" twice'),
        ("-1.5\t<unk>", "-1.5\ta", 'line 7: the 1-grams that begin here hold "a" twice'),
        ("-99\t<s>\t-0.4\n", "", "line 7: the 1-grams that begin here hold no <s>"),
        ("-0.8\t</s>\n", "", "line 7: the 1-grams that begin here hold no </s>"),
        ("-1.5\t<unk>\n", "", "line 14: here end 5 1-grams, but the header of the file says 6"),
        (
            "\\end\\\n",
            "",
            "line 27: the file ends without \\end\\; it was cut short, copy it again",
        ),
        ("-0.33\tb a </s>\n\n\\end\\\n", "-0.33\tb a </", "the file ends without \\end\\"),
        (PRUNED[20:], "", "line 4: the file ends without \\end\\; it was cut short"),
        (PRUNED[PRUNED.index("ngram 3") :], "", "the file ends without \\1-grams:; it was"),
    ],
)
def test_an_arpa_file_that_cannot_be_used_is_refused(before, now, message, tmp_path):
    assert before in PRUNED
    with pytest.raises(DataError) as caught:
        read(PRUNED.replace(before, now, 1), tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert message in str(caught.value)


def test_words_must_be_among_the_unigrams(tmp_path):
    text = PRUNED.replace("-0.9\tc\t-0.15\n", "").replace("1=6", "1=5")
    with pytest.raises(DataError, match="2 of the words in the 1-grams"):
        read(text, tmp_path)


def test_a_file_that_cannot_be_read_or_unpacked_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"missing.arpa: cannot be read as an ARPA file"):
        read_arpa(tmp_path / "missing.arpa", SMALL)
    path = tmp_path / "lm.arpa.gz"
    path.write_bytes(gzip.compress(PRUNED.encode())[:-30])
    with pytest.raises(DataError, match=r"lm.arpa.gz: cannot be read as an ARPA file"):
        read_arpa(path, SMALL)
    packed = bytearray(gzip.compress(PRUNED.encode()))
    packed[-8] ^= 1  # of the checksum, behind what is read
    path.write_bytes(packed)
    with pytest.raises(DataError, match=r"lm.arpa.gz: cannot be read as an ARPA file \(CRC"):
        read_arpa(path, SMALL)


def test_a_file_that_cannot_be_written_says_so_and_leaves_the_one_before(tmp_path):
    model = estimate([[A, B]], order=2, vocab_size=6)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"file/lm.arpa: cannot be written \("):
        write_arpa(tmp_path / "file" / "lm.arpa", model, SMALL[:6])
    path = tmp_path / "lm.arpa"
    path.write_text("before")
    with pytest.raises(IndexError):
        write_arpa(path, model, SMALL[:4])
    assert path.read_text() == "before"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "lm.arpa"]


@pytest.mark.parametrize("texts", [[], [[]], [[], []]])
def test_text_without_a_token_is_refused(texts):
    with pytest.raises(DataError, match="the text holds no token"):
        estimate(texts, order=3, vocab_size=VOCAB)


@pytest.mark.parametrize("token", [PAD, BOS, EOS, VOCAB, -1])
def test_text_with_a_token_outside_the_vocabulary_is_refused(token):
    with pytest.raises(DataError, match="text 2: holds a token outside 3 to 11"):
        estimate([[A], [A, token, B]], order=3, vocab_size=VOCAB)


@pytest.mark.parametrize("order", [0, 11, -1])
def test_an_order_out_of_range_is_refused(order):
    with pytest.raises(ConfigError, match=f"order = {order}: must be 1 to 10"):
        estimate([[A]], order=order, vocab_size=VOCAB)


@pytest.mark.parametrize("kind", ["char", "jamo", "unigram", "bpe"])
def test_every_token_has_a_word_of_its_own(kind, tmp_path):
    texts = ["the cat sat on the mat", "나는 학교에 간다"]
    size = 21 if kind in ("unigram", "bpe") else None
    tokenizer = train_tokenizer(texts, kind=kind, vocab_size=size, normalizer="none")
    symbols = arpa_symbols(tokenizer)
    assert symbols[:4] == ["<pad>", "<s>", "</s>", "<unk>"]
    assert len(set(symbols)) == len(symbols) == tokenizer.vocab_size
    assert all(len(symbol.split()) == 1 for symbol in symbols)
    encoded = [tokenizer.encode(text) for text in texts]
    model = estimate(encoded, order=3, vocab_size=tokenizer.vocab_size)
    write_arpa(tmp_path / "lm.arpa", model, symbols)
    again = read_arpa(tmp_path / "lm.arpa", symbols)
    assert again.score(encoded[1]) == pytest.approx(model.score(encoded[1]), abs=1e-5)


class Labels:
    """A tokenizer of which only the labels matter."""

    def __init__(self, *labels: str) -> None:
        self.labels = ("<pad>", "<bos>", "<eos>", "<unk>", *labels)
        self.vocab_size = len(self.labels)

    def token(self, index: int) -> str:
        return self.labels[index]


def test_words_hold_no_whitespace_and_none_is_taken_twice():
    labels = Labels("<s>", "a b", "\u3000", "<space>", "<UNK>", "</s>", "", "x", "<unk>")
    assert arpa_symbols(labels)[4:] == [
        "<token-4>",
        "a<U+0020>b",
        "<U+3000>",
        "<space>",
        "<token-8>",
        "<token-9>",
        "<token-10>",
        "x",
        "<token-12>",
    ]


def assert_scores_are_kenlms(
    path: Path, symbols: Sequence[str], texts: Sequence[Sequence[int]]
) -> None:
    kenlm = pytest.importorskip("kenlm", reason="kenlm is not installed: pip install kenlm")
    model, other = read_arpa(path, symbols), kenlm.Model(str(path))
    for text in texts:
        sentence = " ".join(symbols[token] for token in text)
        expected = [log10 for log10, _, _ in other.full_scores(sentence)]
        scores = [score / math.log(10) for score in model.score(text)]
        assert scores == pytest.approx(expected, abs=1e-4)
        steps = [score / math.log(10) for score in step_scores(model, text)]
        assert steps == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("order", [2, 3, 4, 5])  # kenlm reads no files of unigrams only
def test_scores_of_estimated_models_are_those_of_kenlm(order, tmp_path):
    model = estimate(random_texts(300), order=order, vocab_size=VOCAB)
    write_arpa(tmp_path / "lm.arpa", model, SYMBOLS)
    draw = np.random.default_rng(5)
    unlike = [draw.integers(UNK, VOCAB, size=length).tolist() for length in range(12)]
    assert_scores_are_kenlms(tmp_path / "lm.arpa", SYMBOLS, [*random_texts(30, seed=6), *unlike])


def test_scores_of_a_pruned_file_are_those_of_kenlm(tmp_path):
    path = tmp_path / "lm.arpa"
    path.write_text(PRUNED.lstrip(), "utf-8")
    texts = [list(text) for n in range(5) for text in itertools.product([A, B, C], repeat=n)]
    texts += [[UNK, A, B, UNK], [A, UNK, B, C]]
    assert_scores_are_kenlms(path, SMALL, texts)
    assert_scores_are_kenlms(path, [*SMALL, "d"], [[A, D, B, C], [D, A, B]])

import itertools
import math
from typing import Any, NamedTuple

import pytest
import torch
from conftest import tiny_config
from torch import Tensor

from asr.attention import ATTENTIONS
from asr.build import build_model
from asr.cells import CELLS
from asr.config import SearchConfig
from asr.hypotheses import find_loops
from asr.scorers import (
    CTCMemory,
    CTCScorer,
    DecoderScorer,
    LetterScorer,
    WeightedScorer,
    ctc_scorer,
    greedy_ctc,
    map_tensors,
)
from asr.search import search
from asr.text.tokenizer import BOS, EOS, PAD, UNK, train_tokenizer
from asr.text.units import LetterUnits

VOCAB = 4 + 4


class TableMemory(NamedTuple):
    table: Tensor  # (B,L,V,V): log probabilities of the next token at a step after a token


class TableState(NamedTuple):
    step: Tensor  # (B,K)


class TableScorer:
    """A language of its own: the next token depends on the step and the last token."""

    def initial_state(self, memory: TableMemory, num_hypotheses: int) -> TableState:
        return TableState(torch.zeros(memory.table.size(0), num_hypotheses, dtype=torch.long))

    def step(self, tokens: Tensor, memory: TableMemory, state: TableState) -> tuple[Tensor, Any]:
        rows = torch.arange(tokens.size(0))[:, None]
        return memory.table[rows, state.step, tokens], TableState(state.step + 1)


def table(batch_size: int, steps: int, seed: int) -> TableMemory:
    generator = torch.Generator().manual_seed(seed)
    logits = 1.5 * torch.randn(batch_size, steps, VOCAB, VOCAB, generator=generator)
    logits[..., [PAD, BOS]] = -math.inf
    return TableMemory(logits.log_softmax(dim=-1))


def brute_force(memory: TableMemory, row: int, cap: int, power: float) -> list[tuple[float, tuple]]:
    """Returns (rank, tokens) of every sequence that ends with EOS within the cap, best first."""
    found = []
    letters = [UNK, *range(4, VOCAB)]
    for length in range(cap):
        for tokens in itertools.product(letters, repeat=length):
            score, last = 0.0, BOS
            for step, token in enumerate((*tokens, EOS)):
                score += float(memory.table[row, step, last, token].double())
                last = token
            found.append((score / (length + 1) ** power, tokens))
    return sorted(found, reverse=True)


def decoder_scorers(
    ctc_weight: float = 0.0, *, vocab_size: int = 9, **sections: object
) -> tuple[list, Tensor]:
    """Returns an untrained model's scorers of three utterances, and the lengths of its memory."""
    model = build_model(tiny_config(**sections), vocab_size).eval()
    lengths = torch.tensor([16000, 9000, 12345])
    waveforms = 0.1 * torch.randn(3, 16000)
    with torch.no_grad():
        model.decoder.output.weight.mul_(8)  # an untrained model must not be flat
        model.decoder.embedding.weight.mul_(4)  # nor say one token over and over
        encoded = model.encode(waveforms, lengths)
        scorers = [WeightedScorer(DecoderScorer(model.decoder), model.prepare(encoded))]
        if ctc_weight:
            model.ctc.weight.mul_(8)
            memory = CTCScorer.prepare(model.ctc(encoded.values), encoded.lengths)
            scorers.append(WeightedScorer(CTCScorer(), memory, ctc_weight))
    return scorers, encoded.lengths


@pytest.mark.parametrize("power", [0.0, 0.7, 1.0])
def test_a_wide_beam_finds_what_brute_force_finds(power: float) -> None:
    cap, memory = 4, table(2, 4, seed=1)
    options = SearchConfig(
        beam_size=700, num_best=5, length_power=power, max_tokens=cap, max_token_ratio=1.0
    )
    results = search([WeightedScorer(TableScorer(), memory)], torch.tensor([cap, cap]), options)
    for row, hypotheses in enumerate(results):
        expected = brute_force(memory, row, cap, power)[:5]
        assert [h.tokens for h in hypotheses] == [tokens for _, tokens in expected]
        for hypothesis, (rank, tokens) in zip(hypotheses, expected, strict=True):
            assert hypothesis.score == pytest.approx(rank * (len(tokens) + 1) ** power, abs=1e-5)
            assert hypothesis.ended == "eos"


def mechanism(attention: str, cell: str, **decoder: object) -> dict[str, object]:
    """Returns the sections of a small model with such an attention and cell in both its halves."""
    starts = {} if attention != "none" else {"start": "bridge", "peeky": True}
    return {
        "attention": {"type": attention},
        "encoder": {"cell": cell, "hidden_dim": 6, "projection_dim": 12},
        "decoder": {"cell": cell, "hidden_dim": 12, **starts, **decoder},
    }


def forced_scores(scorer: WeightedScorer, row: int, targets: list[list[int]]) -> list[float]:
    """Returns the sums of log probabilities that teacher forcing gives to an utterance's texts."""
    size, longest = len(targets), max(map(len, targets))
    padded = torch.tensor([[BOS, *tokens, *[PAD] * (longest - len(tokens))] for tokens in targets])
    memory = map_tensors(lambda x: x[row : row + 1].expand(size, *x.shape[1:]), scorer.memory)
    with torch.no_grad():
        log_probs = scorer.scorer.decoder(padded[:, :-1], memory)[0].log_softmax(dim=-1)
    each = log_probs.double().gather(2, padded[:, 1:, None])[..., 0]  # (N,U)
    return (each * (padded[:, 1:] != PAD)).sum(dim=1).tolist()


def assert_a_beam_of_one_is_greedy(scorers: list, lengths: Tensor) -> None:
    """Compares greedy search with beam search of width 1."""
    greedy = search(scorers, lengths, SearchConfig(max_tokens=30))
    # num_best 2 sends a beam of one through beam search proper
    beam = search(scorers, lengths, SearchConfig(max_tokens=30, beam_size=1, num_best=2))
    for one, other in zip(greedy, beam, strict=True):
        assert one[0].tokens == other[0].tokens
        assert one[0].ended == other[0].ended
        assert one[0].score == pytest.approx(other[0].score, abs=1e-6)


def assert_scores_are_forced(scorers: list, lengths: Tensor, beam_size: int) -> None:
    """Compares each hypothesis's score with that of teacher forcing."""
    options = SearchConfig(beam_size=beam_size, num_best=beam_size, max_tokens=12, loop_repeats=100)
    for row, hypotheses in enumerate(search(scorers, lengths, options)):
        targets = [[*h.tokens, EOS] if h.ended == "eos" else [*h.tokens] for h in hypotheses]
        forced = forced_scores(scorers[0], row, targets)
        assert [h.score for h in hypotheses] == pytest.approx(forced, abs=1e-3)
        assert len({h.tokens for h in hypotheses if h.ended == "eos"}) == sum(
            h.ended == "eos" for h in hypotheses
        )


@pytest.mark.parametrize("ctc_weight", [0.0, 0.5])
def test_a_beam_of_one_is_greedy_search(ctc_weight: float) -> None:
    assert_a_beam_of_one_is_greedy(*decoder_scorers(ctc_weight))


@pytest.mark.parametrize("attention", sorted(ATTENTIONS))
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_a_beam_of_one_is_greedy_search_for_every_mechanism_and_cell(
    attention: str, cell: str
) -> None:
    assert_a_beam_of_one_is_greedy(*decoder_scorers(**mechanism(attention, cell)))


@pytest.mark.parametrize("beam_size", [2, 5])
def test_every_hypothesis_scores_what_forced_decoding_gives_it(beam_size: int) -> None:
    assert_scores_are_forced(*decoder_scorers(), beam_size)


@pytest.mark.parametrize("attention", sorted(ATTENTIONS))
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_every_hypothesis_of_every_mechanism_and_cell_scores_what_forced_decoding_gives_it(
    attention: str, cell: str
) -> None:
    assert_scores_are_forced(*decoder_scorers(**mechanism(attention, cell, num_layers=2)), 3)


@pytest.mark.parametrize("feedback", ["cumulative", "both"])
@pytest.mark.parametrize("start", ["copy", "random"])
def test_every_hypothesis_scores_so_with_other_options_too(feedback: str, start: str) -> None:
    sections = mechanism("location", "lstm", start=start, peeky=True, context_output=False)
    sections["attention"] = {"type": "location", "feedback": feedback}
    scorers, lengths = decoder_scorers(**sections)
    assert_scores_are_forced(scorers, lengths, 3)
    assert_a_beam_of_one_is_greedy(scorers, lengths)


@pytest.mark.parametrize("attention", ["location", "none", "coverage", "multi_head"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_wide_beam_of_a_decoder_finds_what_brute_force_finds(attention: str, cell: str) -> None:
    cap = 4
    scorers, lengths = decoder_scorers(vocab_size=6, **mechanism(attention, cell))
    options = SearchConfig(beam_size=50, num_best=6, length_power=0.7, max_tokens=cap)
    texts = [
        [*letters, EOS]
        for length in range(cap)
        for letters in itertools.product([UNK, 4, 5], repeat=length)
    ]
    for row, hypotheses in enumerate(search(scorers, lengths, options)):
        scores = forced_scores(scorers[0], row, texts)
        ranked = sorted(
            zip(scores, texts, strict=True),
            key=lambda pair: pair[0] / len(pair[1]) ** 0.7,
            reverse=True,
        )[:6]
        assert [[*h.tokens, EOS] for h in hypotheses] == [text for _, text in ranked]
        assert [h.score for h in hypotheses] == pytest.approx([s for s, _ in ranked], abs=1e-4)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_batch_mates_change_no_result(beam_size: int) -> None:
    scorers, lengths = decoder_scorers(0.3)
    options = SearchConfig(beam_size=beam_size, max_tokens=15)
    together = search(scorers, lengths, options)
    for row in range(len(lengths)):
        alone = [
            WeightedScorer(
                s.scorer, map_tensors(lambda x, row=row: x[row : row + 1], s.memory), s.weight
            )
            for s in scorers
        ]
        single = search(alone, lengths[row : row + 1], options)[0]
        assert [h.tokens for h in single] == [h.tokens for h in together[row]]
        assert single[0].score == pytest.approx(together[row][0].score, abs=1e-4)


def test_a_wider_beam_never_ranks_its_best_lower_than_greedy_on_these_tables() -> None:
    memory = table(6, 6, seed=3)
    lengths = torch.full((6,), 6)
    scorer = [WeightedScorer(TableScorer(), memory)]
    greedy = search(scorer, lengths, SearchConfig())
    beam = search(scorer, lengths, SearchConfig(beam_size=8, length_power=0.0))
    pairs = [(b[0].score, g[0].score) for b, g in zip(beam, greedy, strict=True)]
    assert all(b >= g - 1e-9 for b, g in pairs if not math.isinf(g))
    assert any(b > g for b, g in pairs)


def test_early_ends_do_not_crowd_out_the_hypothesis_that_is_ahead() -> None:
    """Label smoothing leaves EOS a little everywhere; a long sure sentence must still win."""
    log_probs = torch.full((1, 30, VOCAB, VOCAB), -9.0)
    log_probs[..., EOS] = -4.0
    for step in range(20):
        log_probs[:, step, :, 4 + step % 4] = -0.1
    log_probs[:, 20, :, EOS] = -0.1
    scorer = [WeightedScorer(TableScorer(), TableMemory(log_probs))]
    for beam_size in (1, 4, 8):
        options = SearchConfig(beam_size=beam_size, loop_repeats=20)
        [[best]] = search(scorer, torch.tensor([30]), options)
        assert best.tokens == tuple(4 + step % 4 for step in range(20))
        assert best.ended == "eos"


def test_a_search_that_meets_no_eos_ends_at_the_cap_and_says_so() -> None:
    memory = table(1, 6, seed=4)
    memory.table[..., EOS] = -100.0
    for beam_size in (1, 3):
        options = SearchConfig(beam_size=beam_size, max_tokens=5, max_token_ratio=2)
        [[best]] = search([WeightedScorer(TableScorer(), memory)], torch.tensor([6]), options)
        assert best.ended == "length"
        assert len(best.tokens) == 5


def test_the_cap_follows_the_length_of_the_memory() -> None:
    memory = table(2, 20, seed=4)
    memory.table[..., EOS] = -100.0
    options = SearchConfig(max_tokens=100, max_token_ratio=0.5)
    results = search([WeightedScorer(TableScorer(), memory)], torch.tensor([20, 7]), options)
    assert [len(row[0].tokens) for row in results] == [10, 4]


@pytest.mark.parametrize("beam_size", [1, 2])
def test_a_loop_is_ended_and_named(beam_size: int) -> None:
    log_probs = torch.full((1, 50, VOCAB, VOCAB), -20.0)
    log_probs[..., BOS, 4] = log_probs[..., 4, 5] = log_probs[..., 5, 4] = -0.1
    options = SearchConfig(beam_size=beam_size, loop_repeats=4)
    scorer = [WeightedScorer(TableScorer(), TableMemory(log_probs))]
    [hypotheses] = search(scorer, torch.tensor([50]), options)
    if beam_size == 1:
        assert hypotheses[0].ended == "loop"
        assert hypotheses[0].tokens == (4, 5) * 4
    else:
        assert hypotheses[0].ended in {"eos", "loop"}


def test_a_loop_is_any_short_stretch_repeated() -> None:
    tokens = torch.tensor([[[5, 6, 7] * 4, [5, 6, 7, 8] * 3, [9] * 12]])
    assert find_loops(tokens, 4).tolist() == [[True, False, True]]
    assert find_loops(tokens, 3).tolist() == [[True, True, True]]


@pytest.mark.parametrize("period", range(1, 15))
@pytest.mark.parametrize("repeats", [2, 3, 8])
def test_loops_of_every_length_are_found_when_they_are_complete(period: int, repeats: int) -> None:
    stretch = torch.arange(period)
    for num_tokens in range(period, period * repeats + 3):
        # One row that is nothing else, and one that was something else at first.
        looped = stretch.repeat(repeats + 2)[:num_tokens]
        begun = torch.cat([torch.tensor([77, 78]), looped])
        for row in (looped, begun):
            is_complete = num_tokens >= period * repeats and period <= 12
            assert find_loops(row[None, None], repeats).tolist() == [[is_complete]]


def test_an_eos_far_less_likely_than_another_token_is_not_taken_under_a_threshold() -> None:
    log_probs = torch.full((1, 9, VOCAB, VOCAB), -30.0)
    log_probs[..., 5] = -1.0
    log_probs[:, :, :, EOS] = -1.6
    scorer = [WeightedScorer(TableScorer(), TableMemory(log_probs))]
    free = SearchConfig(beam_size=2, loop_repeats=100, length_power=0.0)
    [[best]] = search(scorer, torch.tensor([9]), free)
    assert (best.tokens, best.ended) == ((), "eos")
    held = SearchConfig(beam_size=2, eos_threshold=1.5, loop_repeats=100, length_power=0.0)
    [[best]] = search(scorer, torch.tensor([9]), held)
    assert best.ended == "length"


def ctc_prefix_by_hand(log_probs: Tensor, prefix: tuple[int, ...]) -> float:
    """Returns the log probability of all labellings that start with a prefix, by enumeration."""
    frames, vocab = log_probs.shape
    total = 0.0
    for path in itertools.product(range(vocab), repeat=frames):
        labels = [token for token, _ in itertools.groupby(path) if token != PAD]
        if tuple(labels[: len(prefix)]) == prefix:
            total += math.exp(sum(float(log_probs[t, token]) for t, token in enumerate(path)))
    return math.log(total)


def test_ctc_prefix_scores_equal_a_sum_over_all_paths() -> None:
    # tokens: blank 0, and 4 and 5, which repeat; 1 to 3 get no probability
    log_probs = torch.randn(1, 4, 6, dtype=torch.double)
    log_probs[..., 1:4] = -1000.0
    log_probs = log_probs.log_softmax(dim=-1)
    scorer, memory = CTCScorer(), CTCMemory(log_probs, log_probs.exp())
    small = torch.cat([log_probs[0, :, :1], log_probs[0, :, 4:]], dim=-1)  # blank, 4, 5
    names = {4: 1, 5: 2}
    for prefix in [(), (4,), (4, 4), (4, 5), (5, 5), (4, 5, 4)]:
        state, tokens, total = scorer.initial_state(memory, 1), torch.tensor([[BOS]]), 0.0
        for token in prefix:
            scores, state = scorer.step(tokens, memory, state)
            total += float(scores[0, 0, token])
            tokens = torch.tensor([[token]])
        expected = ctc_prefix_by_hand(small, tuple(names[token] for token in prefix))
        assert total == pytest.approx(expected, abs=1e-8)
        scores, _ = scorer.step(tokens, memory, state)
        whole = total + float(scores[0, 0, EOS])
        if prefix:
            loss = torch.nn.functional.ctc_loss(
                log_probs.transpose(0, 1),
                torch.tensor([prefix]),
                torch.tensor([4]),
                torch.tensor([len(prefix)]),
                reduction="sum",
            )
            if math.isfinite(float(loss)):
                assert whole == pytest.approx(-float(loss), abs=1e-8)


def test_ctc_scores_ignore_padding_and_batch_mates() -> None:
    logits = torch.randn(2, 9, 7)
    lengths = torch.tensor([9, 5])
    both = CTCScorer.prepare(logits, lengths)
    alone = CTCScorer.prepare(logits[1:, :5], lengths[1:])
    scorer = CTCScorer()
    states = [scorer.initial_state(both, 2), scorer.initial_state(alone, 2)]
    for token in (BOS, 4, 5, 5, 6):
        wide, states[0] = scorer.step(torch.full((2, 2), token), both, states[0])
        narrow, states[1] = scorer.step(torch.full((1, 2), token), alone, states[1])
        allowed = [EOS, UNK, 4, 5, 6]
        wide, narrow = wide[1:, :, allowed], narrow[..., allowed]
        # below e^-100 a token is impossible, and the figure only says so
        torch.testing.assert_close(wide.clamp(min=-100), narrow.clamp(min=-100))


def test_ctc_steps_never_exceed_probability_one() -> None:
    logits = 3 * torch.randn(3, 40, 9)
    logits[..., [BOS, EOS]] = -1000.0  # no path of training spells them
    memory = CTCScorer.prepare(logits, torch.tensor([40, 30, 12]))
    scorer = CTCScorer()
    state, tokens = scorer.initial_state(memory, 1), torch.full((3, 1), BOS)
    for token in (4, 4, 5, 8):
        scores, state = scorer.step(tokens, memory, state)
        total = scores[..., [EOS, UNK, 4, 5, 6, 7, 8]].exp().sum(dim=-1)
        torch.testing.assert_close(total, torch.ones_like(total), atol=1e-6, rtol=0)
        tokens = torch.full((3, 1), token)


@pytest.mark.parametrize(("kind", "size"), [("char", None), ("bpe", 30)])
def test_letters_of_tokens_are_scored_as_letters_one_by_one(kind: str, size: int | None) -> None:
    texts = ["각자 가요", "가방 갑", "차가워요 각각"]
    tokenizer = train_tokenizer(texts, kind=kind, vocab_size=size, normalizer="none")
    units = LetterUnits(tokenizer)
    logits, lengths = torch.randn(2, 14, units.num_units), torch.tensor([14, 11])
    scorer, plain = ctc_scorer(units), CTCScorer()
    assert isinstance(scorer, LetterScorer)
    memory = scorer.prepare(logits, lengths)
    state, tokens = scorer.initial_state(memory, 2), torch.full((2, 2), BOS)
    longest = sorted(range(UNK, tokenizer.vocab_size), key=lambda x: len(units.spellings[x]))
    ours = [[longest[-1], longest[0]], [longest[1], longest[-2]]]  # of each hypothesis, then
    letters = plain.initial_state(memory, 2)
    for place in range(3):
        scores, state = scorer.step(tokens, memory, state)
        for token in (EOS, *range(UNK, tokenizer.vocab_size)):
            total, after = letters.prefix, letters
            for unit in units.spell([token]) if token != EOS else []:
                after = CTCScorer.extend(torch.full((2, 2), unit), memory, after)
                total = after.prefix
            if token == EOS:
                total = torch.logaddexp(letters.label, letters.blank)[..., -1]
            wanted = (total - letters.prefix).clamp(-1e4, 0.0)
            torch.testing.assert_close(scores[..., token].clamp(min=-100), wanted.clamp(min=-100))
        assert scores[..., [PAD, BOS]].max() <= -1e4
        if place < 2:
            tokens = torch.tensor(ours)[:, place].expand(2, 2)
            columns = []
            for column in range(2):
                part = map_tensors(lambda x, c=column: x[:, c : c + 1], letters)
                for unit in units.spell([ours[column][place]]):
                    part = CTCScorer.extend(torch.full((2, 1), unit), memory, part)
                columns.append(part)
            letters = type(letters)(
                *(torch.cat(pair, dim=1) for pair in zip(*columns, strict=True))
            )


def test_permuting_a_beams_states_permutes_its_scores() -> None:
    scorers, _ = decoder_scorers(0.5)
    order = torch.tensor([2, 0, 1])
    for weighted in scorers:
        scorer, memory = weighted.scorer, weighted.memory
        state = scorer.initial_state(memory, 3)
        _, state = scorer.step(torch.full((3, 3), BOS), memory, state)
        tokens = torch.tensor([[4, 5, 6]] * 3)
        _, state = scorer.step(tokens, memory, state)
        next_tokens = torch.tensor([[7, 8, 4]] * 3)
        plain, _ = scorer.step(next_tokens, memory, state)
        moved = map_tensors(lambda x: x[:, order], state)
        permuted, _ = scorer.step(next_tokens[:, order], memory, moved)
        torch.testing.assert_close(permuted, plain[:, order])


def test_the_best_ctc_path_joins_repeats_and_leaves_blanks_out() -> None:
    paths = torch.tensor([[4, 4, 0, 4, 5, 5], [6, 0, 0, 7, 8, 8]])
    logits = torch.nn.functional.one_hot(paths, 9).float()
    assert greedy_ctc(logits, torch.tensor([6, 4])) == [(4, 4, 5), (6, 7)]

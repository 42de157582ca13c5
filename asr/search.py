"""Greedy and beam search over scorers, for a whole batch of utterances at once.

Every search is bounded, utterances leave the batch as they finish, and every hypothesis says why
it ended: `eos`; `length`, the cap; or `loop`, the same few tokens over and over.
Shapes: B utterances still open, K hypotheses each, V tokens, L steps.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from asr.config import SearchConfig
from asr.fast.shared import shared_products
from asr.hypotheses import (
    UNFINISHED,
    Finished,
    Hypothesis,
    find_loops,
    highest_rank,
    hypotheses_of,
    hypothesis_of,
    merge,
    nothing_finished,
    take_beams,
)
from asr.scorers import WeightedScorer, initial_states, map_tensors, select_rows
from asr.text.tokenizer import BOS, EOS, PAD

NO_CHANCE = -1e4  # stands for a log probability that is not a number


def search(
    scorers: Sequence[WeightedScorer], lengths: Tensor, options: SearchConfig
) -> list[list[Hypothesis]]:
    """Returns for each utterance its best hypotheses, best first, at least one.

    Args:
        scorers: their weighted log probabilities are added.
        lengths: (B,) memory frames, from which the cap on tokens follows.
        options: a beam_size of 1 is greedy search.
    """
    caps = (lengths * options.max_token_ratio).ceil().long().clamp(1, options.max_tokens)
    with torch.inference_mode(), shared_products(options.decoder_precision, lengths.device):
        if options.beam_size == 1 and options.num_best == 1:
            return greedy_search(scorers, caps, options)
        return beam_search(scorers, caps, options)


def greedy_search(
    scorers: Sequence[WeightedScorer], caps: Tensor, options: SearchConfig
) -> list[list[Hypothesis]]:
    """Returns one hypothesis an utterance: the best token at each step, until EOS or the cap."""
    results: list[list[Hypothesis]] = [[] for _ in caps]
    rows = torch.arange(len(caps), device=caps.device)  # (B,)
    states = initial_states(scorers, 1)
    history = torch.full((len(caps), 1, 1), BOS, device=caps.device)
    scores = torch.zeros(len(caps), dtype=torch.double, device=caps.device)
    while len(rows):
        log_probs, states = _step(scorers, history[..., -1], states, options=options)
        best, token = log_probs[:, 0].max(dim=-1)  # (B,)
        scores = scores + best
        history = torch.cat([history, token[:, None, None]], dim=-1)
        looped = find_loops(history[..., 1:], options.loop_repeats)[:, 0]
        reason = torch.where(token == EOS, 0, torch.where(looped, 2, 1))
        ended = (reason != 1) | (history.size(2) - 1 >= caps[rows])
        if bool(ended.any()):
            for row in ended.nonzero()[:, 0].tolist():
                results[int(rows[row])] = [
                    hypothesis_of(history[row, 0, 1:], scores[row], reason[row])
                ]
            keep = (~ended).nonzero()[:, 0]
            rows, history, scores = rows[keep], history[keep], scores[keep]
            scorers, states = select_rows(scorers, states, keep)
    return results


def beam_search(
    scorers: Sequence[WeightedScorer], caps: Tensor, options: SearchConfig
) -> list[list[Hypothesis]]:
    """Returns up to num_best hypotheses an utterance, best first.

    An utterance is done when beam_size hypotheses have ended with EOS, each ahead of every open one
    at its step (an early EOS is always near, and must not crowd the others out), or when no open
    one could still enter the num_best; see `highest_rank`.
    """
    size, device = options.beam_size, caps.device
    results: list[list[Hypothesis]] = [[] for _ in caps]
    rows = torch.arange(len(caps), device=device)
    states = initial_states(scorers, size)
    history = torch.full((len(caps), size, 1), BOS, device=device)
    scores = torch.full((len(caps), size), -math.inf, dtype=torch.double, device=device)
    scores[:, 0] = 0.0  # the others are copies of the first until it has branched
    finished = nothing_finished(len(caps), options.num_best, device)
    while len(rows):
        log_probs, states = _step(scorers, history[..., -1], states, options=options)
        candidates = _expand(scores, log_probs, history)
        finished = _collect_eos(finished, candidates, options)
        scores, history, parents = _survivors(candidates, size)
        states = map_tensors(partial(take_beams, index=parents), states)
        looped = find_loops(history[..., 1:], options.loop_repeats)
        at_cap = (history.size(2) - 1 >= caps[rows])[:, None]
        stopped = (looped | at_cap) & scores.isfinite()
        finished = _collect_stopped(finished, (scores, history), (stopped, looped), options=options)
        scores = scores.masked_fill(stopped, -math.inf)
        done = _is_done(finished, (scores, history), caps[rows], options=options)
        if bool(done.any()):
            for row in done.nonzero()[:, 0].tolist():
                results[int(rows[row])] = hypotheses_of(finished, row)
            keep = (~done).nonzero()[:, 0]
            rows, history, scores = rows[keep], history[keep], scores[keep]
            finished = Finished(*(part[keep] for part in finished))
            scorers, states = select_rows(scorers, states, keep)
    return results


def _step(
    scorers: Sequence[WeightedScorer], tokens: Tensor, states: Any, *, options: SearchConfig
) -> tuple[Tensor, tuple[Any, ...]]:
    """Returns what each token earns, (B,K,V) float64, and the scorers' next states."""
    total, after = torch.zeros((), dtype=torch.double, device=tokens.device), []
    for scorer, state in zip(scorers, states, strict=True):
        log_probs, state = scorer.scorer.step(tokens, scorer.memory, state)
        total = total + scorer.weight * log_probs.double()
        after.append(state)
    total[..., [PAD, BOS]] = -math.inf
    if options.eos_threshold is not None:
        others = total.clone()
        others[..., EOS] = -math.inf
        unsure = total[..., EOS] < options.eos_threshold * others.amax(dim=-1)
        total[..., EOS] = total[..., EOS].masked_fill(unsure, -math.inf)
    if options.length_bonus:
        bonus = torch.full_like(total[0, 0], options.length_bonus)  # (V,)
        bonus[EOS] = 0.0
        total = total + bonus
    # Audio out of all bounds may give NaN; a search must end all the same.
    return total.nan_to_num(nan=NO_CHANCE, neginf=-math.inf), tuple(after)


class _Candidates(NamedTuple):
    """The best extensions over all of an utterance's hypotheses, best first."""

    scores: Tensor  # (B,C)
    tokens: Tensor  # (B,C)
    parents: Tensor  # (B,C), index along K
    history: Tensor  # (B,K,L+1), of the parents


def _expand(scores: Tensor, log_probs: Tensor, history: Tensor) -> _Candidates:
    """Returns 2 K candidates: each hypothesis has one EOS, so K of them go on."""
    size, vocab_size = log_probs.shape[1:]
    flat = (scores[..., None] + log_probs).flatten(1)  # (B,K*V)
    best, index = flat.topk(min(2 * size, size * vocab_size), dim=-1)
    return _Candidates(best, index % vocab_size, index // vocab_size, history)


def _collect_eos(finished: Finished, candidates: _Candidates, options: SearchConfig) -> Finished:
    """Returns finished with those of the K best candidates that are EOS."""
    size = options.beam_size
    scores, tokens = candidates.scores[:, :size], candidates.tokens[:, :size]
    is_eos = (tokens == EOS) & scores.isfinite()
    history = take_beams(candidates.history, candidates.parents[:, :size])
    history = torch.cat([history, tokens[..., None]], dim=-1)
    rank = scores / (history.size(2) - 1) ** options.length_power
    rank = rank.masked_fill(~is_eos, -math.inf)
    best_open = scores.masked_fill(tokens == EOS, -math.inf).amax(dim=1, keepdim=True)
    num_ended = finished.num_ended + (is_eos & (scores > best_open)).sum(dim=1, keepdim=True)
    new = Finished(rank, scores, history, torch.zeros_like(tokens), num_ended)
    return merge(finished, new)


def _collect_stopped(
    finished: Finished,
    opened: tuple[Tensor, Tensor],
    stops: tuple[Tensor, Tensor],
    *,
    options: SearchConfig,
) -> Finished:
    """Returns finished with the open hypotheses that were stopped, ranked behind every EOS."""
    (scores, history), (stopped, looped) = opened, stops
    rank = scores / (history.size(2) - 1) ** options.length_power - UNFINISHED
    rank = rank.masked_fill(~stopped, -math.inf)
    reason = torch.where(looped, 2, 1)
    return merge(finished, Finished(rank, scores, history, reason, finished.num_ended))


def _survivors(candidates: _Candidates, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns scores (B,K), histories (B,K,L+1) and parents (B,K) of the K best that go on."""
    open_scores = candidates.scores.masked_fill(candidates.tokens == EOS, -math.inf)
    missing = size - open_scores.size(1)
    if missing > 0:  # fewer candidates than the beam is wide: a tiny vocabulary
        open_scores = torch.nn.functional.pad(open_scores, (0, missing), value=-math.inf)
    scores, index = open_scores.topk(size, dim=-1)
    index = index.clamp(max=candidates.tokens.size(1) - 1)
    parents, tokens = candidates.parents.gather(1, index), candidates.tokens.gather(1, index)
    history = torch.cat([take_beams(candidates.history, parents), tokens[..., None]], dim=-1)
    return scores, history, parents


def _is_done(
    finished: Finished, opened: tuple[Tensor, Tensor], caps: Tensor, *, options: SearchConfig
) -> Tensor:
    scores, history = opened
    bound = highest_rank(scores.amax(dim=1), history.size(2) - 1, caps, options=options)
    enough = finished.num_ended[:, 0] >= options.beam_size
    return enough | (finished.rank[:, -1] >= bound) | scores.isneginf().all(dim=1)

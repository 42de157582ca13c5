"""Greedy and beam search over scorers, for a whole batch of utterances at once.

Every search is bounded, utterances leave the batch as they finish, and every hypothesis says why
it ended: `eos`; `length`, the cap; or `loop`, the same few tokens over and over.
Shapes: B utterances still open, K hypotheses each, V tokens, L steps.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from asr.config import SearchConfig
from asr.fast.shared import shared_products
from asr.scorers import Scorer
from asr.text.tokenizer import BOS, EOS, PAD

REASONS = ("eos", "length", "loop")
LONGEST_LOOP = 12  # tokens in the stretch that repeats
NO_CHANCE = -1e4  # stands for a log probability that is not a number
UNFINISHED = 1e9  # subtracted so that a hypothesis without EOS ranks behind all that have one


@dataclass(frozen=True)
class Hypothesis:
    """One result of search."""

    tokens: tuple[int, ...]  # without EOS
    score: float  # weighted sum of log probabilities, EOS counted, and the bonus for its length
    ended: str  # a name in REASONS


@dataclass(frozen=True)
class WeightedScorer:
    """A scorer with the memory it reads."""

    scorer: Scorer
    memory: Any  # NamedTuple of tensors (B,...)
    weight: float = 1.0


class _Finished(NamedTuple):
    """The best finished hypotheses so far, best first."""

    rank: Tensor  # (B,N), -inf where there is none
    score: Tensor  # (B,N)
    tokens: Tensor  # (B,N,L), PAD after the end
    reason: Tensor  # (B,N), index in REASONS
    num_ended: Tensor  # (B,1), how many have ended with EOS, ahead of every open one


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
    bfloat16 = options.decoder_precision == "bfloat16"
    with torch.inference_mode(), shared_products(bfloat16=bfloat16):
        if options.beam_size == 1 and options.num_best == 1:
            return greedy_search(scorers, caps, options)
        return beam_search(scorers, caps, options)


def greedy_search(
    scorers: Sequence[WeightedScorer], caps: Tensor, options: SearchConfig
) -> list[list[Hypothesis]]:
    """Returns one hypothesis an utterance: the best token at each step, until EOS or the cap."""
    results: list[list[Hypothesis]] = [[] for _ in caps]
    rows = torch.arange(len(caps), device=caps.device)  # (B,)
    states = _initial_states(scorers, 1)
    history = torch.full((len(caps), 1, 1), BOS, device=caps.device)
    scores = torch.zeros(len(caps), dtype=torch.double, device=caps.device)
    while len(rows):
        log_probs, states = _step(scorers, history[..., -1], states, options)
        best, token = log_probs[:, 0].max(dim=-1)  # (B,)
        scores = scores + best
        history = torch.cat([history, token[:, None, None]], dim=-1)
        looped = find_loops(history[..., 1:], options.loop_repeats)[:, 0]
        reason = torch.where(token == EOS, 0, torch.where(looped, 2, 1))
        ended = (reason != 1) | (history.size(2) - 1 >= caps[rows])
        if bool(ended.any()):
            for row in ended.nonzero()[:, 0].tolist():
                results[int(rows[row])] = [
                    _hypothesis(history[row, 0, 1:], scores[row], reason[row])
                ]
            keep = (~ended).nonzero()[:, 0]
            rows, history, scores = rows[keep], history[keep], scores[keep]
            scorers, states = _select_rows(scorers, states, keep)
    return results


def beam_search(
    scorers: Sequence[WeightedScorer], caps: Tensor, options: SearchConfig
) -> list[list[Hypothesis]]:
    """Returns up to num_best hypotheses an utterance, best first.

    An utterance is done when beam_size hypotheses have ended with EOS, each ahead of every open one
    at its step (an early EOS is always near, and must not crowd the others out), or when no open
    one could still enter the num_best; see `_highest_rank`.
    """
    size, device = options.beam_size, caps.device
    results: list[list[Hypothesis]] = [[] for _ in caps]
    rows = torch.arange(len(caps), device=device)
    states = _initial_states(scorers, size)
    history = torch.full((len(caps), size, 1), BOS, device=device)
    scores = torch.full((len(caps), size), -math.inf, dtype=torch.double, device=device)
    scores[:, 0] = 0.0  # the others are copies of the first until it has branched
    finished = _nothing_finished(len(caps), options.num_best, device)
    while len(rows):
        log_probs, states = _step(scorers, history[..., -1], states, options)
        candidates = _expand(scores, log_probs, history)
        finished = _collect_eos(finished, candidates, options)
        scores, history, parents = _survivors(candidates, size)
        states = map_tensors(partial(_take_beams, index=parents), states)
        looped = find_loops(history[..., 1:], options.loop_repeats)
        at_cap = (history.size(2) - 1 >= caps[rows])[:, None]
        stopped = (looped | at_cap) & scores.isfinite()
        finished = _collect_stopped(finished, (scores, history), (stopped, looped), options)
        scores = scores.masked_fill(stopped, -math.inf)
        done = _is_done(finished, (scores, history), caps[rows], options)
        if bool(done.any()):
            for row in done.nonzero()[:, 0].tolist():
                results[int(rows[row])] = _hypotheses(finished, row)
            keep = (~done).nonzero()[:, 0]
            rows, history, scores = rows[keep], history[keep], scores[keep]
            finished = _Finished(*(part[keep] for part in finished))
            scorers, states = _select_rows(scorers, states, keep)
    return results


def find_loops(tokens: Tensor, repeats: int) -> Tensor:
    """Returns (B,K), True where tokens (B,K,L) end in a short stretch repeated so many times."""
    longest = min(LONGEST_LOOP, tokens.size(2) // repeats)
    if longest == 0:
        return torch.zeros(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
    # The last tokens, and in rows before them what stood `longest`, ..., 2, 1 tokens earlier.
    rows = tokens[..., -longest * repeats :].unfold(-1, longest * (repeats - 1), 1)
    same = rows[..., :-1, :] == rows[..., -1:, :]
    return (same | _too_early(longest, repeats, tokens.device)).all(dim=-1).any(dim=-1)


@cache
def _too_early(longest: int, repeats: int, device: torch.device) -> Tensor:
    """Returns (P,N), True where a place is not among the last ones, which show periods P ... 1."""
    periods = torch.arange(longest, 0, -1, device=device)[:, None]
    places = torch.arange(longest * (repeats - 1), 0, -1, device=device)  # from the end
    return places > periods * (repeats - 1)


def rank_of(hypothesis: Hypothesis, options: SearchConfig) -> float:
    """Returns what hypotheses are sorted by: the score for its length, those with EOS first."""
    has_eos = hypothesis.ended == "eos"
    length = len(hypothesis.tokens) + has_eos
    return hypothesis.score / length**options.length_power - (0.0 if has_eos else UNFINISHED)


def map_tensors(function: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Returns the same nested tuples with the function applied to each tensor."""
    if isinstance(state, Tensor):
        return function(state)
    parts = [map_tensors(function, part) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def _initial_states(scorers: Sequence[WeightedScorer], num_hypotheses: int) -> tuple[Any, ...]:
    return tuple(s.scorer.initial_state(s.memory, num_hypotheses) for s in scorers)


def _select_rows(
    scorers: Sequence[WeightedScorer], states: Any, keep: Tensor
) -> tuple[list[WeightedScorer], Any]:
    def select(tensor: Tensor) -> Tensor:
        return tensor.index_select(0, keep)

    kept = [replace(s, memory=map_tensors(select, s.memory)) for s in scorers]
    return kept, map_tensors(select, states)


def _step(
    scorers: Sequence[WeightedScorer], tokens: Tensor, states: Any, options: SearchConfig
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


def _collect_eos(finished: _Finished, candidates: _Candidates, options: SearchConfig) -> _Finished:
    """Returns finished with those of the K best candidates that are EOS."""
    size = options.beam_size
    scores, tokens = candidates.scores[:, :size], candidates.tokens[:, :size]
    is_eos = (tokens == EOS) & scores.isfinite()
    history = _take_beams(candidates.history, candidates.parents[:, :size])
    history = torch.cat([history, tokens[..., None]], dim=-1)
    rank = scores / (history.size(2) - 1) ** options.length_power
    rank = rank.masked_fill(~is_eos, -math.inf)
    best_open = scores.masked_fill(tokens == EOS, -math.inf).amax(dim=1, keepdim=True)
    num_ended = finished.num_ended + (is_eos & (scores > best_open)).sum(dim=1, keepdim=True)
    new = _Finished(rank, scores, history, torch.zeros_like(tokens), num_ended)
    return _merge(finished, new)


def _collect_stopped(
    finished: _Finished,
    opened: tuple[Tensor, Tensor],
    stops: tuple[Tensor, Tensor],
    options: SearchConfig,
) -> _Finished:
    """Returns finished with the open hypotheses that were stopped, ranked behind every EOS."""
    (scores, history), (stopped, looped) = opened, stops
    rank = scores / (history.size(2) - 1) ** options.length_power - UNFINISHED
    rank = rank.masked_fill(~stopped, -math.inf)
    reason = torch.where(looped, 2, 1)
    return _merge(finished, _Finished(rank, scores, history, reason, finished.num_ended))


def _survivors(candidates: _Candidates, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns scores (B,K), histories (B,K,L+1) and parents (B,K) of the K best that go on."""
    open_scores = candidates.scores.masked_fill(candidates.tokens == EOS, -math.inf)
    missing = size - open_scores.size(1)
    if missing > 0:  # fewer candidates than the beam is wide: a tiny vocabulary
        open_scores = torch.nn.functional.pad(open_scores, (0, missing), value=-math.inf)
    scores, index = open_scores.topk(size, dim=-1)
    index = index.clamp(max=candidates.tokens.size(1) - 1)
    parents, tokens = candidates.parents.gather(1, index), candidates.tokens.gather(1, index)
    history = torch.cat([_take_beams(candidates.history, parents), tokens[..., None]], dim=-1)
    return scores, history, parents


def _is_done(
    finished: _Finished, opened: tuple[Tensor, Tensor], caps: Tensor, options: SearchConfig
) -> Tensor:
    scores, history = opened
    bound = _highest_rank(scores.amax(dim=1), history.size(2) - 1, caps, options)
    enough = finished.num_ended[:, 0] >= options.beam_size
    return enough | (finished.rank[:, -1] >= bound) | scores.isneginf().all(dim=1)


def _highest_rank(scores: Tensor, num_tokens: int, caps: Tensor, options: SearchConfig) -> Tensor:
    """Returns (B,) the most that open hypotheses of so many tokens and scores (B,) may come to.

    Log probabilities are at most 0. So a hypothesis that ends with EOS at a length, EOS counted,
    has at most its score now and the bonus of the tokens until then; and over all lengths allowed,
    the best of these ranks is the bound. Longer is not always better: without a bonus a score below
    0 ranks best at the cap, but with one a score above 0 may rank best at once.
    """
    shortest, longest = num_tokens + 1, max(num_tokens + 1, int(caps.max()))
    lengths = torch.arange(shortest, longest + 1, dtype=torch.double, device=caps.device)  # (L,)
    bonus = options.length_bonus * (lengths - shortest)
    ranks = (scores[:, None] + bonus) / lengths**options.length_power  # (B,L)
    return ranks.masked_fill(lengths > caps[:, None], -math.inf).amax(dim=1)


def _nothing_finished(batch_size: int, num_best: int, device: torch.device) -> _Finished:
    rank = torch.full((batch_size, num_best), -math.inf, dtype=torch.double, device=device)
    index = torch.zeros(rank.shape, dtype=torch.long, device=device)
    return _Finished(rank, rank, index[..., None], index, index[:, :1])


def _merge(finished: _Finished, new: _Finished) -> _Finished:
    """Returns the best of both, with as many places as `finished` has."""
    missing = new.tokens.size(2) - finished.tokens.size(2)
    tokens = torch.nn.functional.pad(finished.tokens, (0, missing), value=PAD)
    rank, index = torch.cat([finished.rank, new.rank], dim=1).topk(finished.rank.size(1), dim=1)
    score = torch.cat([finished.score, new.score], dim=1).gather(1, index)
    reason = torch.cat([finished.reason, new.reason], dim=1).gather(1, index)
    tokens = _take_beams(torch.cat([tokens, new.tokens], dim=1), index)
    return _Finished(rank, score, tokens, reason, new.num_ended)


def _take_beams(tensor: Tensor, index: Tensor) -> Tensor:
    """Returns rows (B,J,...) of a tensor (B,K,...) by index (B,J)."""
    return tensor[torch.arange(index.size(0), device=index.device)[:, None], index]


def _hypotheses(finished: _Finished, row: int) -> list[Hypothesis]:
    """Returns the finished hypotheses of an utterance; a search that found none says `length`."""
    return [
        _hypothesis(finished.tokens[row, place, 1:], score, finished.reason[row, place])
        for place, score in enumerate(finished.score[row])
        if not bool(finished.rank[row, place].isneginf())
    ]


def _hypothesis(tokens: Tensor, score: Tensor, reason: Tensor) -> Hypothesis:
    kept = tuple(token for token in tokens.tolist() if token not in (PAD, EOS))
    return Hypothesis(kept, float(score), REASONS[int(reason)])

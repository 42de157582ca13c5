"""What a search has found: hypotheses that ended, how they rank, and tokens that go in circles.

Shapes: B utterances, K hypotheses each, N finished ones, L steps.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from asr.config import SearchConfig
from asr.text.tokenizer import EOS, PAD

REASONS = ("eos", "length", "loop")
LONGEST_LOOP = 12  # tokens in the stretch that repeats
UNFINISHED = 1e9  # subtracted so that a hypothesis without EOS ranks behind all that have one


@dataclass(frozen=True)
class Hypothesis:
    """One result of search."""

    tokens: tuple[int, ...]  # without EOS
    score: float  # weighted sum of log probabilities, EOS counted, and the bonus for its length
    ended: str  # a name in REASONS


class Finished(NamedTuple):
    """The best finished hypotheses so far, best first."""

    rank: Tensor  # (B,N), -inf where there is none
    score: Tensor  # (B,N)
    tokens: Tensor  # (B,N,L), PAD after the end
    reason: Tensor  # (B,N), index in REASONS
    num_ended: Tensor  # (B,1), how many have ended with EOS, ahead of every open one


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


def highest_rank(scores: Tensor, num_tokens: int, caps: Tensor, *, options: SearchConfig) -> Tensor:
    """Returns (B,) the most that open hypotheses of so many tokens and scores (B,) may come to.

    Log probabilities are at most 0. So a hypothesis that ends with EOS at a length, EOS counted,
    has at most its score now, and the bonus and the reward of hotwords of the tokens until then
    (with EOS a phrase may end, but nothing is gained); and over all lengths allowed,
    the best of these ranks is the bound. Longer is not always better: without a bonus a score below
    0 ranks best at the cap, but with one a score above 0 may rank best at once.
    """
    shortest, longest = num_tokens + 1, max(num_tokens + 1, int(caps.max()))
    lengths = torch.arange(shortest, longest + 1, dtype=torch.double, device=caps.device)  # (L,)
    reward = options.hotword_reward if options.hotwords else 0.0
    bonus = (options.length_bonus + reward) * (lengths - shortest)
    ranks = (scores[:, None] + bonus) / lengths**options.length_power  # (B,L)
    return ranks.masked_fill(lengths > caps[:, None], -math.inf).amax(dim=1)


def nothing_finished(batch_size: int, num_best: int, device: torch.device) -> Finished:
    """Returns places for so many hypotheses an utterance, all empty."""
    rank = torch.full((batch_size, num_best), -math.inf, dtype=torch.double, device=device)
    index = torch.zeros(rank.shape, dtype=torch.long, device=device)
    return Finished(rank, rank, index[..., None], index, index[:, :1])


def merge(finished: Finished, new: Finished) -> Finished:
    """Returns the best of both, with as many places as `finished` has."""
    missing = new.tokens.size(2) - finished.tokens.size(2)
    tokens = torch.nn.functional.pad(finished.tokens, (0, missing), value=PAD)
    rank, index = torch.cat([finished.rank, new.rank], dim=1).topk(finished.rank.size(1), dim=1)
    score = torch.cat([finished.score, new.score], dim=1).gather(1, index)
    reason = torch.cat([finished.reason, new.reason], dim=1).gather(1, index)
    tokens = take_beams(torch.cat([tokens, new.tokens], dim=1), index)
    return Finished(rank, score, tokens, reason, new.num_ended)


def take_beams(tensor: Tensor, index: Tensor) -> Tensor:
    """Returns rows (B,J,...) of a tensor (B,K,...) by index (B,J)."""
    return tensor[torch.arange(index.size(0), device=index.device)[:, None], index]


def hypotheses_of(finished: Finished, row: int) -> list[Hypothesis]:
    """Returns the finished hypotheses of an utterance; a search that found none says `length`."""
    return [
        hypothesis_of(finished.tokens[row, place, 1:], score, finished.reason[row, place])
        for place, score in enumerate(finished.score[row])
        if not bool(finished.rank[row, place].isneginf())
    ]


def hypothesis_of(tokens: Tensor, score: Tensor, reason: Tensor) -> Hypothesis:
    """Returns a hypothesis of tokens (L,), its score and the index of its reason."""
    kept = tuple(token for token in tokens.tolist() if token not in (PAD, EOS))
    return Hypothesis(kept, float(score), REASONS[int(reason)])

"""Scorers: what search asks for the next token's log probabilities.

    state = scorer.initial_state(memory, K)
    log_probs, state = scorer.step(tokens, memory, state)        # (B,K,V)

A scorer's memory is a NamedTuple of tensors with B rows; its state one of tensors (B,K,...).
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from asr.decoder import AttentionDecoder, DecoderMemory, DecoderState
from asr.features import frame_mask
from asr.text.tokens import BLANK, BOS, EOS, PAD
from asr.text.units import LetterUnits, TokenUnits

# Stands for log 0 in sums over time, where infinities would cancel into NaN.
LOG_ZERO = -1e4


class Scorer(Protocol):
    """Anything that scores the next token of K hypotheses of B utterances."""

    def initial_state(self, memory: Any, num_hypotheses: int) -> Any:
        """Returns the state before BOS."""

    def step(self, tokens: Tensor, memory: Any, state: Any) -> tuple[Tensor, Any]:
        """Returns log probabilities (B,K,V) of what follows tokens (B,K), and the next state."""


@dataclass(frozen=True)
class WeightedScorer:
    """A scorer with the memory it reads."""

    scorer: Scorer
    memory: Any  # NamedTuple of tensors (B,...)
    weight: float = 1.0


def map_tensors(function: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Returns the same nested tuples with the function applied to each tensor."""
    if isinstance(state, Tensor):
        return function(state)
    parts = [map_tensors(function, part) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def initial_states(scorers: Sequence[WeightedScorer], num_hypotheses: int) -> tuple[Any, ...]:
    """Returns the states of scorers before the first step."""
    return tuple(s.scorer.initial_state(s.memory, num_hypotheses) for s in scorers)


def select_rows(
    scorers: Sequence[WeightedScorer], states: Any, keep: Tensor
) -> tuple[list[WeightedScorer], Any]:
    """Returns scorers and their states with these utterances alone."""

    def select(tensor: Tensor) -> Tensor:
        return tensor.index_select(0, keep)

    kept = [replace(s, memory=map_tensors(select, s.memory)) for s in scorers]
    return kept, map_tensors(select, states)


class DecoderScorer:
    """The attention decoder's log probabilities; a temperature above 1 makes them more even."""

    def __init__(self, decoder: AttentionDecoder, *, temperature: float = 1.0) -> None:
        self.decoder, self.temperature = decoder, temperature

    def initial_state(self, memory: DecoderMemory, num_hypotheses: int) -> DecoderState:
        """Returns the decoder's own initial state."""
        return self.decoder.initial_state(memory, num_hypotheses)

    def step(
        self, tokens: Tensor, memory: DecoderMemory, state: DecoderState
    ) -> tuple[Tensor, DecoderState]:
        """Returns log probabilities (B,K,V) and the next state after tokens (B,K)."""
        logits, _, state = self.decoder.step(tokens, memory, state)
        return (logits.float() / self.temperature).log_softmax(dim=-1), state


class CTCMemory(NamedTuple):
    """CTC's view of an utterance: log probabilities a frame, and on padding a sure blank."""

    log_probs: Tensor  # (B,T,V) float64
    probs: Tensor  # their exponentials


class CTCState(NamedTuple):
    """Log probabilities of all paths that spell the prefix by each time, before any frame first."""

    label: Tensor  # (B,K,T+1), ending in the prefix's last token
    blank: Tensor  # (B,K,T+1), ending in blank
    last: Tensor  # (B,K), that token; BOS for the empty prefix
    prefix: Tensor  # (B,K), of all continuations of the prefix


class CTCScorer:
    """CTC's log probability that a token comes next, summed over all alignments and futures.

    All tokens are scored exactly, by one matrix product over time; the recursion over time is run
    only for the hypotheses that survive, as cumulative sums in the log domain.

    Source: Graves 2008 (thesis), section 7.5.3; Watanabe et al. 2017, algorithm 2. There each token
    runs its own loop over time.
    """

    @staticmethod
    def prepare(logits: Tensor, lengths: Tensor) -> CTCMemory:
        """Returns the memory of CTC logits (B,T,V) with lengths (B,) in frames."""
        log_probs = logits.double().log_softmax(dim=-1).clamp(min=LOG_ZERO)
        padding = ~frame_mask(lengths, logits.size(1))
        log_probs = log_probs.masked_fill(padding[..., None], LOG_ZERO)
        log_probs[..., BLANK] = log_probs[..., BLANK].masked_fill(padding, 0.0)
        return CTCMemory(log_probs, log_probs.exp())

    def initial_state(self, memory: CTCMemory, num_hypotheses: int) -> CTCState:
        """Returns the state of the empty prefix."""
        blank = memory.log_probs[:, None, :, BLANK].cumsum(dim=-1)  # (B,1,T)
        blank = torch.nn.functional.pad(blank, (1, 0)).expand(-1, num_hypotheses, -1)
        prefix = blank.new_zeros(blank.shape[:2])
        last = torch.full_like(prefix, BOS, dtype=torch.long)
        return CTCState(torch.full_like(blank, -math.inf), blank, last, prefix)

    def step(self, tokens: Tensor, memory: CTCMemory, state: CTCState) -> tuple[Tensor, CTCState]:
        """Returns log probabilities (B,K,V) and the next state after tokens (B,K)."""
        if not bool((tokens == BOS).all()):
            state = self.extend(tokens, memory, state)
        scores = _next(torch.logaddexp(state.label, state.blank), memory)
        # A token that repeats the last one needs a blank between them.
        again = _gather_tokens(memory, state.last) + state.blank[..., :-1]
        scores = scores.scatter(2, state.last[..., None], again.logsumexp(dim=-1, keepdim=True))
        scores[..., EOS] = torch.logaddexp(state.label[..., -1], state.blank[..., -1])
        scores[..., [BLANK, PAD, BOS]] = -math.inf
        return relative_to(state.prefix, scores), state

    @staticmethod
    def extend(tokens: Tensor, memory: CTCMemory, state: CTCState) -> CTCState:
        """Returns the state of prefixes with one more token (B,K)."""
        log_probs = _gather_tokens(memory, tokens)  # (B,K,T)
        repeated = (tokens == state.last)[..., None]
        before = torch.where(repeated, state.blank, torch.logaddexp(state.label, state.blank))
        before = before[..., :-1]
        label = _accumulate(before, log_probs)
        nothing = torch.full_like(label[..., :1], -math.inf)
        label = torch.cat([nothing, label], dim=-1)
        blank_log_probs = memory.log_probs[:, None, :, BLANK].expand_as(log_probs)
        blank = torch.cat([nothing, _accumulate(label[..., :-1], blank_log_probs)], dim=-1)
        return CTCState(label, blank, tokens, (before + log_probs).logsumexp(dim=-1))


class LetterScorer:
    """CTC's log probability that a token comes next, where CTC's units are letters: exact.

    Where a hypothesis has got to by frame t, and what a token then costs, have nothing to do with
    each other: with e[t] the probability that a token's first letter begins at t and all of its
    letters follow, in their order and whenever they like, the token comes next with

        sum over t of P(prefix is spelt by t - 1) e[t]

    e is made once an utterance, from the last letters backwards, and a step is a matrix product as
    `CTCScorer`'s. Where the token's first letter is the prefix's last, a blank must lie between.

    Args:
        units: of CTC.
    """

    def __init__(self, units: LetterUnits) -> None:
        self.units = units
        self.initial_state = CTCScorer().initial_state
        self._firsts = torch.tensor([(*spelt, -1)[0] for spelt in units.spellings])  # (V,)

    def prepare(self, logits: Tensor, lengths: Tensor) -> CTCMemory:
        """Returns the memory of CTC logits (B,T,S) with lengths (B,) in frames.

        Its log probabilities are of units (B,T,S), its probabilities e of tokens (B,T,V).
        """
        log_probs, probs = CTCScorer.prepare(logits, lengths)
        found = probs.new_zeros(*probs.shape[:2], len(self.units.spellings))
        rests, ends = probs, None
        for level in self.units.suffixes:
            firsts = torch.tensor(level.firsts, device=probs.device)
            if ends is None:
                rests = probs[..., firsts]
            else:
                index = torch.tensor(level.rests, device=probs.device)
                differs = firsts != ends[index]
                rests = _followed(probs, firsts, rests[..., index], differs=differs)
            ends = firsts
            found[..., level.tokens] = rests[..., level.ends]
        return CTCMemory(log_probs, found)

    def step(self, tokens: Tensor, memory: CTCMemory, state: CTCState) -> tuple[Tensor, CTCState]:
        """Returns log probabilities (B,K,V) and the next state after tokens (B,K)."""
        state = self._extend(tokens, memory, state)
        repeats = state.last[..., None] == self._firsts.to(tokens.device)  # (B,K,V)
        after_label, after_blank = (_next(part, memory) for part in (state.label, state.blank))
        after_label = after_label.masked_fill(repeats, -math.inf)
        scores = torch.logaddexp(after_label, after_blank)
        scores[..., EOS] = torch.logaddexp(state.label[..., -1], state.blank[..., -1])
        scores[..., [BLANK, PAD, BOS]] = -math.inf
        return relative_to(state.prefix, scores), state

    def _extend(self, tokens: Tensor, memory: CTCMemory, state: CTCState) -> CTCState:
        """Returns the state after tokens, whose spellings may be of any length."""
        rows = [[self.units.spellings[token] for token in row] for row in tokens.tolist()]
        for place in range(max(len(spelt) for row in rows for spelt in row)):
            letters = [[(*spelt, *[-1] * place)[place] for spelt in row] for row in rows]
            units = torch.tensor(letters, device=tokens.device)
            longer = CTCScorer.extend(units.clamp(min=0), memory, state)
            goes_on = {2: units >= 0, 3: (units >= 0)[..., None]}
            pairs = zip(longer, state, strict=True)
            state = CTCState(*(torch.where(goes_on[new.dim()], new, old) for new, old in pairs))
        return state


def _followed(probs: Tensor, firsts: Tensor, rests: Tensor, *, differs: Tensor) -> Tensor:
    """Returns (B,T,N): a unit begins at a frame, and after it what follows, whenever it likes.

    Args:
        probs: (B,T,S) of units.
        firsts: (N,) units.
        rests: (B,T,N) of what follows each of them, by the frame at which that begins.
        differs: (N,) whether it begins with another unit; else there is a blank between.
    """
    letters, blanks, found = probs[..., firsts], probs[..., BLANK, None], torch.empty_like(rests)
    from_letter = from_blank = torch.zeros_like(rests[:, 0])  # what is to come after frame t
    for t in reversed(range(probs.size(1))):
        found[:, t] = letters[:, t] * from_letter
        rest, by_blank = rests[:, t], blanks[:, t] * from_blank
        from_letter = differs * rest + found[:, t] + by_blank
        from_blank = rest + by_blank
    return found


def _next(before: Tensor, memory: CTCMemory) -> Tensor:
    """Returns log probabilities (B,K,V) of tokens after log probabilities (B,K,T+1) of frames."""
    before = before[..., :-1]
    peak = before.amax(dim=-1, keepdim=True).clamp(min=10 * LOG_ZERO)
    return ((before - peak).exp() @ memory.probs).log() + peak


def ctc_scorer(units: TokenUnits) -> CTCScorer | LetterScorer:
    """Returns what scores tokens by a CTC head of such units."""
    return LetterScorer(units) if isinstance(units, LetterUnits) else CTCScorer()


def relative_to(prefix: Tensor, scores: Tensor) -> Tensor:
    """Returns scores (B,K,V) of continuations after their prefix (B,K), from LOG_ZERO to 0."""
    # A prefix without any path has -inf - -inf.
    return (scores - prefix[..., None]).nan_to_num(nan=LOG_ZERO).clamp(LOG_ZERO, 0.0)


def _gather_tokens(memory: CTCMemory, tokens: Tensor) -> Tensor:
    """Returns log probabilities (B,K,T) of tokens (B,K) over time."""
    index = tokens[:, None].expand(-1, memory.log_probs.size(1), -1)  # (B,T,K)
    return memory.log_probs.gather(2, index).transpose(1, 2)


def _accumulate(entries: Tensor, log_probs: Tensor) -> Tensor:
    """Returns (B,K,T) the solution r of r[t] = log_probs[t] + log(exp r[t-1] + exp entries[t]).

    With P the running sum of log_probs, r[t] - P[t] grows by entries[t] - P[t-1]: one cumulative
    log-sum-exp instead of a loop. It needs float64, since P may reach LOG_ZERO times T.
    """
    total = log_probs.cumsum(dim=-1)
    return total + (entries - (total - log_probs)).logcumsumexp(dim=-1)


def greedy_ctc(logits: Tensor, lengths: Tensor) -> list[tuple[int, ...]]:
    """Returns the tokens of CTC's best path: repeats joined, blanks left out.

    Args:
        logits: (B,T,V).
        lengths: (B,) frames.
    """
    best = logits.argmax(dim=-1)  # (B,T)
    rows = zip(best.tolist(), lengths.tolist(), strict=True)
    return [
        tuple(token for token, _ in itertools.groupby(row[:length]) if token != BLANK)
        for row, length in rows
    ]

"""Language models beside the recognizer: in its search, or over the hypotheses it ends with.

    score of a hypothesis = weighted log probabilities of the recognizer
                          + sum over language models of weight * log probability
                          + length_bonus * tokens

EOS is scored by all of them and earns no bonus. Shallow fusion adds the language models' scores
token by token, while the beam chooses; rescoring adds them once, to what the beam has chosen.

Source: Hannun et al. 2014 (arXiv 1412.5567), section 2.2, the weighted sum and its length term;
Gulcehre et al. 2015 (arXiv 1503.03535), section 4.1, shallow fusion.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from asr.config import SearchConfig
from asr.errors import ConfigError
from asr.hypotheses import Hypothesis, rank_of
from asr.lm.language_model import LanguageModel
from asr.scorers import WeightedScorer
from asr.text.tokenizer import BOS, EOS, PAD

DEFAULT_WEIGHT = 0.3  # of each language model, while search.lm_weights says nothing


@dataclass(frozen=True)
class WeightedModel:
    """A language model and what its log probabilities are multiplied by."""

    model: LanguageModel
    weight: float


def weigh(models: Sequence[LanguageModel], options: SearchConfig) -> tuple[WeightedModel, ...]:
    """Returns each language model with its weight: its `search.lm_weights`, or the default.

    Raises:
        ConfigError: there are not as many weights as models, or rescoring has nothing to do.
    """
    weights, num_models = options.lm_weights or (DEFAULT_WEIGHT,) * len(models), len(models)
    if weights and not models:
        raise ConfigError(
            f"search.lm_weights = {list(weights)}: there is no language model to weigh; name "
            "one for each weight by --lm, or leave search.lm_weights unset "
            "(--set search.lm_weights=[])"
        )
    if len(weights) != num_models:
        example = ",".join([str(DEFAULT_WEIGHT)] * num_models)
        raise ConfigError(
            f"search.lm_weights = {list(weights)}: {len(weights)} for {num_models} language "
            "models; must be one for each --lm, in their order "
            f"(--set search.lm_weights=[{example}])"
        )
    if options.rescore and not models:
        raise ConfigError(
            "search.rescore = true: there is no language model to rescore with; name one by --lm"
        )
    if options.rescore and options.beam_size == 1:
        raise ConfigError(
            "search.rescore = true: greedy search leaves nothing to choose from; must have a "
            "search.beam_size > 1 (--beam-size 8)"
        )
    return tuple(map(WeightedModel, models, weights))


def fuse(models: Sequence[WeightedModel], num_rows: int) -> list[WeightedScorer]:
    """Returns the scorers of language models for so many utterances; none for a weight of 0."""
    return [
        WeightedScorer(part.model.scorer, part.model.memory(num_rows), part.weight)
        for part in models
        if part.weight > 0
    ]


def rescore(
    found: Sequence[Sequence[Hypothesis]], models: Sequence[WeightedModel], options: SearchConfig
) -> list[list[Hypothesis]]:
    """Returns the hypotheses of each utterance with new scores, best first, at most num_best.

    Args:
        found: what a search without these language models found, at least one an utterance.
        models: their weighted log probabilities are added to the scores.
        options: of that search; they say how length counts.
    """
    scores = [[hypothesis.score for hypothesis in row] for row in found]
    for part in models:
        for row, log_probs in zip(scores, score_hypotheses(part.model, found), strict=True):
            row[:] = [a + part.weight * b for a, b in zip(row, log_probs, strict=True)]
    rescored = [
        [replace(hypothesis, score=score) for hypothesis, score in zip(*pair, strict=True)]
        for pair in zip(found, scores, strict=True)
    ]
    rank = partial(rank_of, options=options)
    return [sorted(row, key=rank, reverse=True)[: options.num_best] for row in rescored]


@torch.inference_mode()
def score_hypotheses(
    model: LanguageModel, found: Sequence[Sequence[Hypothesis]]
) -> list[list[float]]:
    """Returns the log probability of each hypothesis; EOS counts where one ended with it."""
    spelt = [[_targets(hypothesis) for hypothesis in row] for row in found]
    size = max(map(len, spelt))
    length = max(len(targets) for row in spelt for targets in row)
    targets = torch.full((len(spelt), size, length), PAD)  # (B,K,L)
    for place, row in enumerate(spelt):
        for index, tokens in enumerate(row):
            targets[place, index, : len(tokens)] = torch.tensor(tokens)
    targets = targets.to(model.device)
    memory = model.memory(len(spelt))
    state = model.scorer.initial_state(memory, size)
    total = torch.zeros(targets.shape[:2], dtype=torch.double, device=model.device)
    before = torch.full_like(targets[..., 0], BOS)
    for wanted in targets.unbind(dim=-1):  # (B,K)
        log_probs, state = model.scorer.step(before, memory, state)
        gained = log_probs.gather(-1, wanted[..., None])[..., 0].double()
        total += gained.masked_fill(wanted == PAD, 0.0)
        before = wanted
    return [row[: len(kept)] for row, kept in zip(total.tolist(), spelt, strict=True)]


def _targets(hypothesis: Hypothesis) -> list[int]:
    return [*hypothesis.tokens, EOS] if hypothesis.ended == "eos" else list(hypothesis.tokens)

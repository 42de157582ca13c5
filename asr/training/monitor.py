"""Signs that a training run goes wrong, in the ways people report."""

import math
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from asr.features import frame_mask

MOST_OF_ALL = 0.9  # a share of all decoded tokens that no language gives to one token
FLAT = 0.9  # of the entropy of a uniform alignment
RISING = 1.1  # an epoch's loss above this much of the best one
SMALL = "the corpus is too small for its settings, as was said at the start"
SKIPPED = 0.05  # a share of steps without a finite gradient that is no accident


def find_warnings(
    hypotheses: Sequence[Sequence[int]],
    flatness: float,
    losses: Sequence[float],
    *,
    skipped: float = 0.0,
    is_small: bool = False,
) -> list[str]:
    """Returns a sentence for each sign of trouble after an epoch.

    Args:
        hypotheses: decoded tokens of the dev set.
        flatness: see `alignment_flatness`.
        losses: of all epochs so far.
        skipped: share of the steps whose gradient was not finite.
        is_small: whether the corpus is too small for its settings, which then is the reason.
    """
    lower = SMALL if is_small else "lower train.learning_rate"
    warnings = _warnings_of_hypotheses(hypotheses, num_epochs=len(losses), lower=lower)
    if len(losses) >= 3 and flatness > FLAT:
        warnings.append(
            f"attention is still flat ({flatness:.2f} of uniform): raise loss.ctc_weight, keep "
            "train.curriculum on, or shorten the utterances (data.max_seconds)"
        )
    if said := _of_losses(losses):
        warnings.append(f"{said}: {lower}, or check that the transcripts belong to the audio")
    if skipped > SKIPPED:
        warnings.append(
            f"{skipped:.0%} of the steps had no finite gradient: lower train.learning_rate, or "
            "use train.precision: 32-true"
        )
    return warnings


def _warnings_of_hypotheses(
    hypotheses: Sequence[Sequence[int]], *, num_epochs: int, lower: str
) -> list[str]:
    counts = Counter(token for tokens in hypotheses for token in tokens)
    if num_epochs >= 2 and not counts:
        return [
            "every hypothesis is empty: the decoder ends at once; train longer, or raise "
            "loss.ctc_weight"
        ]
    if counts and counts.most_common(1)[0][1] > MOST_OF_ALL * counts.total():
        return [
            f"one token is predicted for nearly everything: {lower}, "
            f"{'' if lower == SMALL else 'lengthen train.warmup_steps, '}or check that the "
            "transcripts belong to the audio"
        ]
    return []


def _of_losses(losses: Sequence[float]) -> str:
    """Returns that the loss rises, or stands where it may not yet level off; nothing if neither.

    From the third epoch on two must be so: of few batches a loss is that of their utterances.
    """
    lowest = min(losses)
    if len(losses) >= 3 and min(losses[-2:]) > RISING * lowest:
        return f"the loss rises ({lowest:.3f} at its lowest, {losses[-1]:.3f} now)"
    if len(losses) == 2 and losses[1] > RISING * losses[0]:
        return f"the loss rises ({losses[0]:.3f} at first, {losses[1]:.3f} now)"
    if len(losses) == 3 and losses[-1] > 0.99 * losses[0]:
        return f"the loss does not fall ({losses[0]:.3f} at first, {losses[-1]:.3f} now)"
    return ""


def alignment_flatness(alignments: Tensor, lengths: Tensor, target_lengths: Tensor) -> float:
    """Returns the mean entropy of alignments (B,U,T) over that of a uniform one: 0 sharp, 1 flat.

    Args:
        alignments: rows that sum to 1.
        lengths: (B,) memory frames.
        target_lengths: (B,) tokens; rows after them are left out.
    """
    entropy = -(alignments * alignments.clamp(min=1e-12).log()).sum(dim=-1)  # (B,U)
    uniform = lengths.clamp(min=2).double().log()[:, None]
    mask = frame_mask(target_lengths, alignments.size(1))
    return float(((entropy / uniform) * mask).sum() / mask.sum())


def diagonality(alignment: Tensor) -> float:
    """Returns how steadily an alignment (U,T) moves forward, from -1 to 1.

    It is the correlation of token number and expected frame, 1 for a straight diagonal.
    """
    num_tokens, num_frames = alignment.shape
    if num_tokens < 3:
        return math.nan
    frames = alignment.double() @ torch.arange(num_frames, dtype=torch.double)
    tokens = torch.arange(num_tokens, dtype=torch.double)
    return float(torch.corrcoef(torch.stack([tokens, frames]))[0, 1])

"""Where in memory the tokens of a hypothesis lie: by CTC, or by attention.

A place is a stretch of memory frames (first, after the last). Places never go back, and hold a
frame at least.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from asr.text.tokenizer import BLANK
from asr.text.units import TokenUnits, frames_needed, token_spans

Place = tuple[int, int]


def align_by_ctc(log_probs: Tensor, units: Sequence[int]) -> list[Place] | None:
    """Returns the place of each unit of CTC on CTC's most probable path that spells them.

    None where no path can spell them: there are too few frames, or what the best path spells is
    something else. So it is where a unit has no probability anywhere: torchaudio 2.11 then leaves
    units out, with finite scores.

    Args:
        log_probs: (T,S) of CTC.
        units: one at least, none of them blank.
    """
    from torchaudio.functional import forced_align

    if frames_needed(units) > len(log_probs):
        return None
    targets = torch.tensor([units], dtype=torch.int32)
    path, _ = forced_align(log_probs[None].float().cpu(), targets, blank=BLANK)
    places, spelt, frame = [], [], 0
    for unit, same in itertools.groupby(path[0].tolist()):
        length = len(list(same))
        if unit != BLANK:
            places.append((frame, frame + length))
            spelt.append(unit)
        frame += length
    return places if spelt == list(units) else None


def place_tokens(log_probs: Tensor, tokens: Sequence[int], units: TokenUnits) -> list[Place] | None:
    """Returns the place of each token, from its first unit's to its last; see `align_by_ctc`."""
    places = align_by_ctc(log_probs, units.spell(tokens))
    if places is None:
        return None
    return [(places[first][0], places[end - 1][1]) for first, end in token_spans(units, tokens)]


def align_by_attention(alignment: Tensor) -> list[Place]:
    """Returns the place of each token, a frame, on the most probable path that never goes back.

    Args:
        alignment: (U,T) of attention; each row sums to 1.
    """
    if len(alignment) == 0:
        return []
    log_probs = alignment.double().cpu().clamp(min=1e-12).log()
    reached, arrivals = log_probs[0], []
    for row in log_probs[1:]:
        best, arrival = reached.cummax(dim=0)  # the best place of the token before, at or before
        arrivals.append(arrival)
        reached = best + row
    frames = [int(reached.argmax())]
    for arrival in reversed(arrivals):
        frames.append(int(arrival[frames[-1]]))
    return [(frame, frame + 1) for frame in reversed(frames)]

"""How probable a hypothesis is to each half of the model, all of it and token by token.

`weigh_hypotheses` costs little: CTC's probability is one pass over time, and the decoder's follows
from the score that the search has added up. `weigh_tokens` runs the decoder once more over what was
found, and says where each token lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from asr.config import SearchConfig
from asr.encoder import Encoded
from asr.evidence.places import Place, align_by_attention, place_tokens
from asr.hypotheses import Hypothesis
from asr.model import Seq2Seq
from asr.text.tokenizer import BOS, EOS, PAD
from asr.text.units import token_spans

LEAST = -20.0  # a token's log probability counts no less: beyond it, it is simply wrong


@dataclass(frozen=True)
class Evidence:
    """Log probabilities of a hypothesis, a token (EOS is one, too)."""

    decoder: float
    ctc: float | None  # None: the model has no trained CTC head
    margin: float | None  # ctc, less that of CTC's most probable path
    clearness: float | None  # of CTC's most probable path, a frame
    num_tokens: int  # without EOS
    num_frames: int  # of memory

    @property
    def log_probs(self) -> tuple[float, ...]:
        """What there is of decoder, ctc, margin and clearness, in this order."""
        known = (self.decoder, self.ctc, self.margin, self.clearness)
        return tuple(x for x in known if x is not None)


@dataclass(frozen=True)
class TokenEvidence:
    """What is known of each token of a hypothesis, EOS not among them."""

    places: tuple[Place, ...]  # memory frames
    by_ctc: bool  # whether the places are CTC's; else they are attention's
    decoder: tuple[float, ...]  # log probability after the tokens before
    ctc: tuple[float, ...]  # at its place; empty without a CTC head
    looked_at: tuple[float, ...]  # the frame at the middle of its attention; empty without any


@torch.inference_mode()
def weigh_hypotheses(
    model: Seq2Seq,
    encoded: Encoded,
    found: Sequence[Hypothesis],
    *,
    options: SearchConfig,
    ctc_logits: Tensor | None,
    is_plain: Sequence[bool],
) -> list[Evidence]:
    """Returns the evidence for each hypothesis of a batch.

    Args:
        model: of all.
        encoded: the utterances (B).
        found: the best hypothesis of each (B).
        options: that it was found with.
        ctc_logits: (B,T,S) of the CTC head, if it was trained.
        is_plain: whether a score is the model's own alone: its decoder's and CTC's, weighed (B).
    """
    tokens = [list(hypothesis.tokens) for hypothesis in found]
    sizes = torch.tensor([len(row) + 1 for row in tokens], dtype=torch.double)
    summed = sizes - torch.tensor([float(one.ended != "eos") for one in found])  # no EOS was said
    units = [model.units.spell(row) for row in tokens]
    of_ctc = None if ctc_logits is None else _ctc(ctc_logits, encoded.lengths, units)
    weight = options.ctc_weight
    decoder = torch.tensor([one.score for one in found], dtype=torch.double)
    if 0 < weight < 1 and of_ctc is not None:
        decoder = (decoder - weight * of_ctc[0].cpu()) / (1 - weight)
    again = [row for row, plain in enumerate(is_plain) if not (plain and weight < 1)]
    if again:
        rows = _decode_again(model, rows_of(encoded, again), [tokens[row] for row in again])[0]
        summed[again] = sizes[again]
        decoder[again] = torch.stack([row.double().sum().cpu() for row in rows])
    per_token = [decoder / summed.clamp(min=1.0)]
    if of_ctc is not None:
        total, best = (part.cpu() for part in of_ctc)
        per_token += [total / sizes, (total - best) / sizes, best / encoded.lengths.cpu()]
    columns = torch.stack(per_token).nan_to_num(nan=LEAST, neginf=LEAST).clamp(min=LEAST)
    sizes_of = zip(columns.T.tolist(), tokens, encoded.lengths.tolist(), strict=True)
    return [_evidence(values, len(row), length) for values, row, length in sizes_of]


def _evidence(values: Sequence[float], num_tokens: int, num_frames: int) -> Evidence:
    ctc, margin, clearness = values[1:] or (None, None, None)
    return Evidence(values[0], ctc, margin, clearness, num_tokens, num_frames)


@torch.inference_mode()
def weigh_tokens(
    model: Seq2Seq,
    encoded: Encoded,
    found: Sequence[Hypothesis],
    *,
    ctc_logits: Tensor | None,
) -> list[TokenEvidence]:
    """Returns what is known of each token of the hypotheses (B) of a batch."""
    tokens = [list(hypothesis.tokens) for hypothesis in found]
    log_probs, alignments = _decode_again(model, encoded, tokens)
    has_alignment = model.decoder.attention.has_alignment
    of_ctc = None if ctc_logits is None else ctc_logits.float().log_softmax(dim=-1)
    results = []
    for row, (spelt, num_frames) in enumerate(zip(tokens, encoded.lengths.tolist(), strict=True)):
        alignment = alignments[row, : len(spelt), :num_frames].float().cpu()
        frames = None if of_ctc is None else of_ctc[row, :num_frames].cpu()
        units, spans = model.units.spell(spelt), token_spans(model.units, spelt)
        places = None
        if frames is not None and spelt:
            places = place_tokens(frames, spelt, model.units)
        by_ctc = places is not None
        if places is None:
            places = align_by_attention(alignment) if has_alignment else _evenly(spelt, num_frames)
        heard: list[float] = []
        if frames is not None:
            heard = [
                sum(float(frames[slice(*place), unit].max()) for unit in units[first:end])
                / (end - first)
                for place, (first, end) in zip(places, spans, strict=True)
            ]
        centres = (alignment @ torch.arange(num_frames, dtype=torch.float)).tolist()
        of_decoder = log_probs[row][: len(spelt)].clamp(min=LEAST).tolist()
        looked_at = tuple(centres) if has_alignment else ()
        heard = [max(LEAST, value) for value in heard]
        results.append(
            TokenEvidence(tuple(places), by_ctc, tuple(of_decoder), tuple(heard), looked_at)
        )
    return results


@torch.inference_mode()
def frames_looked_at(
    model: Seq2Seq, encoded: Encoded, found: Sequence[Hypothesis]
) -> list[tuple[float, ...]]:
    """Returns for each token of hypotheses (B) the frame at the middle of its attention."""
    if not model.decoder.attention.has_alignment:
        return [() for _ in found]
    alignments = _decode_again(model, encoded, [list(one.tokens) for one in found])[1]
    frames = torch.arange(alignments.size(-1), dtype=torch.float)
    centres = alignments.float().cpu() @ frames
    return [tuple(row[: len(one.tokens)].tolist()) for row, one in zip(centres, found, strict=True)]


def rows_of(encoded: Encoded, rows: Sequence[int]) -> Encoded:
    """Returns some of the utterances of a batch."""
    index = list(rows)
    message = tuple(part[index] for part in encoded.message)
    return Encoded(encoded.values[index], encoded.lengths[index], message)


def _evenly(tokens: Sequence[int], num_frames: int) -> list[Place]:
    """Returns places side by side for tokens of which nothing says where they lie."""
    size = num_frames / max(1, len(tokens))
    starts = [min(int(index * size), num_frames - 1) for index in range(len(tokens))]
    return [(start, start + 1) for start in starts]


def _ctc(logits: Tensor, lengths: Tensor, units: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Returns CTC's log probability of units (B,), and of its most probable path (B,)."""
    log_probs = logits.float().log_softmax(dim=-1)  # (B,T,S)
    size = max(1, *map(len, units))
    targets = torch.tensor([row + [1] * (size - len(row)) for row in units], device=logits.device)
    loss = torch.nn.functional.ctc_loss(
        log_probs.transpose(0, 1),
        targets,
        lengths,
        torch.tensor([len(row) for row in units], device=logits.device),
        blank=PAD,
        reduction="none",
    )
    within = torch.arange(log_probs.size(1), device=logits.device) < lengths[:, None]
    best = log_probs.amax(dim=-1).masked_fill(~within, 0.0).sum(dim=1)
    return -loss.double(), best.double()


def _decode_again(
    model: Seq2Seq, encoded: Encoded, tokens: list[list[int]]
) -> tuple[list[Tensor], Tensor]:
    """Returns for each utterance log probabilities (U+1,) of its tokens and EOS; alignments."""
    size = max(map(len, tokens)) + 1
    inputs = torch.tensor([[BOS, *row] + [PAD] * (size - 1 - len(row)) for row in tokens])
    inputs = inputs.to(encoded.values.device)
    logits, alignments = model.decoder(inputs, model.prepare(encoded))
    log_probs = logits.float().log_softmax(dim=-1)
    wanted = [torch.tensor([*row, EOS], device=inputs.device) for row in tokens]
    picked = [
        log_probs[index, : len(row)].gather(-1, row[:, None])[:, 0]
        for index, row in enumerate(wanted)
    ]
    return picked, alignments

"""From waveforms to memory values, and from these to what a search adds up.

waveforms (B,N) --encode_padded--> Encoded --scorers_of--> decoder and CTC, weighed --> search
"""

import torch
from torch import Tensor

from asr.attention.window import replace_part, restrict_attention
from asr.config import SearchConfig
from asr.encoder import Encoded
from asr.errors import DataError
from asr.fast.own_steps import encoder_products
from asr.fast.shared import shared_products
from asr.model import Seq2Seq
from asr.scorers import DecoderScorer, WeightedScorer, ctc_scorer


def encode_padded(
    model: Seq2Seq, waveforms: Tensor, lengths: Tensor, *, options: SearchConfig
) -> Encoded:
    """Returns memory values on the model's device for waveforms (B,N) of so many samples (B,).

    It is `Seq2Seq.encode` for speech of any length: a waveform shorter than one analysis window is
    read as if silence followed it.

    Args:
        model: to encode with, in evaluation mode.
        waveforms: (B,N) float32 in [-1, 1].
        lengths: (B,) samples.
        options: `encoder_precision` is that of the encoder's products; features and what is
            returned are float32. int8 is for passes without gradients; others are in float32.

    Raises:
        ConfigError: it is int8, and the device has no such products.
    """
    device = next(model.parameters()).device
    shortest = model.features.window_length
    missing = max(0, shortest - waveforms.size(1))
    waveforms = torch.nn.functional.pad(waveforms, (0, missing))
    with encoder_products(options.encoder_precision, device):
        values, frames, message = model.encode(
            waveforms.to(device), lengths.clamp(min=shortest).to(device)
        )
    return Encoded(values.float(), frames, tuple(part.float() for part in message))


def checked_batch(waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Returns waveforms (B,N), float32 and 0 on padding, and their lengths (B,).

    Raises:
        DataError: other shapes, no waveform, no numbers of samples from 1 to N, samples that are no
            floats, or NaN or infinite ones.
    """
    shapes = f"waveforms {tuple(waveforms.shape)} with lengths {tuple(lengths.shape)}"
    if waveforms.dim() != 2 or lengths.shape != waveforms.shape[:1] or not len(lengths):
        raise DataError(f"{shapes}: must be (B,N) and (B,), of one waveform at least")
    if not waveforms.is_floating_point() or lengths.is_floating_point():
        raise DataError(
            f"waveforms of {waveforms.dtype} with lengths of {lengths.dtype}: must be float32 in "
            "[-1, 1], and whole numbers"
        )
    most = waveforms.size(1)
    if wrong := [size for size in lengths.tolist() if not 1 <= size <= most]:
        raise DataError(f"{shapes}: a length of {wrong[0]} samples; must be 1 to {most}")
    padding = torch.arange(most, device=waveforms.device) >= lengths.to(waveforms.device)[:, None]
    waveforms = waveforms.float().masked_fill(padding, 0.0)
    if not bool(waveforms.isfinite().all()):
        raise DataError(f"{shapes}: a sample is NaN or infinite (leave such recordings out)")
    return waveforms, lengths


def scorers_of(model: Seq2Seq, encoded: Encoded, options: SearchConfig) -> list[WeightedScorer]:
    """Returns the model's own scorers for encoded utterances: its decoder, and CTC if it counts."""
    decoder = model.decoder
    if options.attention_window is not None:
        restricted = restrict_attention(decoder.attention, options.attention_window)
        decoder = replace_part(decoder, "attention", restricted)
    with shared_products(options.decoder_precision, encoded.lengths.device):
        memory = decoder.prepare(*encoded)
    scorer = DecoderScorer(decoder, temperature=options.temperature)
    scorers = [WeightedScorer(scorer, memory, 1 - options.ctc_weight)]
    if options.ctc_weight > 0:
        ctc = ctc_scorer(model.units)
        frames = ctc.prepare(model.ctc(encoded.values), encoded.lengths)
        scorers.append(WeightedScorer(ctc, frames, options.ctc_weight))
    return scorers

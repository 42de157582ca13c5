"""From waveforms to memory values, and from these to what a search adds up.

waveforms (B,N) --encode_padded--> Encoded --scorers_of--> decoder and CTC, weighed --> search
"""

import torch
from torch import Tensor

from asr.attention.window import replace_part, restrict_attention
from asr.config import SearchConfig
from asr.encoder import Encoded
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

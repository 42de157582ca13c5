"""The recognizer.

    waveforms (B,N) float32, lengths (B,) samples
        | features.LogMel          log-mel, normalised
    features (B,T,M), lengths (B,) frames
        | spectra.SpecAugment      while training
        | encoder.Encoder          subsampling, BLSTM stack
    values (B,T',D), lengths (B,) memory frames, message (B,E)
        |                                  |
        | ctc: Linear(D,S)                 | decoder.AttentionDecoder, fed tokens (B,U)
    CTC logits (B,T',S)                logits (B,U,V), alignments (B,U,T')

B utterances, N samples, T and T' frames, M mels, D memory size, E encoder state,
U tokens, V vocabulary, S units of CTC: the tokens, or their letters (`text/units.py`).
`asr/build.py` makes the parts from a configuration, `asr/loss.py` what training makes small,
`asr/recognition.py` text.
"""

from typing import NamedTuple

from torch import Tensor, nn

from asr.decoder import AttentionDecoder, DecoderMemory
from asr.encoder import Encoded, Encoder
from asr.features import LogMel
from asr.spectra.masks import SpecAugment
from asr.text.units import TokenUnits


class Output(NamedTuple):
    """What the loss needs of a batch."""

    logits: Tensor  # (B,U,V)
    alignments: Tensor  # (B,U,T')
    ctc_logits: Tensor  # (B,T',S)
    ctc_lengths: Tensor  # (B,)


class Seq2Seq(nn.Module):
    """Attention sequence-to-sequence recognizer with a CTC head of `units`."""

    def __init__(
        self,
        features: LogMel,
        spec_augment: SpecAugment,
        *,
        encoder: Encoder,
        decoder: AttentionDecoder,
        units: TokenUnits,
    ) -> None:
        super().__init__()
        self.features, self.spec_augment = features, spec_augment
        self.encoder, self.decoder = encoder, decoder
        self.units, self.ctc = units, nn.Linear(encoder.output_dim, units.num_units)

    def encode(self, waveforms: Tensor, lengths: Tensor) -> Encoded:
        """Returns memory values for waveforms (B,N) of so many samples (B,)."""
        features, lengths = self.features(waveforms, lengths)
        encoded: Encoded = self.encoder(self.spec_augment(features, lengths), lengths)
        return encoded

    def prepare(self, encoded: Encoded) -> DecoderMemory:
        """Returns the memory that the decoder reads."""
        return self.decoder.prepare(*encoded)

    def forward(
        self,
        waveforms: Tensor,
        lengths: Tensor,
        tokens: Tensor,
        *,
        teacher_ratio: float = 1.0,
        prior: Tensor | None = None,
    ) -> Output:
        """Returns logits under teacher forcing.

        Args:
            waveforms: (B,N) float32 in [-1, 1].
            lengths: (B,) samples of each.
            tokens: (B,U) BOS and then the reference; any token on padding.
            teacher_ratio: see `AttentionDecoder.forward`.
            prior: (B,U,T') for attention, see there.
        """
        encoded = self.encode(waveforms, lengths)
        memory = self.prepare(encoded)
        logits, alignments = self.decoder(tokens, memory, teacher_ratio=teacher_ratio, prior=prior)
        return Output(logits, alignments, self.ctc(encoded.values), encoded.lengths)

    def memory_lengths(self, num_samples: Tensor) -> Tensor:
        """Returns the memory frames (B,) of waveforms with so many samples (B,)."""
        return self.encoder.output_lengths(self.features.num_frames(num_samples))

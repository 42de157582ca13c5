"""The recognizer.

    waveforms (B,N) float32, lengths (B,) samples
        | features.LogMel          log-mel, normalised
    features (B,T,M), lengths (B,) frames
        | features.SpecAugment     while training
        | encoder.Encoder          subsampling, BLSTM stack
    values (B,T',D), lengths (B,) memory frames, message (B,E)
        |                                  |
        | ctc: Linear(D,V)                 | decoder.AttentionDecoder, fed tokens (B,U)
    CTC logits (B,T',V)                logits (B,U,V), alignments (B,U,T')

B utterances, N samples, T and T' frames, M mels, D memory size, E encoder state,
U tokens, V vocabulary.
"""

from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from asr.attention import ATTENTIONS, build_attention
from asr.attention.options import complete_options
from asr.config import AttentionConfig, Config
from asr.decoder import AttentionDecoder, DecoderMemory
from asr.encoder import Encoded, Encoder
from asr.errors import ConfigError
from asr.features import LogMel, SpecAugment


class Output(NamedTuple):
    """What the loss needs of a batch."""

    logits: Tensor  # (B,U,V)
    alignments: Tensor  # (B,U,T')
    ctc_logits: Tensor  # (B,T',V)
    ctc_lengths: Tensor  # (B,)


class Seq2Seq(nn.Module):
    """Attention sequence-to-sequence recognizer with a CTC head."""

    def __init__(
        self,
        features: LogMel,
        spec_augment: SpecAugment,
        *,
        encoder: Encoder,
        decoder: AttentionDecoder,
        vocab_size: int,
    ) -> None:
        super().__init__()
        self.features, self.spec_augment = features, spec_augment
        self.encoder, self.decoder = encoder, decoder
        self.ctc = nn.Linear(encoder.output_dim, vocab_size)

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


def resolve_config(config: Config) -> Config:
    """Returns the configuration with the attention's defaults written out.

    Raises:
        ConfigError: an unknown mechanism or option.
    """
    kind = config.attention.type
    options = complete_options(ATTENTIONS, kind, config.attention.options)
    return config.model_copy(update={"attention": AttentionConfig(type=kind, **options)})


def build_model(config: Config, vocab_size: int, *, empty: bool = False) -> Seq2Seq:
    """Returns the model that a configuration describes.

    Args:
        config: of the model.
        vocab_size: number of tokens.
        empty: whether its weights are without values, for `load_weights` to set; otherwise they
            are drawn, which takes longer than reading a file.

    Raises:
        ConfigError: an unknown mechanism or an impossible combination.
    """
    check_message(config)
    features = LogMel(config.sample_rate, **config.features.model_dump())
    with ExitStack() as contexts:
        if empty:
            contexts.enter_context(torch.device("meta"))
            contexts.enter_context(_NothingDrawn())
        return _build_model(config, vocab_size, features)


class _NothingDrawn(TorchFunctionMode):
    """Leaves out torch's normal numbers: for a tensor without values it imports 900 modules."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        return kwargs["tensor"] if function is nn.init.normal_ else function(*args, **kwargs)


def _build_model(config: Config, vocab_size: int, features: LogMel) -> Seq2Seq:
    shift_seconds = config.features.shift_seconds
    augment = config.spec_augment
    copies_cell = config.decoder.start == "copy" and config.decoder.cell == "lstm"
    encoder = Encoder(config.encoder, config.features.num_mels, keeps_cell=copies_cell)
    attention = build_attention(
        config.attention.type,
        config.attention.options,
        query_dim=config.decoder.hidden_dim,
        value_dim=encoder.output_dim,
    )
    return Seq2Seq(
        features,
        SpecAugment(
            augment.num_freq_masks,
            augment.max_freq_bins,
            num_time_masks=augment.num_time_masks,
            max_time_frames=round(augment.max_time_seconds / shift_seconds),
            max_time_fraction=augment.max_time_fraction,
        ),
        encoder=encoder,
        decoder=AttentionDecoder(
            config.decoder, attention, vocab_size=vocab_size, message_dim=encoder.message_dim
        ),
        vocab_size=vocab_size,
    )


def check_message(config: Config) -> None:
    """Refuses a decoder that would never hear of the utterance, or attention that nobody reads.

    Raises:
        ConfigError: naming the keys.
    """
    decoder = config.decoder
    complete_options(ATTENTIONS, config.attention.type, {})  # or it is no known name
    if not ATTENTIONS[config.attention.type].has_alignment:
        if decoder.start in ("zeros", "random") and not decoder.peeky:
            raise ConfigError(
                f"attention.type = none and decoder.start = {decoder.start}: nothing tells the "
                "decoder of the utterance; use decoder.start = bridge or copy, or decoder.peeky"
            )
        if config.search.attention_window is not None:
            raise ConfigError(
                f"search.attention_window = {config.search.attention_window}: there is no "
                "attention to restrict (attention.type = none); leave it unset"
            )
        if config.attention_prior.width is not None:
            raise ConfigError(
                "attention_prior.width is for attention, and attention.type is none; leave it out"
            )
    elif not (decoder.input_feeding or decoder.context_output):
        raise ConfigError(
            "decoder.input_feeding = false and decoder.context_output = false: nothing reads the "
            "attention's context; set one of them, or attention.type = none"
        )

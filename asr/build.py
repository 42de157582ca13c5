"""The recognizer that a configuration describes, and what no configuration may ask for."""

from contextlib import ExitStack
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from asr.attention import ATTENTIONS, build_attention
from asr.attention.options import complete_options, written_options
from asr.config import AttentionConfig, Config
from asr.decoder import AttentionDecoder
from asr.encoder import Encoder
from asr.errors import ConfigError
from asr.fast.int8_lstm import WIDE
from asr.features import LogMel
from asr.model import Seq2Seq
from asr.spectra.masks import SpecAugment
from asr.text.tokens import Tokenizer
from asr.text.units import TokenUnits, units_of


def resolve_config(config: Config, *, source: str = "") -> Config:
    """Returns the configuration with the attention's defaults written out, but for `LATER` ones.

    Args:
        config: as it was given.
        source: the place that it is from, for messages.

    Raises:
        ConfigError: an unknown mechanism or option.
    """
    kind = config.attention.type
    try:
        options = written_options(ATTENTIONS, kind, config.attention.options)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}" if source else str(error)) from None
    return config.model_copy(update={"attention": AttentionConfig(type=kind, **options)})


def build_model(
    config: Config, vocab_size: int, *, tokenizer: Tokenizer | None = None, empty: bool = False
) -> Seq2Seq:
    """Returns the model that a configuration describes.

    Args:
        config: of the model.
        vocab_size: number of tokens.
        tokenizer: of these tokens; None where only the shapes of other parts than CTC matter.
        empty: whether its weights are without values, for `load_weights` to set; otherwise they
            are drawn, which takes longer than reading a file.

    Raises:
        ConfigError: an unknown mechanism or an impossible combination.
    """
    check_message(config)
    check_precision(config)
    if tokenizer is None:
        units = TokenUnits(None, vocab_size)
    else:
        units = units_of(tokenizer, config.tokenizer.ctc_units)
    features = LogMel(config.sample_rate, **config.features.model_dump())
    with ExitStack() as contexts:
        if empty:
            contexts.enter_context(torch.device("meta"))
            contexts.enter_context(_NothingDrawn())
        return _build_model(config, vocab_size, features, units=units)


class _NothingDrawn(TorchFunctionMode):
    """Leaves out torch's normal numbers: for a tensor without values it imports 900 modules."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        return kwargs["tensor"] if function is nn.init.normal_ else function(*args, **kwargs)


def _build_model(
    config: Config, vocab_size: int, features: LogMel, *, units: TokenUnits
) -> Seq2Seq:
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
        units=units,
    )


def check_precision(config: Config) -> None:
    """Refuses products in int8 of an encoder that has none.

    Raises:
        ConfigError: naming the keys.
    """
    encoder = config.encoder
    if config.search.encoder_precision != "int8":
        return
    if encoder.cell != "lstm":
        reason = f"encoder.cell = {encoder.cell}: int8 is for lstm"
    elif encoder.hidden_dim < WIDE:
        reason = f"encoder.hidden_dim = {encoder.hidden_dim}: below {WIDE} units int8 is no faster"
    else:
        return
    raise ConfigError(
        f"search.encoder_precision = int8: must be auto, float32 or bfloat16 ({reason})"
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

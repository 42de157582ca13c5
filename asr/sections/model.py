"""The sections of a configuration that say what a model is: from features to decoder."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from asr.settings import Section


class FeaturesConfig(Section):
    """Log-mel features; the defaults are those of most published recognizers."""

    num_mels: int = Field(80, ge=8, le=256)  # mel filters
    window: Literal["hann", "hamming"] = "hann"
    window_seconds: float = Field(0.025, gt=0, le=0.2)  # analysis window
    shift_seconds: float = Field(0.010, gt=0, le=0.1)  # from one frame to the next
    low_hz: float = Field(20.0, ge=0, le=1e6)  # lower edge of the first filter
    high_hz: float | None = Field(None, gt=0)  # upper edge of the last filter; null: half the rate
    dither: float = Field(0.0, ge=0, le=1)  # deviation of added noise (training), full scale = 1
    preemphasis: float = Field(0.0, ge=0, lt=1)  # 0.97 is Kaldi's; 0 leaves the signal alone
    fft_length: int | None = Field(None, ge=2, le=2**20)  # samples; null: the next power of two
    centered: bool = False  # frames around whole shifts, so that the first begins before the sound
    edges: Literal["silence", "mirrored"] = "silence"  # of the sound, where frames are centred
    # symmetric: as wide right as left (SpeechBrain); slaney_area, htk_area: of equal area (librosa)
    filters: Literal["htk", "symmetric", "slaney_area", "htk_area"] = "htk"
    energy_floor: float = Field(1e-7, gt=0, le=1)  # about 16-bit rounding noise in a filter
    scale: Literal["log", "decibels"] = "log"
    range_db: float | None = Field(None, gt=0, le=1e4)  # below an utterance's loudest; null: none
    # Per mel: mean and variance of the training set or of the utterance, or its mean alone.
    normalization: Literal["global", "utterance", "utterance_mean", "none"] = "global"


class SpecAugmentConfig(Section):
    """SpecAugment without warping (Park et al. 2019, arXiv 1904.08779, section 2)."""

    num_freq_masks: int = Field(2, ge=0, le=100)
    max_freq_bins: int = Field(27, ge=0, le=1000)  # widest frequency mask (F in the paper)
    num_time_masks: int = Field(2, ge=0, le=1000)
    max_time_seconds: float = Field(0.4, ge=0, le=1e4)  # widest time mask (T: 40-100 frames)
    max_time_fraction: float = Field(0.2, ge=0, le=1)  # of the utterance (p in the paper)


class BlocksConfig(Section):
    """What subsampling by `blocks` is made of: pairs of convolutions, then pooling."""

    channels: tuple[Annotated[int, Field(ge=1, le=10_000)], ...] = (32, 64)  # of each block
    mel_pooling: tuple[Annotated[int, Field(ge=1, le=256)], ...] = (2, 2)  # mels in each block
    pools_time: bool = False  # a block pools as many frames as mels
    time_pooling: int = Field(4, ge=1, le=1000)  # frames after the last block
    kernel: tuple[int, int] = (3, 3)  # frames and mels, both odd
    activation: Literal["leaky_relu", "relu", "elu", "gelu", "tanh"] = "leaky_relu"
    edges: Literal["mirrored", "zeros"] = "mirrored"  # beyond first and last frame and mel
    layer_norm: bool = True  # after each convolution, over mels and channels
    leftover: Literal["dropped", "kept"] = "dropped"  # frames and mels that make no whole group

    @model_validator(mode="after")
    def _check(self) -> "BlocksConfig":
        if not self.channels or len(self.channels) != len(self.mel_pooling):
            raise ValueError(
                f"channels {list(self.channels)} and mel_pooling {list(self.mel_pooling)} must "
                "have one number for each block, and at least one"
            )
        if not all(size % 2 and 1 <= size <= 99 for size in self.kernel):
            raise ValueError(f"kernel {list(self.kernel)} must be two odd numbers up to 99")
        return self


class EncoderConfig(Section):
    """Subsampling and the recurrent stack."""

    subsampling: Literal["conv", "stack", "blocks", "none"] = "conv"  # conv: 4x, strided layers
    channels: int = Field(32, ge=1, le=10_000)  # of the convolutions
    stack_frames: int = Field(4, ge=1, le=1000)  # frames joined by `stack`
    blocks: BlocksConfig = BlocksConfig()  # the layers of `blocks`
    cell: str = "lstm"
    hidden_dim: int = Field(256, ge=1, le=100_000)  # each direction
    num_layers: int = Field(3, ge=1, le=100)
    bidirectional: bool = True
    projection_dim: int | None = Field(None, ge=1, le=100_000)  # after each layer; null: none
    # Of projections between layers; the last layer's stays linear.
    projection_activation: Literal["none", "leaky_relu", "relu", "elu", "gelu", "tanh"] = "none"
    layer_norm: bool = True  # of the stack's input and each layer's output (Ba et al. 2016)
    pyramid: Literal["none", "concat", "drop"] = "none"  # halves time between layers (LAS)
    pyramid_layers: int = Field(2, ge=0, le=100)  # of the layers after the first, that halve time
    dense_layers: int = Field(0, ge=0, le=100)  # after the stack
    dense_norm: bool = True  # batch norm in dense layers
    dense_dim: int = Field(512, ge=1, le=100_000)
    dense_activation: Literal["leaky_relu", "relu", "elu", "gelu", "tanh"] = "leaky_relu"
    dropout: float = Field(0.2, ge=0, lt=1)


class AttentionConfig(BaseModel):
    """The mechanism's name and its own keyword arguments, which `asr.attention` checks."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = "location"

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of the mechanism, as written."""
        return dict(self.model_extra or {})


class DecoderConfig(Section):
    """The attention decoder."""

    cell: str = "lstm"
    embedding_dim: int = Field(128, ge=1, le=100_000)
    hidden_dim: int = Field(320, ge=1, le=100_000)
    num_layers: int = Field(1, ge=1, le=100)
    start: Literal["zeros", "copy", "bridge", "random"] = (
        "zeros"  # of the cells: asr/decoder_start.py
    )
    peeky: bool = False  # the encoder's last state enters cell and output layer at every step
    # The cell: its query is the state of this step (Luong et al. 2015), or the first layer's of the
    # last one (Bahdanau et al. 2015).
    attends: Literal["after", "before"] = "after"
    input_feeding: bool = True  # the context known by then enters the cell
    context_output: bool = True  # the context enters the output layer
    recurrent_bias: bool = False  # in cells; only gru, within its reset gate, is another by it
    readout: Literal["tanh", "linear", "none"] = "tanh"  # a layer before the output layer
    dropout: float = Field(0.2, ge=0, lt=1)

"""The configuration of an experiment: typed models, read from YAML, overridden by `--set a.b=c`.

Every field has its unit, and its source where one exists, in one line, and a default that trains.
A file may name another by `base: other.yaml` and then holds only what it changes.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from asr.errors import ConfigError
from asr.machine.precision import EncoderRounding, Rounding
from asr.sections.help import AttentionPriorConfig, TeacherForcingConfig
from asr.sections.model import (
    AttentionConfig,
    BlocksConfig,
    DecoderConfig,
    EncoderConfig,
    FeaturesConfig,
    SpecAugmentConfig,
)
from asr.sections.start import Factor, FreezeConfig, InitConfig, ReplayConfig, flat_factors
from asr.settings import (
    Section,
    check_settings,
    differences,
    dump_config,
    override_config,
    read_settings,
)

__all__ = [
    "AttentionConfig",
    "BlocksConfig",
    "Config",
    "DecoderConfig",
    "EncoderConfig",
    "FeaturesConfig",
    "SpecAugmentConfig",
    "differences",
    "dump_config",
    "load_config",
    "override_config",
    "parse_config",
    "read_search_settings",
]


class TokenizerConfig(Section):
    """Output units, learnt from the training text alone."""

    type: str = "char"
    vocab_size: int | None = Field(None, ge=5, le=10**6)  # of pieces; char and jamo: what there is
    normalizer: str = "none"  # english_spoken, korean_spoken: digits read
    ctc_units: Literal["tokens", "letters"] = "tokens"  # letters: what tokens are spelt with; jamo


class LossConfig(Section):
    """Cross entropy and CTC, weighed."""

    ctc_weight: float = Field(0.3, ge=0, lt=1)  # Watanabe et al. 2017, equation 37
    label_smoothing: float = Field(0.1, ge=0, lt=1)  # mass given to all tokens evenly


class DataConfig(Section):
    """Which utterances, and how they are put together."""

    train: str = "data/train.jsonl.gz"  # lhotse cuts
    dev: str = "data/dev.jsonl.gz"
    batch_seconds: float = Field(120.0, gt=0, le=1e6)  # audio in a batch, padding included
    max_utterances: int | None = Field(None, ge=1, le=1_000_000)  # in a batch
    num_buckets: int = Field(10, ge=1, le=1000)  # of similar duration
    min_seconds: float = Field(0.1, ge=0)  # shorter utterances are dropped, counted and said
    max_seconds: float = Field(30.0, gt=0, le=1e6)  # longer ones too
    num_workers: int = Field(1, ge=0, le=1000)  # loading processes
    speed_factors: tuple[float, ...] = (1.0,)  # one drawn per utterance; (0.9, 1, 1.1): Ko 2015
    noise: str | None = None  # cuts of noise to mix in
    noise_probability: float = Field(0.5, ge=0, le=1)
    noise_snr_db: tuple[float, float] = (10.0, 30.0)  # drawn evenly between

    @model_validator(mode="after")
    def _check(self) -> "DataConfig":
        if self.min_seconds >= self.max_seconds:
            raise ValueError(f"min_seconds {self.min_seconds} must be < max_seconds")
        if self.batch_seconds < self.max_seconds:
            raise ValueError(f"batch_seconds {self.batch_seconds} must be >= max_seconds")
        if not self.speed_factors or not all(0.5 <= f <= 2 for f in self.speed_factors):
            raise ValueError(f"speed_factors {self.speed_factors} must each be between 0.5 and 2")
        if not -100 <= self.noise_snr_db[0] <= self.noise_snr_db[1] <= 100:
            raise ValueError(f"noise_snr_db {self.noise_snr_db} must be (lowest, highest), to 100")
        return self


class TrainConfig(Section):
    """The optimization and what is kept of it."""

    epochs: int = Field(30, ge=1, le=1_000_000)
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0, le=1e6)  # the peak
    final_learning_rate: float = Field(1e-5, ge=0, le=1e6)  # at the end of a falling schedule
    weight_decay: float = Field(1e-6, ge=0, le=1e6)
    rate_factors: dict[str, Factor] = Field(default_factory=dict)  # of the learning rate, by part
    warmup_steps: int = Field(500, ge=0, le=1_000_000_000)  # linear, from 0 to the peak
    schedule: Literal["cosine", "linear", "constant"] = "cosine"  # after the warm-up
    clip_norm: float | None = Field(5.0, gt=0)  # of the whole gradient (Pascanu 2013); null: off
    clip_value: float | None = Field(None, gt=0)  # of each of its numbers, before the norm
    curriculum: bool = True  # the first epoch goes from short to long
    patience: int | None = Field(None, ge=1)  # epochs without a better dev error rate; null: all
    keep_best: int = Field(5, ge=1, le=1_000_000)  # checkpoints kept, and averaged at the end
    max_dev_utterances: int | None = Field(None, ge=1)  # decoded after each epoch; null: all
    checkpoint_seconds: float = Field(120.0, gt=0)  # between two savings of the training state
    precision: Literal["auto", "32-true", "bf16-mixed"] = "32-true"  # auto: the faster one here
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"

    _flat = field_validator("rate_factors", mode="before")(flat_factors)


class SearchConfig(Section):
    """Greedy and beam search, alone or with language models."""

    beam_size: int = Field(1, ge=1, le=1000)  # 1: greedy
    ctc_weight: float = Field(0.0, ge=0, le=1)  # Watanabe et al. 2017, equation 47
    temperature: float = Field(
        1.0, gt=0, le=100
    )  # above 1: the decoder's probabilities are flatter
    length_power: float = Field(1.0, ge=0, le=10)  # score / tokens ** power ranks the finished ones
    eos_threshold: float | None = Field(None, ge=1)  # Hannun et al. 2019, section 3.1.2
    attention_window: tuple[int, int] | None = None  # frames before and after the last place
    lm_weights: tuple[Annotated[float, Field(ge=0, le=100)], ...] = ()  # of each --lm; (): 0.3 each
    length_bonus: float = Field(0.0, ge=-10, le=10)  # added for each token but EOS
    hotwords: tuple[str, ...] = ()  # phrases to expect
    hotword_reward: float = Field(0.5, ge=0, le=100)  # for each of their tokens; asr/lm/hotwords.py
    rescore: bool = False  # language models only re-rank the hypotheses that the beam ends with
    num_best: int = Field(1, ge=1, le=1000)  # hypotheses returned
    encoder_precision: EncoderRounding = "float32"  # of products; auto: bfloat16 where it is faster
    decoder_precision: Rounding = "float32"  # likewise, while searching
    max_tokens: int = Field(400, ge=1, le=100_000)  # absolute cap
    max_token_ratio: float = Field(1.0, gt=0, le=100)  # cap: tokens a memory frame
    loop_repeats: int = Field(
        8, ge=2, le=100_000
    )  # the same few tokens so often in a row end a hypothesis

    @field_validator("lm_weights", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return (value,) if is_number else value  # 0.3 stands for [0.3]

    @model_validator(mode="after")
    def _check(self) -> "SearchConfig":
        if self.attention_window is not None:
            before, after = self.attention_window
            if not (0 <= before <= 100_000 and 1 <= after <= 100_000):
                raise ValueError(
                    f"attention_window {list(self.attention_window)} must be [before, after], 0 or "
                    "more frames and 1 or more (at most 100000), as in [10, 40]; without a frame "
                    "after it attention could never move on"
                )
        return self


class SearchFile(Section):
    """A file that holds search settings alone, as `asr tune` writes it."""

    search: SearchConfig = SearchConfig()


class Config(Section):
    """A whole experiment."""

    seed: int = Field(1, ge=0, le=2**63 - 1)
    sample_rate: int = Field(16000, ge=4000, le=192000)  # audio is resampled to it
    features: FeaturesConfig = FeaturesConfig()
    spec_augment: SpecAugmentConfig = SpecAugmentConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    encoder: EncoderConfig = EncoderConfig()
    attention: AttentionConfig = AttentionConfig()
    decoder: DecoderConfig = DecoderConfig()
    loss: LossConfig = LossConfig()
    data: DataConfig = DataConfig()
    teacher_forcing: TeacherForcingConfig = TeacherForcingConfig()
    attention_prior: AttentionPriorConfig = AttentionPriorConfig()
    init: InitConfig = InitConfig()
    freeze: FreezeConfig = FreezeConfig()
    replay: ReplayConfig = ReplayConfig()
    train: TrainConfig = TrainConfig()
    search: SearchConfig = SearchConfig()

    @model_validator(mode="after")
    def _check(self) -> "Config":
        if self.search.ctc_weight > 0 and self.loss.ctc_weight == 0:
            raise ValueError(
                "search.ctc_weight > 0 needs a CTC head trained by loss.ctc_weight > 0"
            )
        return self


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Returns the configuration in a YAML file, with `key.sub=value` overrides applied in order.

    Raises:
        ConfigError: the file cannot be read, or a key, type or value is not allowed.
    """
    return read_settings(path, Config, overrides=overrides)


def read_search_settings(path: Path) -> list[str]:
    """Returns the settings under `search:` in a YAML file, as `search.key=value` overrides.

    Raises:
        ConfigError: the file cannot be read, or holds anything else, or a value is not allowed.
    """
    read = read_settings(path, SearchFile).search.model_dump(mode="json", exclude_unset=True)
    if not read:
        raise ConfigError(f"{path}: sets nothing under `search:`; give the search.yaml of asr tune")
    return [f"search.{key}={_on_one_line(value)}" for key, value in read.items()]


def parse_config(tree: Mapping[str, Any], source: str) -> Config:
    """Returns the checked configuration; `source` names the place in error messages.

    Raises:
        ConfigError: naming the key, the value, the rule and the known choices.
    """
    return check_settings(tree, Config, source=source)


def _on_one_line(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=math.inf).splitlines()[0]

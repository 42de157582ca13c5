"""An experiment folder before its first step: what it trains on, and with which parts."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning_fabric
import torch
from lhotse import CutSet
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from asr.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from asr.config import Config, TrainConfig, differences, load_config
from asr.data.batches import Augment, BatchDataset, Batches
from asr.data.manifest import checked_cuts, cut_text, read_cuts
from asr.data.survey import Survey, survey
from asr.errors import ConfigError
from asr.machine.devices import pick_device
from asr.model import Seq2Seq, build_model
from asr.text.normalizers import get_normalizer
from asr.text.tokenizer import Tokenizer, load_tokenizer, train_tokenizer


@dataclass(frozen=True)
class Run:
    """The parts of a training run; what changes is in the model, the optimizer and `Progress`."""

    config: Config
    folder: Path
    fabric: Any  # lightning_fabric.Fabric
    tokenizer: Tokenizer
    network: Seq2Seq  # the model itself
    model: Any  # the same, as fabric wraps it
    optimizer: Any
    train_survey: Survey
    dev_survey: Survey
    dropped: frozenset[str]

    @property
    def state_path(self) -> Path:
        """Where the training state is."""
        return state_path(self.folder)

    @property
    def world(self) -> tuple[int, int]:
        """Rank and number of ranks."""
        return self.fabric.global_rank, self.fabric.world_size

    def dataset(self, epoch: int | None) -> BatchDataset:
        """Returns the loader of an epoch's training utterances; None: of anything, unchanged."""
        augment = None
        if epoch is not None and (self.config.data.noise or self.config.data.speed_factors != (1,)):
            augment = Augment(self.config.data, seed=self.config.seed, epoch=epoch)
        normalize = get_normalizer(self.config.tokenizer.normalizer).apply
        return BatchDataset(
            self.tokenizer, normalize, sample_rate=self.config.sample_rate, augment=augment
        )

    def train_batches(self, epoch: int) -> Batches:
        """Returns the training batches of an epoch."""
        cuts = read_cuts(self.config.data.train).filter(self._is_kept)
        return Batches(
            cuts,
            self.dataset(epoch),
            config=self.config.data,
            seed=self.config.seed,
            world=self.world,
        )

    def dev_batches(self) -> Batches:
        """Returns this rank's share of the dev utterances."""
        cuts = list(checked_cuts(self.config.data.dev))
        limit = self.config.train.max_dev_utterances or len(cuts)
        cuts = cuts[:: math.ceil(len(cuts) / limit)]  # evenly: a manifest is sorted by speaker
        rank, size = self.world
        return Batches(
            CutSet.from_cuts(cuts[rank::size]),
            self.dataset(None),
            config=self.config.data,
            seed=self.config.seed,
        )

    def _is_kept(self, cut: Any) -> bool:
        return cut.id not in self.dropped


def state_path(folder: Path) -> Path:
    """Returns where an experiment folder keeps its training state."""
    return folder / "training" / "state.pt"


def launch(config: Config) -> Any:
    """Returns fabric: one device, or under torchrun one process a device on each machine."""
    options: dict[str, Any] = {"devices": 1}
    if TorchElasticEnvironment.detect():
        world_size = TorchElasticEnvironment().world_size()
        local_size = int(os.environ["LOCAL_WORLD_SIZE"])
        options = {"devices": local_size, "num_nodes": world_size // local_size, "strategy": "ddp"}
    fabric = lightning_fabric.Fabric(
        accelerator=pick_device(config.train.accelerator),
        precision=config.train.precision,
        **options,
    )
    fabric.launch()
    return fabric


def check_same_config(config: Config, folder: Path) -> None:
    """Refuses to continue an experiment with another configuration.

    Raises:
        ConfigError: naming every value that differs; or the folder holds what this would overwrite.
    """
    if not (folder / CONFIG_FILE).is_file():
        return
    try:
        before = load_config(folder / CONFIG_FILE)
    except ConfigError:
        raise ConfigError(
            f"{folder}: holds another kind of model, or one of another version; use another --out"
        ) from None
    if not state_path(folder).is_file():
        if (folder / WEIGHTS_FILE).is_file() and not (folder / "training").is_dir():
            raise ConfigError(
                f"{folder}: holds a finished model without its training state, which would be "
                "overwritten; use another --out"
            )
        return  # nothing was trained yet
    changed = differences(before, config)
    if changed:
        raise ConfigError(
            f"{folder}: was trained with another configuration ({'; '.join(changed)}); use another "
            "--out, or the old values to continue"
        )


def set_up(config: Config, folder: Path, fabric: Any) -> Run:
    """Returns the parts of a run, made alike on every rank; writes nothing.

    Raises:
        AsrError: the configuration or the data cannot be used.
    """
    build_model(config, 8, empty=True)  # an impossible model is said before any work
    tokenizer = find_tokenizer(config, folder)
    fabric.seed_everything(config.seed, verbose=False)
    network = build_model(config, tokenizer.vocab_size)
    train_survey = _survey(config.data.train, config, tokenizer=tokenizer, network=network)
    dev_survey = _survey(
        config.data.dev, config, tokenizer=tokenizer, network=network, keep_all=True
    )
    model, wrapped = fabric.setup(network, build_optimizer(network, config.train))
    torch.manual_seed(config.seed + fabric.global_rank)  # each rank draws its own dropout
    return Run(
        config=config,
        folder=folder,
        fabric=fabric,
        tokenizer=tokenizer,
        network=network,
        model=model,
        optimizer=wrapped,
        train_survey=train_survey,
        dev_survey=dev_survey,
        dropped=train_survey.dropped_ids,
    )


def build_optimizer(network: torch.nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Returns the optimizer of a network's weights, which updates all of them in one operation."""
    optimizers = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return optimizers[config.optimizer](
        network.parameters(),
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,  # five times as fast on a CPU
    )


def find_tokenizer(config: Config, folder: Path) -> Tokenizer:
    """Returns the tokenizer of a run under way, or one learnt from the training text alone."""
    if state_path(folder).is_file():
        return load_tokenizer(
            folder, kind=config.tokenizer.type, normalizer=config.tokenizer.normalizer
        )
    normalize = get_normalizer(config.tokenizer.normalizer).apply
    texts = (cut_text(cut, normalize) for cut in checked_cuts(config.data.train))
    return train_tokenizer(
        texts,
        kind=config.tokenizer.type,
        vocab_size=config.tokenizer.vocab_size,
        normalizer=config.tokenizer.normalizer,
    )


def _survey(
    manifest: str,
    config: Config,
    *,
    tokenizer: Tokenizer,
    network: Seq2Seq,
    keep_all: bool = False,
) -> Survey:
    def num_memory_frames(seconds: float) -> int:
        samples = torch.tensor([int(seconds * config.sample_rate)])
        return int(network.memory_lengths(samples))

    return survey(
        manifest,
        config.data,
        tokenizer=tokenizer,
        normalize=get_normalizer(config.tokenizer.normalizer).apply,
        num_memory_frames=num_memory_frames,
        keep_all=keep_all,
    )

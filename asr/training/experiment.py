"""An experiment before its first step: what it trains on, and with which parts."""

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import lightning_fabric
import torch
from lhotse import CutSet
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy

from asr.build import build_model
from asr.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from asr.config import Config, TrainConfig, load_config
from asr.data.batches import Augment, BatchDataset, Batches
from asr.data.manifest import Cut, read_cuts
from asr.data.shard_batches import ShardBatches
from asr.data.shard_survey import ShardSurvey
from asr.data.survey import Survey
from asr.errors import ConfigError
from asr.fast.own_steps import check_products
from asr.machine.devices import pick_device
from asr.machine.meeting import meet
from asr.machine.ranks import WAIT, from_first, said_by_one
from asr.model import Seq2Seq
from asr.text.tokenizer import Tokenizer
from asr.training.alike import check_alike, check_same_files
from asr.training.changes import DataName, check_same_settings
from asr.training.freezing import parameter_groups
from asr.training.initial import start_from, unlike_settings
from asr.training.material import find_material
from asr.training.possible import model_and_ancestor
from asr.training.replay import NOTHING, Heard, ListedReplay, Replay, ShardReplay, mix_cuts
from asr.training.session import state_path


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
    noise_name: str = ""
    replay: Replay | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)  # of a training that begins now
    frozen: set[str] = field(default_factory=set)  # weights that do not learn in this epoch
    notices: tuple[str, ...] = ()  # what a user may not expect of the model it starts from

    @property
    def world(self) -> tuple[int, int]:
        """Rank and number of ranks."""
        return self.fabric.global_rank, self.fabric.world_size

    @property
    def device(self) -> torch.device:
        """Where this rank computes."""
        return self.fabric.device

    @property
    def data(self) -> Mapping[str, DataName]:
        """The sets that the run depends on."""
        old = self.replay
        return {
            "train": DataName("training data", self.train_survey.fingerprint),
            "dev": DataName("dev data", self.dev_survey.fingerprint),
            "noise": DataName("noise to mix in", self.noise_name),
            "replay": DataName("old data to mix in", old.survey.fingerprint if old else ""),
        }

    def dataset(self, epoch: int | None) -> BatchDataset:
        """Returns the loader of an epoch's training utterances; None: of anything, unchanged."""
        augment = None
        if epoch is not None and (self.config.data.noise or self.config.data.speed_factors != (1,)):
            augment = Augment(self.config.data, seed=self.config.seed, epoch=epoch)
        return BatchDataset(self.tokenizer, sample_rate=self.config.sample_rate, augment=augment)

    def train_batches(self, epoch: int) -> Batches | ShardBatches:
        """Returns the training batches of an epoch."""
        survey, dataset = self.train_survey, self.dataset(epoch)
        known: dict[str, Any] = {"config": self.config.data, "seed": self.config.seed}
        if isinstance(survey, ShardSurvey):
            old, heard = self.replay, self.heard(epoch)
            share = old.share(heard) if isinstance(old, ShardReplay) else None
            return ShardBatches(survey, dataset, **known, world=self.world, old=share)
        return Batches(self.heard_cuts(epoch), dataset, **known, world=self.world)

    def heard(self, epoch: int) -> Heard:
        """Returns what an epoch hears of old data."""
        if self.replay is None:
            return NOTHING
        return self.replay.heard(epoch, seed=self.config.seed)

    def replayed(self, epoch: int) -> dict[str, float]:
        """Returns how much old data an epoch heard, for its row in the log; nothing without any."""
        if self.replay is None:
            return {}
        heard = self.heard(epoch)
        return {"replayed": len(heard.chosen), "replayed_seconds": round(heard.seconds, 2)}

    def epoch_seconds(self, epoch: int) -> float:
        """Returns the seconds of audio that an epoch hears, old data counted."""
        return self.train_survey.seconds + self.heard(epoch).seconds

    def heard_cuts(self, epoch: int) -> CutSet:
        """Returns the cuts that an epoch hears: those of training, and old ones among them."""
        heard = self.heard(epoch)
        if not isinstance(self.replay, ListedReplay):
            return self.train_cuts()
        sizes = (self.train_survey.num_kept, len(heard.chosen))
        old = self.replay.cuts(heard)
        return mix_cuts(self.train_cuts(), old, sizes, seed=self.config.seed + epoch)

    @property
    def extremes(self) -> tuple[float, int]:
        """The longest utterance that training hears, in seconds, and the most tokens of one."""
        surveys = [self.train_survey, *([self.replay.survey] if self.replay else [])]
        return max(s.longest_seconds for s in surveys), max(s.most_tokens for s in surveys)

    def every(self, stride: int) -> list[Cut]:
        """Returns every `stride`-th of the training cuts."""
        if isinstance(self.train_survey, ShardSurvey):
            return self.train_survey.every(stride)
        return [cut for index, cut in enumerate(self.train_cuts()) if index % stride == 0]

    def train_cuts(self) -> CutSet:
        """Returns the cuts that training uses, read lazily; the survey has checked them."""
        return read_cuts(self.config.data.train).filter(self._is_kept)

    def dev_batches(self, most: int | None = None, *, of_all_ranks: bool = False) -> Batches:
        """Returns this rank's share of the dev utterances, which the survey has checked.

        Args:
            most: utterances of all ranks; None: as many as the configuration says.
            of_all_ranks: whether they are those of every rank.
        """
        cuts = list(read_cuts(self.config.data.dev))
        limit = most or self.config.train.max_dev_utterances or len(cuts)
        cuts = cuts[:: math.ceil(len(cuts) / limit)]  # evenly: a manifest is sorted by speaker
        rank, size = (0, 1) if of_all_ranks else self.world
        return Batches(
            CutSet.from_cuts(cuts[rank::size]),
            self.dataset(None),
            config=self.config.data,
            seed=self.config.seed,
        )

    def _is_kept(self, cut: Any) -> bool:
        return cut.id not in self.dropped


def launch(config: Config) -> Any:
    """Returns fabric: one device, or under torchrun one process a device on each machine.

    Which of the two, torchrun alone says. Left to itself, fabric looks for Slurm: it warns wherever
    there is a command `srun`, and takes the tasks of a job for processes that train together.

    Raises:
        AsrError: another process of torchrun cannot begin, or has not come.
    """
    options: dict[str, Any] = {"devices": 1, "plugins": [LightningEnvironment()]}
    if TorchElasticEnvironment.detect():
        world_size = TorchElasticEnvironment().world_size()
        local_size = int(os.environ["LOCAL_WORLD_SIZE"])
        options = {
            "devices": local_size,
            "num_nodes": world_size // local_size,
            "strategy": DDPStrategy(timeout=WAIT),  # the lifeline ends who waits for the dead
            "plugins": [TorchElasticEnvironment()],
        }
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # what we say is not said again
    accelerator = pick_device(config.train.accelerator)
    check_products(config.search.encoder_precision, torch.device(accelerator))
    fabric = lightning_fabric.Fabric(
        accelerator=accelerator,
        precision=cast(Any, config.train.precision),  # settled
        **options,
    )
    meet()
    fabric.launch()
    return fabric


def check_same_config(config: Config, folder: Path, *, extend: bool = False) -> None:
    """Refuses to continue an experiment with another configuration, before any data are read.

    Search settings may have been edited in the folder's configuration: they are compared with those
    in the training's state.

    Args:
        config: to go on with.
        folder: of the experiment.
        extend: see `check_same_settings`.

    Raises:
        ConfigError: naming every value that differs; or the folder holds what this would overwrite.
    """
    if not (folder / CONFIG_FILE).is_file():
        if state_path(folder).is_file():
            raise ConfigError(
                f"{folder}: holds the state of a training without its {CONFIG_FILE}; put that "
                "back, or use another --out"
            )
        return
    try:
        before = load_config(folder / CONFIG_FILE)
    except ConfigError:
        raise ConfigError(
            f"{folder}: holds another kind of model, or one of another version; use another --out"
        ) from None
    if state_path(folder).is_file():
        before = before.model_copy(update={"search": config.search})
        check_same_settings(folder, before, config, kind="recognizer", extend=extend)
    elif (folder / WEIGHTS_FILE).is_file() and not (folder / "training").is_dir():
        raise ConfigError(
            f"{folder}: holds a finished model without its training state, which would be "
            "overwritten; use another --out"
        )


def set_up(config: Config, folder: Path, fabric: Any) -> Run:
    """Returns the parts of a run, made alike on every rank; writes nothing.

    Raises:
        AsrError: the configuration or the data cannot be used, or are not those of every process.
    """
    check_alike(config)
    shape, ancestor = said_by_one(lambda: model_and_ancestor(config, folder))
    check_same_files(config)
    material = from_first(lambda: find_material(config, folder, shape, ancestor=ancestor))
    fabric.seed_everything(config.seed % 2**32, verbose=False)  # numpy knows no larger ones
    torch.manual_seed(config.seed)
    network = build_model(config, material.tokenizer.vocab_size, tokenizer=material.tokenizer)
    origin: dict[str, Any] = {}
    notices: tuple[str, ...] = ()
    if ancestor is not None:
        origin = start_from(ancestor, network, material.tokenizer, config=config)
        notices = (*ancestor.notices, *unlike_settings(ancestor, config))
    in_shards = isinstance(material.train, ShardSurvey)
    model, wrapped = fabric.setup(network, build_optimizer(network, config.train))
    torch.manual_seed(config.seed + fabric.global_rank)  # each rank draws its own dropout
    return Run(
        config=config,
        folder=folder,
        fabric=fabric,
        tokenizer=material.tokenizer,
        network=network,
        model=model,
        optimizer=wrapped,
        train_survey=material.train,
        dev_survey=material.dev,
        dropped=frozenset() if in_shards else material.train.dropped_ids,  # else kept by number
        noise_name=material.noise_name,
        replay=material.replay,
        origin=origin,
        notices=notices,
    )


def build_optimizer(network: torch.nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Returns the optimizer of a network's weights, which updates all of them in one operation."""
    groups = parameter_groups(network, config)
    optimizers = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return optimizers[config.optimizer](
        groups,
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,  # five times as fast on a CPU
    )

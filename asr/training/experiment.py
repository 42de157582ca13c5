"""An experiment folder before its first step: what it trains on, and with which parts."""

import fcntl
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import lightning_fabric
import torch
from lhotse import CutSet
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from asr.build import build_model
from asr.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from asr.config import Config, TrainConfig, differences, load_config
from asr.data.batches import Augment, BatchDataset, Batches
from asr.data.manifest import Survey, checked_cuts, cut_text, read_cuts, survey
from asr.errors import ConfigError
from asr.files import writing
from asr.loss import compute_losses
from asr.machine.devices import pick_device
from asr.model import Seq2Seq
from asr.text.tokenizer import UNK, Tokenizer, load_tokenizer, train_tokenizer

STATISTICS_SECONDS = 5 * 3600.0  # of training audio are enough for a mean and a variance a mel


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
        return BatchDataset(self.tokenizer, sample_rate=self.config.sample_rate, augment=augment)

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


def lock_folder(folder: Path) -> IO[bytes]:
    """Returns an open lock on an experiment folder, which it makes.

    Raises:
        ConfigError: another process trains there.
        ModelError: the folder cannot be written.
    """
    with writing(folder):
        (folder / "training").mkdir(parents=True, exist_ok=True)
        lock = (folder / "training" / "lock").open("wb")
    try:
        # A process's own lock: loaders that outlive a killed run for a moment do not hold it.
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigError(
            f"{folder}: another asr train is running there; wait for it, or use another --out"
        ) from None
    return lock


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
    texts = (cut_text(cut, str) for cut in checked_cuts(config.data.train))
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
        num_memory_frames=num_memory_frames,
        keep_all=keep_all,
    )


@torch.inference_mode()
def estimate_statistics(run: Run) -> None:
    """Sets the global normalisation from training audio: all of it, or an even part."""
    features = run.network.features
    if features.normalization != "global":
        return
    stride = math.ceil(run.train_survey.seconds / STATISTICS_SECONDS)
    cuts = (cut for cut in read_cuts(run.config.data.train) if cut.id not in run.dropped)
    chosen = [cut for index, cut in enumerate(cuts) if index % stride == 0]
    batches = Batches(
        CutSet.from_cuts(chosen), run.dataset(None), config=run.config.data, seed=run.config.seed
    )
    features.eval()
    total = torch.zeros(3, features.num_mels, dtype=torch.double, device=run.fabric.device)
    for batch in _on_device(batches.epoch(0, ordered=True), run.fabric.device):
        energies, lengths = features.log_mel(batch.waveforms, batch.lengths)
        for row, length in zip(energies.double(), lengths.tolist(), strict=True):
            frames = row[:length]
            total += torch.stack(
                [frames.sum(dim=0), frames.square().sum(dim=0), torch.full_like(row[0], length)]
            )
    mean = total[0] / total[2]
    features.set_statistics(mean, (total[1] / total[2] - mean.square()).clamp(min=0).sqrt())


def try_largest_batch(run: Run) -> None:
    """Trains on noise in the shape of the largest batch, so that memory runs out now or never.

    The optimizer's state takes part, as in every step but the first. The weights, the optimizer
    and the random state stay as they were.

    Raises:
        ConfigError: memory is too small.
    """
    config, survey = run.config, run.train_survey
    slowest = min(config.data.speed_factors)
    seconds = survey.longest_seconds / slowest
    num_rows = max(1, int(config.data.batch_seconds / survey.longest_seconds))
    num_rows = min(num_rows, config.data.max_utterances or num_rows)
    num_samples = int(seconds * config.sample_rate)
    device = run.fabric.device
    random_states = torch.get_rng_state(), torch.cuda.get_rng_state_all()
    tokens = torch.full((num_rows, survey.most_tokens + 1), UNK, device=device)
    lengths = torch.full((num_rows,), num_samples, device=device)
    target_lengths = torch.full((num_rows,), tokens.size(1), device=device)
    run.model.train()
    try:
        _allocate_optimizer_state(run.optimizer)
        waveforms = 0.01 * torch.randn(num_rows, num_samples, device=device)
        output = run.model(waveforms, lengths, tokens)
        losses = compute_losses(
            output,
            tokens,
            target_lengths,
            **config.loss.model_dump(),
        )
        run.fabric.backward(losses.total)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise ConfigError(
            f"data.batch_seconds = {config.data.batch_seconds:g}: the largest batch ({num_rows} "
            f"utterances of {seconds:.1f} s) does not fit in memory; halve it"
        ) from None
    finally:
        run.optimizer.zero_grad(set_to_none=True)
        run.optimizer.state.clear()
        torch.set_rng_state(random_states[0])
        torch.cuda.set_rng_state_all(random_states[1])


def _allocate_optimizer_state(optimizer: Any) -> None:
    """Makes the state that an optimizer's first step makes; a step of rate 0 moves no weight."""
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate


def _on_device(batches: Iterator[Any], device: torch.device) -> Iterator[Any]:
    for batch in batches:
        yield batch.to(device)

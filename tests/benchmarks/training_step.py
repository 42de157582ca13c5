"""A training step of a recipe's configuration on random audio, data loading left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asr.build import build_model
from asr.config import Config, load_config
from asr.loss import compute_losses

EGS = Path(__file__).parents[2] / "egs"
# Recipe and configuration -> tokens of an utterance, vocabulary where the file leaves it open.
CONFIGURATIONS: dict[str, tuple[int, int | None]] = {
    "quickstart/default": (120, 30),
    "librispeech/100h": (45, None),
    "librispeech/960h": (45, None),
    "zeroth_korean/base": (170, 75),  # jamo
}
UTTERANCE_SECONDS = 12.0


def read_config(name: str) -> Config:
    """Returns a configuration by its name in `CONFIGURATIONS`."""
    recipe, _, file = name.partition("/")
    return load_config(EGS / recipe / "conf" / f"{file}.yaml", ())


class TrainingStep:
    """A model of a configuration and a full batch for it.

    Args:
        config: its `data.batch_seconds` say how large the batch is, unless told otherwise.
        sizes: tokens of an utterance, and the vocabulary where the configuration leaves it open.
        batch_seconds: of audio.

    Attributes:
        network: the model.
        audio_seconds: of the batch.
    """

    def __init__(
        self,
        config: Config,
        sizes: tuple[int, int | None],
        device: torch.device,
        *,
        batch_seconds: float | None = None,
    ) -> None:
        num_tokens, vocab_size = sizes
        vocab_size = vocab_size or config.tokenizer.vocab_size
        assert vocab_size is not None
        self.config, self.device = config, device
        self.network = build_model(config, vocab_size).to(device)
        num_rows = max(int((batch_seconds or config.data.batch_seconds) / UTTERANCE_SECONDS), 1)
        num_samples = round(UTTERANCE_SECONDS * config.sample_rate)
        self.batch = (
            0.1 * torch.randn(num_rows, num_samples, device=device),
            torch.full((num_rows,), num_samples, device=device),
            torch.randint(5, vocab_size, (num_rows, num_tokens), device=device),
        )
        self.token_lengths = torch.full((num_rows,), num_tokens, device=device)
        self.audio_seconds = num_rows * UTTERANCE_SECONDS

    def loss(self, model: nn.Module | None = None, *, bfloat16: bool) -> Tensor:
        """Returns the loss of the batch, by the model as something else wraps it, if given."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16):
            output = (self.network if model is None else model)(*self.batch)
            how: dict[str, Any] = {"units": self.network.units, **self.config.loss.model_dump()}
            losses = compute_losses(output, self.batch[2], self.token_lengths, **how)
        return losses.total

    def stepping(
        self, optimizer: torch.optim.Optimizer, *, bfloat16: bool = True
    ) -> Callable[[], None]:
        """Returns a function that takes one step, in bfloat16 unless told otherwise."""

        def step() -> None:
            self.loss(bfloat16=bfloat16).backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            optimizer.step()
            optimizer.zero_grad()

        return step

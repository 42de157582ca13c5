"""How a decoder starts: the states of its cells before the first token.

A start is given the encoder's message, the last hidden state of its last layer and, for an LSTM
that is copied, the last cell state; it returns one tensor for each part of each cell's state.
A new way is one class and one line in `STARTS`. Shapes: B utterances, E message, H decoder.
"""

import torch
from torch import Tensor, nn

from asr.errors import ConfigError

Message = tuple[Tensor, ...]  # hidden (B,E) and, where it is needed, cell (B,E)


class Start(nn.Module):
    """A way to start.

    Args:
        message_dim: size of the encoder's last state (E).
        hidden_dim: size of the decoder's state (H).
        num_layers: of the decoder.
        num_parts: tensors in a cell's state: 2 for an LSTM, else 1.
    """

    def __init__(
        self, message_dim: int, hidden_dim: int, *, num_layers: int, num_parts: int
    ) -> None:
        super().__init__()
        self.shape = (num_layers, num_parts, hidden_dim)

    def forward(self, message: Message) -> Tensor:
        """Returns states (B, layers, parts, H)."""
        raise NotImplementedError


class ZeroStart(Start):
    """All states are 0: whatever is to be known comes by attention."""

    def forward(self, message: Message) -> Tensor:
        """Returns zeros (B, layers, parts, H)."""
        return message[0].new_zeros(message[0].size(0), *self.shape)


class CopyStart(Start):
    """Every layer starts with the encoder's last state.

    Raises:
        ConfigError: sizes differ.

    Source: Sutskever et al. 2014 (arXiv 1409.3215), section 2.
    """

    def __init__(
        self, message_dim: int, hidden_dim: int, *, num_layers: int, num_parts: int
    ) -> None:
        super().__init__(message_dim, hidden_dim, num_layers=num_layers, num_parts=num_parts)
        if message_dim != hidden_dim:
            raise ConfigError(
                f"decoder.start = copy: the encoder's last state has {message_dim} values, both "
                f"directions counted, and decoder.hidden_dim = {hidden_dim}; make them equal, or "
                "use decoder.start = bridge"
            )

    def forward(self, message: Message) -> Tensor:
        """Returns the message (B, layers, parts, H), once for each layer."""
        return torch.stack(message, dim=1)[:, None].expand(-1, *self.shape)


class BridgeStart(Start):
    """One fully connected layer, with tanh, from the encoder's last hidden state to all states.

    Source: Bahdanau et al. 2015 (arXiv 1409.0473), appendix A.2.2.
    """

    def __init__(
        self, message_dim: int, hidden_dim: int, *, num_layers: int, num_parts: int
    ) -> None:
        super().__init__(message_dim, hidden_dim, num_layers=num_layers, num_parts=num_parts)
        self.bridge = nn.Linear(message_dim, num_layers * num_parts * hidden_dim)

    def forward(self, message: Message) -> Tensor:
        """Returns states (B, layers, parts, H)."""
        return self.bridge(message[0]).tanh().unflatten(1, self.shape)


class RandomStart(Start):
    """States drawn once, from -0.1 to 0.1, and kept in the checkpoint: the same for everyone."""

    def __init__(
        self, message_dim: int, hidden_dim: int, *, num_layers: int, num_parts: int
    ) -> None:
        super().__init__(message_dim, hidden_dim, num_layers=num_layers, num_parts=num_parts)
        self.states: Tensor
        self.register_buffer("states", torch.empty(self.shape).uniform_(-0.1, 0.1))

    def forward(self, message: Message) -> Tensor:
        """Returns the drawn states (B, layers, parts, H)."""
        return self.states.expand(message[0].size(0), *self.shape)


STARTS: dict[str, type[Start]] = {
    "zeros": ZeroStart,
    "copy": CopyStart,
    "bridge": BridgeStart,
    "random": RandomStart,
}

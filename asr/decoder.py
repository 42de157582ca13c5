"""The attention decoder: one step, and teacher forcing as a loop over it.

    token (B,K) -> embedding --+
    last context (B,K,D) ------+--> recurrent cells -> query --+--> attention -> context
    message (B,1,E) -----------+                               |                    |
    (peeky)  +--------------------------------> readout <------+--------------------+
                                                   +--> logits (B,K,V)

Attention may come before the cells, too: its query is then the first layer's last state, and the
cells read its context. The message is the encoder's last state, from which cells may start
(`decoder_start.py`).
"""

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from asr.attention.contract import Attention
from asr.attention.taught import Taught, run_as_one
from asr.cells import CELLS, CellState, gates_of
from asr.config import DecoderConfig
from asr.decoder_start import STARTS, Message
from asr.errors import ConfigError
from asr.fast.shared import SharedLinear, look_up, shared_products
from asr.scheduled_sampling import sample_tokens


class DecoderMemory(NamedTuple):
    """What the decoder reads: one entry an utterance, shared by its hypotheses."""

    attention: Any  # the mechanism's memory
    message: Message  # of (B,E)


class DecoderState(NamedTuple):
    """All that one hypothesis needs to go on; search reorders it without looking inside."""

    cells: tuple[CellState, ...]
    context: Tensor  # (B,K,D)
    attention: Any  # the mechanism's state


class AttentionDecoder(nn.Module):
    """The next token's logits from the tokens so far and the memory.

    Args:
        config: the decoder's section.
        attention: the mechanism; its query is a cell's hidden state.
        vocab_size: number of tokens (V).
        message_dim: size of the encoder's last state (E).

    Raises:
        ConfigError: unknown cell, or a start that does not fit the sizes.

    Source: Chorowski et al. 2015, section 2.1; input feeding as in Luong et al. 2015, section 3.3;
    attention before the cells as in Bahdanau et al. 2015 (arXiv 1409.0473), section 3.1;
    peeking as in Cho et al. 2014 (arXiv 1406.1078), section 2.2.
    """

    def __init__(
        self, config: DecoderConfig, attention: Attention, *, vocab_size: int, message_dim: int
    ) -> None:
        super().__init__()
        if config.cell not in CELLS:
            raise ConfigError(f'decoder.cell = "{config.cell}": unknown; known: {", ".join(CELLS)}')
        self.config, self.attention = config, attention
        self.embedding = nn.Embedding(vocab_size, config.embedding_dim)
        cell, hidden_dim, context_dim = CELLS[config.cell], config.hidden_dim, attention.context_dim
        self.state_type = cell.state_type
        self.cells = nn.ModuleList(
            cell(hidden_dim, bias=config.recurrent_bias) for _ in range(config.num_layers)
        )
        input_dims = [config.embedding_dim] + [hidden_dim] * (config.num_layers - 1)
        self.inputs = nn.ModuleList(
            cell.input_projection(input_dim, hidden_dim) for input_dim in input_dims
        )
        gates_dim = cell.num_gates * hidden_dim
        feeds = config.input_feeding and context_dim > 0
        self.context_input = gates_of(context_dim, gates_dim, hidden_dim) if feeds else None
        self.peek_input = gates_of(message_dim, gates_dim, hidden_dim) if config.peeky else None
        self.start = STARTS[config.start](
            message_dim,
            hidden_dim,
            num_layers=config.num_layers,
            num_parts=len(cell.state_type._fields),
        )
        self.dropout = nn.Dropout(config.dropout)
        readout_dim = hidden_dim + (context_dim if config.context_output else 0)
        readout_dim += message_dim if config.peeky else 0
        self.readout = SharedLinear(readout_dim, hidden_dim) if config.readout != "none" else None
        self.output = SharedLinear(readout_dim if self.readout is None else hidden_dim, vocab_size)

    def prepare(self, values: Tensor, lengths: Tensor, message: Message) -> DecoderMemory:
        """Returns the memory of values (B,T,D) with lengths (B,), and the encoder's message."""
        return DecoderMemory(self.attention.prepare(values, lengths), message)

    def initial_state(self, memory: DecoderMemory, num_hypotheses: int) -> DecoderState:
        """Returns the state before BOS, with K = num_hypotheses rows an utterance."""
        starts = self.start(memory.message)  # (B, layers, parts, H)
        starts = starts[:, None].expand(-1, num_hypotheses, -1, -1, -1)
        cells = tuple(self.state_type(*layer.unbind(dim=2)) for layer in starts.unbind(dim=2))
        attention = self.attention.initial_state(memory.attention, num_hypotheses)
        shape = (starts.size(0), num_hypotheses, self.attention.context_dim)
        return DecoderState(cells, starts.new_zeros(shape), attention)

    def step(
        self,
        tokens: Tensor,
        memory: DecoderMemory,
        state: DecoderState,
        prior: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """Returns logits (B,K,V), alignment (B,K,T) and the next state after tokens (B,K)."""
        embedded = self.embed(tokens, memory)
        features, alignment, state = self.advance(embedded, memory, state, prior)
        return self.logits(features, memory), alignment, state

    def forward(
        self,
        tokens: Tensor,
        memory: DecoderMemory,
        *,
        teacher_ratio: float = 1.0,
        prior: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Returns logits (B,U,V) and alignments (B,U,T) under teacher forcing.

        It loops over the parts of `step`; what needs no recurrence (the tokens' part of the gates
        before it, the output layer after it) is done for all steps at once. Where it can, the loop
        is one function of autograd: `attention/taught.py`.

        Args:
            tokens: (B,U) BOS and then the reference; any token on padding.
            memory: from `prepare`.
            teacher_ratio: below 1: see `scheduled_sampling.py`.
            prior: (B,U,T) added to the energies of each step, if given.

        Source: Williams and Zipser 1989.
        """
        priors = [None] * tokens.size(1) if prior is None else prior.split(1, dim=1)
        with shared_products():
            state = self.initial_state(memory, 1)
            if teacher_ratio < 1.0:
                step = partial(self.step, memory=memory)
                return sample_tokens(
                    step, state, tokens, teacher_ratio=teacher_ratio, priors=priors
                )
            gates = self.embed(tokens, memory)
            if (taught := Taught.of(self, memory.attention, prior)) is not None:
                features, alignments = run_as_one(taught, gates, state, prior=prior)
            else:
                found = []
                for embedded, step_prior in zip(gates.split(1, dim=1), priors, strict=True):
                    *parts, state = self.advance(embedded, memory, state, step_prior)
                    found.append(parts)
                features, alignments = (torch.cat(each, dim=1) for each in zip(*found, strict=True))
        return self.logits(features, memory), alignments

    def embed(self, tokens: Tensor, memory: DecoderMemory) -> Tensor:
        """Returns the tokens' and the message's part (B,K,G) of the first cell's gates."""
        if self.training:
            gates = self.inputs[0](self.dropout(self.embedding(tokens)))
        else:
            gates = look_up(tokens, self.embedding.weight, self.inputs[0])
        if self.peek_input is not None:
            gates = gates + self.peek_input(memory.message[0])[:, None]
        return gates

    def advance(
        self,
        embedded: Tensor,
        memory: DecoderMemory,
        state: DecoderState,
        prior: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """Returns [query, context] (B,K,H+D), alignment (B,K,T) and the next state.

        Without `context_output` it is the query (B,K,H) alone.
        """
        look = partial(self.attention, memory=memory.attention, state=state.attention, prior=prior)
        looks_first = self.config.attends == "before"
        found: Any = look(state.cells[0].hidden) if looks_first else (state.context,)
        gates = embedded
        if self.context_input is not None:
            gates = gates + self.context_input(found[0])
        cells = [self.cells[0](gates, state.cells[0])]
        for cell, project, before in zip(
            self.cells[1:], self.inputs[1:], state.cells[1:], strict=True
        ):
            cells.append(cell(project(self.dropout(cells[-1].hidden)), before))
        query = cells[-1].hidden
        context, alignment, attention = found if looks_first else look(query)
        state = DecoderState(tuple(cells), context, attention)
        features = torch.cat([query, context], dim=-1) if self.config.context_output else query
        return features, alignment, state

    def logits(self, features: Tensor, memory: DecoderMemory) -> Tensor:
        """Returns logits (B,U,V) of the features (B,U,F) that `advance` gives."""
        if self.peek_input is not None:
            message = memory.message[0][:, None].expand(-1, features.size(1), -1)
            features = torch.cat([features, message], dim=-1)
        hidden = self.dropout(features)
        if self.readout is not None:
            hidden = self.readout(hidden)
            hidden = self.dropout(hidden.tanh() if self.config.readout == "tanh" else hidden)
        return self.output(hidden)

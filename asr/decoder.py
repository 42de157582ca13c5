"""The attention decoder: one step, and teacher forcing as a loop over it.

token (B,K) -> embedding --+--> recurrent cells -> query -> attention -> context
last context (B,K,D) ------+                         |                      |
                                                     +--> readout <---------+ --> logits (B,K,V)
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from asr.attention import Attention, AttentionState, Memory
from asr.config import DecoderConfig
from asr.errors import ConfigError
from asr.rnn import CELLS, CellState, initialize_gates


class DecoderState(NamedTuple):
    """All that one hypothesis needs to go on; search reorders it without looking inside."""

    cells: tuple[CellState, ...]
    context: Tensor  # (B,K,D)
    attention: AttentionState


class AttentionDecoder(nn.Module):
    """The next token's logits from the tokens so far and the memory.

    Args:
        config: the decoder's section.
        attention: the mechanism; its query is the last layer's hidden state.
        vocab_size: number of tokens (V).

    Raises:
        ConfigError: unknown cell.

    Source: Chorowski et al. 2015, section 2.1; input feeding as in Luong et al. 2015, section 3.3.
    """

    def __init__(self, config: DecoderConfig, attention: Attention, *, vocab_size: int) -> None:
        super().__init__()
        if config.cell not in CELLS:
            raise ConfigError(f'decoder.cell = "{config.cell}": unknown; known: {", ".join(CELLS)}')
        self.attention = attention
        self.hidden_dim = config.hidden_dim
        self.embedding = nn.Embedding(vocab_size, config.embedding_dim)
        cell, value_dim = CELLS[config.cell], attention.value_dim
        self.cells = nn.ModuleList(cell(config.hidden_dim) for _ in range(config.num_layers))
        input_dims = [config.embedding_dim] + [config.hidden_dim] * (config.num_layers - 1)
        self.inputs = nn.ModuleList(
            cell.input_projection(input_dim, config.hidden_dim) for input_dim in input_dims
        )
        self.context_input: nn.Linear | None = None
        if config.input_feeding:
            self.context_input = nn.Linear(
                value_dim, cell.num_gates * config.hidden_dim, bias=False
            )
            initialize_gates(self.context_input.weight, config.hidden_dim, nn.init.xavier_uniform_)
        self.dropout = nn.Dropout(config.dropout)
        self.readout = nn.Linear(config.hidden_dim + value_dim, config.hidden_dim)
        self.output = nn.Linear(config.hidden_dim, vocab_size)

    def initial_state(self, memory: Memory, num_hypotheses: int) -> DecoderState:
        """Returns the state before BOS, with K = num_hypotheses rows an utterance: zeros."""
        values = memory.values
        zeros = values.new_zeros(values.size(0), num_hypotheses, self.hidden_dim)
        context = values.new_zeros(values.size(0), num_hypotheses, values.size(2))
        cells = tuple(CellState(zeros, zeros) for _ in self.cells)
        return DecoderState(cells, context, self.attention.initial_state(memory, num_hypotheses))

    def step(
        self, tokens: Tensor, memory: Memory, state: DecoderState
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """Returns logits (B,K,V), alignment (B,K,T) and the next state after tokens (B,K)."""
        features, alignment, state = self.advance(self.embed(tokens), memory, state)
        return self.logits(features), alignment, state

    def forward(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Returns logits (B,U,V) and alignments (B,U,T) under teacher forcing.

        It loops over the parts of `step`; what needs no recurrence (the tokens' part of the gates
        before it, the output layer after it) is done for all steps at once.

        Args:
            tokens: (B,U) BOS and then the reference; any token on padding.
            memory: from the attention's `prepare`.
        """
        state = self.initial_state(memory, 1)
        features, alignments = [], []
        for embedded in self.embed(tokens).split(1, dim=1):
            feature, alignment, state = self.advance(embedded, memory, state)
            features.append(feature)
            alignments.append(alignment)
        return self.logits(torch.cat(features, dim=1)), torch.cat(alignments, dim=1)

    def embed(self, tokens: Tensor) -> Tensor:
        """Returns the tokens' part (B,K,G) of the first cell's gates, for tokens (B,K)."""
        return self.inputs[0](self.dropout(self.embedding(tokens)))

    def advance(
        self, embedded: Tensor, memory: Memory, state: DecoderState
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """Returns [query, context] (B,K,H+D), alignment (B,K,T) and the next state."""
        gates = embedded
        if self.context_input is not None:
            gates = gates + self.context_input(state.context)
        cells = [self.cells[0](gates, state.cells[0])]
        for cell, project, before in zip(
            self.cells[1:], self.inputs[1:], state.cells[1:], strict=True
        ):
            cells.append(cell(project(self.dropout(cells[-1].hidden)), before))
        query = cells[-1].hidden
        context, alignment, attention = self.attention(query, memory, state.attention)
        state = DecoderState(tuple(cells), context, attention)
        return torch.cat([query, context], dim=-1), alignment, state

    def logits(self, features: Tensor) -> Tensor:
        """Returns logits (...,V) of [query, context] (...,H+D)."""
        hidden = self.readout(self.dropout(features)).tanh()
        return self.output(self.dropout(hidden))

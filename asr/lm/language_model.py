"""The recurrent language model: it says what token comes next, and is a scorer of search.

    tokens (B,T) -> embedding (B,T,E) -> recurrent layers (B,T,H) -> projection (B,T,E)
                                           with states (B,H)              |
                          logits (B,T,V) <- the embedding's own weights <-+

With dense layers in place of the projection, the output layer has weights of its own.
The text is one long stream, whose state goes from one segment to the next; see `asr/lm/train.py`.
Search takes one step for K hypotheses of each of B utterances, with states (B,K,H).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from asr.errors import ConfigError, DataError
from asr.lm.ngram import LMMemory
from asr.rnn import LAYERS, initialize_recurrent
from asr.scorers import LOG_ZERO, Scorer
from asr.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

LMState = tuple[tuple[Tensor, ...], ...]  # of each layer: (hidden,), or (hidden, cell) of an LSTM
EMBEDDING_STD = 0.5  # chosen on a dev text; a quarter of it, usual for tied weights, learns slower
NEVER = (PAD, BOS)  # no token is followed by these; BLANK is PAD
MOST_TEXTS = 10_000  # drawn side by side
HIGHEST_TEMPERATURE = 100.0  # all tokens are as good as equally likely there
LARGEST_SEED = 2**63 - 1


class RecurrentLM(nn.Module):
    """A recurrent language model whose output layer shares the embedding's weights, or has its own.

    Args:
        vocab_size: number of tokens (V), special ones included.
        cell: a name in `LAYERS`.
        embedding_dim: E; where it is not H, a projection leads back to it.
        hidden_dim: size of each layer's state (H).
        num_layers: recurrent layers.
        dropout: of the embedding and of each layer's output, never on the way from step to step.
        dense_dims: sizes of layers, each with layer norm and a leaky ReLU, between the recurrent
            ones and an output layer with weights of its own.
        tied: without dense layers: whether the output layer has the embedding's weights.

    Raises:
        ConfigError: unknown cell.

    Source: Mikolov et al. 2010 (recurrent language model); Zaremba et al. 2014, arXiv 1409.2329
    (where dropout goes); Press and Wolf 2017, arXiv 1608.05859 (tied weights; the projection here
    is linear and not regularised).
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        cell: str = "lstm",
        embedding_dim: int = 128,
        hidden_dim: int = 512,
        num_layers: int = 2,
        dropout: float = 0.0,
        dense_dims: Sequence[int] = (),
        tied: bool = True,
    ) -> None:
        super().__init__()
        if cell not in LAYERS:
            raise ConfigError(f'model.cell = "{cell}": unknown; known: {", ".join(LAYERS)}')
        self.hidden_dim = hidden_dim
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)
        sizes = [embedding_dim, *[hidden_dim] * (num_layers - 1)]
        layers = [LAYERS[cell](size, hidden_dim, batch_first=True) for size in sizes]
        for layer in layers:
            initialize_recurrent(layer)
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(dropout)
        self.projection: nn.Module = nn.Identity()
        self.output_weight: nn.Parameter | None = None
        if dense_dims:
            sizes = [hidden_dim, *dense_dims]
            layers_between = [_dense(size, after, dropout) for size, after in pairwise(sizes)]
            self.projection = nn.Sequential(*layers_between)
        elif tied and hidden_dim != embedding_dim:
            self.projection = nn.Linear(hidden_dim, embedding_dim, bias=False)
        if dense_dims or not tied:
            last_dim = dense_dims[-1] if dense_dims else hidden_dim
            self.output_weight = nn.Parameter(torch.empty(vocab_size, last_dim))
            nn.init.xavier_uniform_(self.output_weight)
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, tokens: Tensor, state: LMState) -> tuple[Tensor, LMState]:
        """Returns logits (B,T,V) of what follows each token, and the state after the last.

        Args:
            tokens: (B,T), each row the continuation of what its state has read.
            state: of each layer tensors (B,H), as `zero_state` or this method gives them.
        """
        frames = self.dropout(self.embedding(tokens))  # (B,T,E)
        after = []
        for layer, parts in zip(self.layers, state, strict=True):
            frames, parts = run_layer(layer, frames, parts)
            frames = self.dropout(frames)  # (B,T,H)
            after.append(parts)
        bias = fill_never(self.bias)
        weight = self.embedding.weight if self.output_weight is None else self.output_weight
        logits = functional.linear(self.projection(frames), weight, bias)
        return logits, tuple(after)

    def zero_state(self, *shape: int) -> LMState:
        """Returns the state before anything was read, of tensors (*shape,H)."""
        zero = self.bias.new_zeros(*shape, self.hidden_dim)
        return tuple((zero, zero) if isinstance(x, nn.LSTM) else (zero,) for x in self.layers)

    def initial_state(self, memory: LMMemory, num_hypotheses: int) -> LMState:
        """Returns the state before BOS, of tensors (B,K,H)."""
        return self.zero_state(memory.rows.size(0), num_hypotheses)

    def step(self, tokens: Tensor, memory: LMMemory, state: LMState) -> tuple[Tensor, LMState]:
        """Returns log probabilities (B,K,V) of what follows tokens (B,K), and the next state."""
        flat = tuple(tuple(part.flatten(0, 1) for part in parts) for parts in state)
        logits, after = self(tokens.reshape(-1, 1), flat)  # (B*K,1,V)
        log_probs = to_log_probs(logits).view(*tokens.shape, -1)
        return log_probs, tuple(
            tuple(part.view(*tokens.shape, -1) for part in parts) for parts in after
        )

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Returns every parameter, under the name of the part that it belongs to."""
        named = {"embedding": list(self.embedding.parameters())}
        for number, layer in enumerate(self.layers, start=1):
            named[f"layer{number}"] = list(layer.parameters())
        own = [] if self.output_weight is None else [self.output_weight]
        return {**named, "output": [*self.projection.parameters(), *own, self.bias]}


def _dense(input_dim: int, output_dim: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(input_dim, output_dim),
        nn.LayerNorm(output_dim),
        nn.LeakyReLU(),
        nn.Dropout(dropout),
    )


def run_layer(
    layer: nn.Module, frames: Tensor, parts: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Returns the outputs (B,T,H) of one recurrent layer, and its state, of tensors (B,H)."""
    before = tuple(part[None].contiguous() for part in parts)  # (1,B,H)
    outputs, after = layer(frames, before if len(before) > 1 else before[0])
    after = after if isinstance(after, tuple) else (after,)
    return outputs, tuple(part[0] for part in after)


def to_log_probs(logits: Tensor) -> Tensor:
    """Returns log probabilities (...,V) float32 of logits; `LOG_ZERO` for what never comes."""
    return fill_never(logits.float().log_softmax(dim=-1))


def fill_never(scores: Tensor) -> Tensor:
    """Returns scores (...,V) with `LOG_ZERO` for what never comes, whose probability is then 0."""
    never = torch.zeros(scores.size(-1), dtype=torch.bool, device=scores.device)
    never[list(NEVER)] = True
    return scores.masked_fill(never, LOG_ZERO)


@dataclass(frozen=True)
class LanguageModel:
    """A language model with what it needs to read and write text."""

    scorer: Scorer  # recurrent or n-gram; its memory is `memory`
    tokenizer: Tokenizer
    kind: str  # rnn, ngram, or words: an n-gram model over words
    device: torch.device | str = "cpu"
    notices: tuple[str, ...] = ()  # what a user may not expect of its folder, a sentence each

    def memory(self, num_rows: int) -> LMMemory:
        """Returns what the scorer takes for memory of so many utterances."""
        return LMMemory(torch.arange(num_rows, device=self.device))


@torch.inference_mode()
def sample(
    model: LanguageModel,
    prompt: str = "",
    *,
    num: int = 1,
    temperature: float = 1.0,
    max_tokens: int = 200,
    seed: int = 0,
) -> list[str]:
    """Returns texts drawn token by token, each until EOS or so many tokens, the prompt before it.

    UNK is never drawn, since nobody can read it.

    Args:
        model: what is drawn from.
        prompt: how every text begins; it is normalised first.
        num: how many texts, 1 to 10,000.
        temperature: divides log probabilities, 0 to 100; 0: the best token each time.
        max_tokens: most tokens drawn for a text.
        seed: the same seed, the same texts; 0 to 2**63 - 1.

    Raises:
        ConfigError: num, temperature or seed is out of range.
        DataError: the prompt holds what the tokenizer cannot spell.
    """
    _check_range("num", num, 1, highest=MOST_TEXTS)
    _check_range("temperature", temperature, 0.0, highest=HIGHEST_TEMPERATURE)
    _check_range("seed", seed, 0, highest=LARGEST_SEED)
    generator = torch.Generator().manual_seed(seed)
    memory = model.memory(1)
    drawn, state = _read_prompt(model, prompt, num)
    ended = torch.zeros(num, dtype=torch.bool)
    for _ in range(max_tokens):
        log_probs, state = model.scorer.step(drawn[None, :, -1].to(model.device), memory, state)
        token = draw(log_probs[0].cpu(), temperature, generator)
        drawn = torch.cat([drawn, token.masked_fill(ended, PAD)[:, None]], dim=1)
        ended |= token == EOS
        if bool(ended.all()):
            break
    return [model.tokenizer.decode(row) for row in drawn.tolist()]


def draw(log_probs: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """Returns a token (K,) drawn for each row of log probabilities (K,V), never PAD, BOS or UNK."""
    log_probs = log_probs.double().index_fill(-1, torch.tensor([*NEVER, UNK]), -math.inf)
    if temperature == 0:
        return log_probs.argmax(dim=-1)
    # The best is 0 before the division, which then cannot make all of them infinite.
    log_probs = log_probs - log_probs.amax(dim=-1, keepdim=True)
    probs = (log_probs / temperature).softmax(dim=-1)
    return torch.multinomial(probs, 1, generator=generator)[:, 0]


def _read_prompt(model: LanguageModel, prompt: str, num: int) -> tuple[Tensor, Any]:
    """Returns BOS and the prompt (K,L) for so many texts, and the state before the last token.

    Raises:
        DataError: the prompt holds what the tokenizer cannot spell.
    """
    prompted = model.tokenizer.encode(model.tokenizer.normalize(prompt))
    if UNK in prompted:
        raise DataError(
            f'prompt "{prompt}": holds a character that the tokenizer does not know; leave it out'
        )
    memory = model.memory(1)
    state = model.scorer.initial_state(memory, num)
    begun = torch.tensor([[BOS, *prompted]]).repeat(num, 1)  # on the CPU, as what draws
    for token in begun[:, :-1].unbind(dim=1):
        _, state = model.scorer.step(token[None].to(model.device), memory, state)
    return begun, state


def _check_range(name: str, value: float, lowest: float, *, highest: float) -> None:
    if not lowest <= value <= highest:  # NaN is not either
        raise ConfigError(
            f"{name} = {value}: must be {lowest} to {highest}; give a value in that range"
        )

"""The work that every recognizer is timed on, and how many operations it takes at least.

The shapes are those of a base model on a batch of short utterances: 16 of them, 150 to 250 frames
of 320 values (80 mels, four frames stacked), 3 BLSTM layers of 512 a direction, an LSTM decoder
of 512 with location-aware attention, 1000 tokens, 40 tokens an utterance.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

FIGURES = ("train_step", "encode", "greedy", "beam10")
BEAM_SIZE = 10


@dataclass(frozen=True)
class Shapes:
    """Sizes of the work; frames are memory frames."""

    num_utterances: int = 16
    num_frames: int = 250
    fewest_frames: int = 150
    frame_dim: int = 320
    hidden_dim: int = 512  # of each direction, of the decoder, and of the attention
    num_layers: int = 3
    num_filters: int = 10
    filter_width: int = 201
    vocab_size: int = 1000
    num_tokens: int = 40


def make_batch(shapes: Shapes) -> tuple[Tensor, Tensor, Tensor]:
    """Returns frames (B,T,I), lengths (B,) from longest to shortest, and tokens (B,U)."""
    random = torch.Generator().manual_seed(0)
    size = (shapes.num_utterances, shapes.num_frames, shapes.frame_dim)
    frames = torch.randn(size, generator=random)
    lengths = torch.linspace(shapes.num_frames, shapes.fewest_frames, size[0]).long()
    # The first tokens and the last one are special, in one toolkit or another.
    tokens = torch.randint(4, shapes.vocab_size - 1, (size[0], shapes.num_tokens), generator=random)
    return frames, lengths, tokens


def encoder_operations(shapes: Shapes) -> float:
    """Returns the multiplications and additions of the encoder's matrix products, forward.

    Each direction of each layer multiplies an input (I) and a state (H) by 4 H columns, once a
    frame. Padding is not counted: it need not be computed.
    """
    _, lengths, _ = make_batch(shapes)
    hidden = shapes.hidden_dim
    products = 0
    for layer in range(shapes.num_layers):
        input_dim = shapes.frame_dim if layer == 0 else 2 * hidden
        products += 2 * (input_dim + hidden) * 4 * hidden
    return 2.0 * products * int(lengths.sum())


def decoder_operations(shapes: Shapes, *, num_hypotheses: int, num_steps: int) -> float:
    """Returns the operations of the decoder's matrix products, forward, for all utterances.

    A step of one hypothesis: the cell reads an embedding, a context and its state; the attention
    projects the query, convolves and projects the last alignment, weighs the hidden layer, and
    sums the memory; the output layer reads state and context. Keys are projected once.
    """
    _, lengths, _ = make_batch(shapes)
    hidden, memory_dim = shapes.hidden_dim, 2 * shapes.hidden_dim
    frames = int(lengths.sum())
    a_frame = (
        shapes.num_filters * (shapes.filter_width + hidden)  # location features
        + hidden  # the energy
        + memory_dim  # the context
    )
    a_step = (
        (hidden + memory_dim + hidden) * 4 * hidden  # the cell
        + hidden * hidden  # the query
        + (hidden + memory_dim) * shapes.vocab_size  # the output
    )
    products = num_hypotheses * num_steps * (a_frame * frames + a_step * shapes.num_utterances)
    return 2.0 * (products + frames * memory_dim * hidden)


def operations(shapes: Shapes) -> dict[str, float]:
    """Returns the operations of each figure; a backward pass takes twice those of a forward one."""
    encode = encoder_operations(shapes)
    steps = shapes.num_tokens
    teacher = decoder_operations(shapes, num_hypotheses=1, num_steps=steps + 1)
    return {
        "train_step": 3 * (encode + teacher),
        "encode": encode,
        "greedy": decoder_operations(shapes, num_hypotheses=1, num_steps=steps),
        "beam10": decoder_operations(shapes, num_hypotheses=BEAM_SIZE, num_steps=steps),
    }

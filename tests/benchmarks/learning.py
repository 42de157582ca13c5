"""How long a training takes to an error rate, with our modules and with SpeechBrain's in one loop.

    .venv-peers/learning/bin/python tests/benchmarks/learning.py ours quickstart --out DIR \
        --set data.train=TRAIN --set data.dev=DEV [--until 0.02]
    (the same with `speechbrain` instead of `ours`, and `--parts decoder` for that part alone)

`make .venv-peers/learning/installed` makes that environment. The loop, the data, their order, the
features, subsampling, losses, optimizer and the search of the dev set are this project's in both.
SpeechBrain's are the recurrent stack, the embedding, the attention decoder and the output layer,
with their own initial weights, in the sizes of the configuration and without parts that they do not
have (projections between layers). Prints a line an epoch, then one of JSON: the epochs and the
seconds of training, dev sets apart, until the dev set's CER was first at or below `--until`: by the
clock, and of this process on the processor, which other work beside it hardly changes.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import asr.train
import asr.training.experiment
from asr.build import build_model
from asr.config import Config, load_config
from asr.decoder_start import Message
from asr.encoder import Encoded
from asr.errors import AsrError
from asr.features import frame_mask
from asr.model import Seq2Seq
from asr.presets import find_configuration
from asr.text.tokenizer import Tokenizer
from asr.training.experiment import Run
from asr.training.progress import RecognizerProgress
from asr.training.session import Session

PARTS = ("encoder", "decoder")


class PeerMemory(NamedTuple):
    """What the peer's decoder reads."""

    values: Tensor  # (B,T,D)
    lengths: Tensor  # (B,)
    keys: Tensor  # (B,T,A)
    message: Message


class PeerState(NamedTuple):
    """Between two of its steps."""

    hidden: Tensor  # (B,K,H)
    cell: Tensor  # (B,K,H)
    context: Tensor  # (B,K,C)
    alignment: Tensor  # (B,K,T)


class PeerEncoder(nn.Module):
    """Our subsampling under SpeechBrain's bidirectional LSTM."""

    def __init__(self, ours: Any, config: Config) -> None:
        from speechbrain.nnet.RNN import LSTM

        super().__init__()
        self.subsampling, self.norm = ours.subsampling, ours.norm
        self.output_lengths = ours.output_lengths
        self.lstm = LSTM(
            hidden_size=config.encoder.hidden_dim,
            input_size=ours.subsampling.output_dim,
            num_layers=config.encoder.num_layers,
            bidirectional=True,
            dropout=config.encoder.dropout,
        )
        self.dropout = nn.Dropout(config.encoder.dropout)
        self.output_dim = self.message_dim = 2 * config.encoder.hidden_dim

    def forward(self, features: Tensor, lengths: Tensor) -> Encoded:
        """Returns values (B,T',D) and lengths (B,); nobody reads the message."""
        hidden = self.norm(self.subsampling(features, lengths))
        lengths = self.subsampling.output_lengths(lengths)
        values, _ = self.lstm(hidden, lengths=lengths / hidden.size(1))
        values = nn.functional.pad(values, (0, 0, 0, hidden.size(1) - values.size(1)))
        values = self.dropout(values) * frame_mask(lengths, values.size(1))[..., None]
        return Encoded(values, lengths, (values[:, 0],))


class PeerDecoder(nn.Module):
    """SpeechBrain's decoder behind this project's `step`, for the search of the dev set."""

    def __init__(self, config: Config, *, vocab_size: int, value_dim: int) -> None:
        from speechbrain.nnet.linear import Linear
        from speechbrain.nnet.RNN import AttentionalRNNDecoder

        super().__init__()
        sizes, options = config.decoder, config.attention.options
        self.attention = SimpleNamespace(has_alignment=True)  # as what draws it asks
        self.embedding = nn.Embedding(vocab_size, sizes.embedding_dim)
        self.decoder = AttentionalRNNDecoder(
            "lstm",
            "location",
            sizes.hidden_dim,
            options["dim"],
            1,
            value_dim,
            sizes.embedding_dim,
            channels=options["num_filters"],
            kernel_size=options["filter_width"] // 2,
            dropout=sizes.dropout,
        )
        self.output = Linear(n_neurons=vocab_size, input_size=sizes.hidden_dim)
        self.dropout = nn.Dropout(sizes.dropout)

    def prepare(self, values: Tensor, lengths: Tensor, message: Message) -> PeerMemory:
        """Returns the memory, its keys projected once."""
        return PeerMemory(values, lengths, self.decoder.attn.mlp_enc(values), message)

    def forward(self, tokens: Tensor, memory: PeerMemory, **_: Any) -> tuple[Tensor, Tensor]:
        """Returns logits (B,U,V) and alignments (B,U,T) by the peer's own loop."""
        embedded = self.dropout(self.embedding(tokens))
        shares = memory.lengths / memory.values.size(1)
        features, alignments = self.decoder(embedded, memory.values, shares)
        return self.output(features), alignments

    def initial_state(self, memory: PeerMemory, num_hypotheses: int) -> PeerState:
        """Returns the state before BOS: attention is even over the real frames."""
        num_rows, num_frames = memory.values.shape[:2]
        zeros = memory.values.new_zeros(num_rows, num_hypotheses, self.decoder.hidden_size)
        context = memory.values.new_zeros(num_rows, num_hypotheses, self.decoder.attn_dim)
        even = frame_mask(memory.lengths, num_frames) / memory.lengths[:, None]
        return PeerState(zeros, zeros, context, even[:, None].expand(-1, num_hypotheses, -1))

    def step(
        self, tokens: Tensor, memory: PeerMemory, state: PeerState, _: Any = None
    ) -> tuple[Tensor, Tensor, PeerState]:
        """Returns logits (B,1,V), alignment (B,1,T) and the next state, of one hypothesis each."""
        attention = self.decoder.attn
        attention.precomputed_enc_h, attention.prev_attn = memory.keys, state.alignment[:, 0]
        attention.mask = frame_mask(memory.lengths, memory.values.size(1))
        before = (state.hidden[None, :, 0].contiguous(), state.cell[None, :, 0].contiguous())
        features, after, context, alignment = self.decoder.forward_step(
            self.embedding(tokens[:, 0]), before, state.context[:, 0], memory.values, memory.lengths
        )
        hidden, cell = (part[0][:, None] for part in after)
        state = PeerState(hidden, cell, context[:, None], alignment[:, None])
        return self.output(features)[:, None], alignment[:, None], state


def build_peer(
    config: Config,
    vocab_size: int,
    *,
    tokenizer: Tokenizer | None = None,
    empty: bool = False,
    parts: Sequence[str] = PARTS,
) -> Seq2Seq:
    """Returns our model with SpeechBrain's modules for the parts named."""
    if "encoder" in parts:  # theirs has no projections, and ours is then as wide
        unprojected = config.encoder.model_copy(update={"projection_dim": None})
        config = config.model_copy(update={"encoder": unprojected})
    model = build_model(config, vocab_size, tokenizer=tokenizer, empty=empty)
    if empty:
        return model
    if "encoder" in parts:
        model.encoder = PeerEncoder(model.encoder, config)
    if "decoder" in parts:
        value_dim = model.encoder.output_dim
        model.decoder = PeerDecoder(config, vocab_size=vocab_size, value_dim=value_dim)
    return model


class Watch:
    """Times epochs, dev sets apart, and ends the training at an error rate."""

    def __init__(self, until: float) -> None:
        self.until, self.seconds, self.cpu_seconds, self.reached = until, 0.0, 0.0, False
        self.epochs: list[dict[str, float]] = []

    def train_epoch(self, run: Run, progress: RecognizerProgress, session: Session) -> None:
        """As `asr.train.train_epoch`, timed."""
        started, cpu_started = time.perf_counter(), time.process_time()
        _TRAIN_EPOCH(run, progress, session)
        self.seconds += time.perf_counter() - started
        self.cpu_seconds += time.process_time() - cpu_started

    def is_over(self, progress: RecognizerProgress, config: Any) -> bool:
        """As `asr.train.is_over`, or sooner."""
        if len(progress.history) > len(self.epochs):
            row = progress.history[-1]
            took = {"s": self.seconds, "cpu_s": self.cpu_seconds}
            self.epochs.append({**{k: row[k] for k in ("dev_cer", "dev_ctc_cer")}, **took})
            print(json.dumps({"epoch": row["epoch"], **self.epochs[-1]}), flush=True)
            self.reached = row["dev_cer"] <= self.until
        return self.reached or _IS_OVER(progress, config)


_TRAIN_EPOCH, _IS_OVER = asr.train.train_epoch, asr.train.is_over


def main() -> None:
    """Trains once and prints how long it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("toolkit", choices=["ours", "speechbrain"])
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--until", type=float, default=0.02)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        help="of speechbrain: those that are its own",
    )
    arguments = parser.parse_args()
    watch = Watch(arguments.until)
    asr.train.train_epoch, asr.train.is_over = watch.train_epoch, watch.is_over
    is_peer = arguments.toolkit == "speechbrain"
    if is_peer:
        asr.training.experiment.build_model = partial(build_peer, parts=arguments.parts)
    settings = ["search.beam_size=1", *arguments.set]  # as the peer's decoder steps here
    asr.train.train(load_config(find_configuration(arguments.config), settings), arguments.out)
    found = {
        "toolkit": arguments.toolkit,
        "parts": arguments.parts if is_peer else [],
        "set": arguments.set,
        "reached": watch.reached,
        "epochs": len(watch.epochs),
    }
    took = {"seconds": round(watch.seconds, 1), "cpu_seconds": round(watch.cpu_seconds, 1)}
    print(json.dumps({**found, **took, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    try:
        main()
    except AsrError as error:
        sys.exit(f"learning.py: {error}")

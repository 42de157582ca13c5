"""What each piece of `asr/fast` brings: the four figures with everything, and without one piece.

    python tests/benchmarks/fast_pieces.py [--models small base] [--rounds 5] [--threads 2]

Everything runs in one process. In a round all variants take their turn at a figure, each round in
another order. A ratio is the median (and quartiles) over rounds of the time without the piece to
the time with it: 1.10 says that without it the same work takes a tenth longer. Compare ratios of
one run, never seconds of two. Both models take about ten minutes on two quiet cores.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from recognizers import Ours
from torch import Tensor, nn
from worker import figures_of, seconds_of
from workload import BEAM_SIZE, FIGURES, Shapes

from asr.fast.switches import PIECES, without

ALL = "all"  # the variant that leaves out nothing
SMALL_ROUNDS = 3  # of the small model, for each of the base model: its times are short
QUICKSTART = Path(__file__).parents[2] / "egs/quickstart/conf/default.yaml"
Times = dict[str, dict[str, list[float]]]  # seconds by figure and variant, round by round


class Quickstart:
    """The quickstart's model on features of as many utterances as its batches hold."""

    def __init__(self, shapes: Shapes) -> None:
        from asr.build import build_model
        from asr.config import load_config
        from asr.loss import compute_losses
        from asr.model import Output
        from asr.recognition import scorers_of
        from asr.search import search
        from asr.text.tokenizer import BOS, EOS
        from asr.training.experiment import build_optimizer

        config = load_config(QUICKSTART, ["data.train=none", "data.dev=none"])
        network = build_model(config, shapes.vocab_size)
        with torch.no_grad():
            network.decoder.output.bias[EOS] = -1e4  # or an untrained model might end at once
        self.model: nn.Module = network
        self.optimizer = build_optimizer(network, config.train)
        self.encode = network.encoder

        def loss(features: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
            encoded = network.encoder(features, lengths)
            inputs = nn.functional.pad(tokens, (1, 0), value=BOS)
            logits, alignments = network.decoder(inputs, network.prepare(encoded))
            output = Output(logits, alignments, network.ctc(encoded.values), encoded.lengths)
            targets = nn.functional.pad(tokens, (0, 1), value=EOS)
            return compute_losses(
                output,
                targets,
                torch.full((len(tokens),), targets.size(1)),
                ctc_weight=config.loss.ctc_weight,
                label_smoothing=config.loss.label_smoothing,
                units=network.units,
            ).total

        def decode(encoded: Any, beam_size: int) -> Any:
            changes = {"beam_size": beam_size, "max_tokens": shapes.num_tokens}
            options = config.search.model_copy(
                update={**changes, "loop_repeats": shapes.num_tokens}
            )
            return search(scorers_of(network, encoded, options), encoded.lengths, options)

        self.loss, self.decode = loss, decode


# 16 utterances of 2 to 3.2 s, in feature frames, and the quickstart's characters.
SMALL = Shapes(num_frames=320, fewest_frames=200, frame_dim=80, vocab_size=32, num_tokens=45)
MODELS: dict[str, tuple[Callable[[], Any], Shapes]] = {
    "small": (lambda: Quickstart(SMALL), SMALL),
    "base": (lambda: Ours(Shapes(), torch.device("cpu")), Shapes()),
}


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--figures", nargs="+", choices=FIGURES, default=FIGURES)
    parser.add_argument("--pieces", nargs="+", choices=PIECES, default=list(PIECES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bfloat16", action="store_true", help="Autocast: `recurrence` needs it.")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    found = {}
    for model in arguments.models:
        torch.manual_seed(0)
        build, shapes = MODELS[model]
        work = figures_of(build(), shapes, beam_size=BEAM_SIZE, bfloat16=arguments.bfloat16)
        rounds = arguments.rounds * (SMALL_ROUNDS if model == "small" else 1)
        chosen = {figure: work[figure] for figure in arguments.figures}
        found[model] = measure(chosen, [ALL, *arguments.pieces], rounds)
    print_table(found, arguments.pieces)


def measure(work: dict[str, Callable[[], Any]], variants: Sequence[str], rounds: int) -> Times:
    """Returns the seconds of all rounds, after one that is not counted; variants take turns."""
    times: Times = {figure: {variant: [] for variant in variants} for figure in work}
    for figure, function in work.items():
        for number in range(rounds + 1):
            first = number % len(variants)
            for variant in [*variants[first:], *variants[:first]]:
                with ExitStack() as stack:
                    if variant != ALL:
                        stack.enter_context(without(variant))
                    taken = seconds_of(function, torch.device("cpu"))
                if number:
                    times[figure][variant].append(taken)
        print(f"measured: {figure}", file=sys.stderr, flush=True)
    return times


def print_table(found: dict[str, Times], pieces: Sequence[str]) -> None:
    """Prints seconds with everything, and for each piece the ratios without it to with it."""
    columns = [(model, figure) for model, times in found.items() for figure in times]
    print("| piece left out | " + " | ".join(f"{model} {figure}" for model, figure in columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    seconds = [f"{statistics.median(found[m][figure][ALL]):.3f} s" for m, figure in columns]
    print("| none | " + " | ".join(seconds) + " |")
    for piece in pieces:
        cells = [ratio(found[model][figure], piece) for model, figure in columns]
        print(f"| {PIECES[piece]} (`{piece}`) | " + " | ".join(cells) + " |")


def ratio(times: dict[str, list[float]], piece: str) -> str:
    """Returns the median, and the quartiles, of the rounds' ratios without a piece to with it."""
    ratios = [off / on for off, on in zip(times[piece], times[ALL], strict=True)]
    if len(ratios) < 2:
        return f"{ratios[0]:.2f}"
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


if __name__ == "__main__":
    main()

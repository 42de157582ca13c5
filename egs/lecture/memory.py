"""Section 1: a fixed-length message fails with length; attention does not. Two toy tasks."""

from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from section import Section, begin_section, new_figure, to_table, verdict
from torch import Tensor, nn
from torch.nn import functional

from asr.attention import build_attention
from asr.config import DecoderConfig, EncoderConfig, SearchConfig, TrainConfig
from asr.decoder import AttentionDecoder, DecoderMemory
from asr.encoder import Encoder
from asr.scorers import DecoderScorer, WeightedScorer
from asr.scoring.alignment import align
from asr.search import search
from asr.text.tokenizer import BOS, EOS, SPECIAL_TOKENS
from asr.training.schedules import learning_rate

SEED = 1
NUM_SYMBOLS = 10
HIDDEN_DIM = 64  # of the decoder, and of the encoder with both directions
BATCH_SIZE = 64
RATES = TrainConfig(learning_rate=5e-3, final_learning_rate=5e-5, warmup_steps=50)
CLIP_NORM = 1.0
PATIENCE = 3  # times the steps, for the fixed message's best chance
PATIENT = f"peeky, {PATIENCE} times the steps"


@dataclass(frozen=True)
class Variant:
    """What the decoder is told of the input."""

    attention: str = "none"
    start: str = "zeros"
    peeky: bool = False
    options: dict[str, Any] = field(default_factory=dict)


VARIANTS = {
    "basic": Variant(start="copy"),
    "bridge": Variant(start="bridge"),
    "peeky": Variant(start="bridge", peeky=True),
    "dot": Variant("dot"),
    "additive": Variant("additive", options={"dim": 64}),
    "location": Variant("location", options={"dim": 64, "num_filters": 4, "filter_width": 5}),
}
FIXED = [name for name, variant in VARIANTS.items() if variant.attention == "none"]
ATTENDING = [name for name in VARIANTS if name not in FIXED]


@dataclass(frozen=True)
class Plan:
    """How much is trained and tested."""

    tasks: tuple[str, ...] = ("reverse", "copy")
    steps: int = 800
    longest: int = 20  # in training; tested up to twice that
    tests_per_length: int = 40
    patient: bool = True


class Transducer(nn.Module):
    """An encoder and a decoder over symbols, one frame each."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.encoder = Encoder(
            EncoderConfig(
                subsampling="none",
                cell="gru",
                hidden_dim=HIDDEN_DIM // 2,
                num_layers=1,
                layer_norm=False,
                dropout=0.0,
            ),
            NUM_SYMBOLS,
        )
        attention = build_attention(
            variant.attention,
            variant.options,
            query_dim=HIDDEN_DIM,
            value_dim=self.encoder.output_dim,
        )
        config = DecoderConfig(
            cell="gru",
            embedding_dim=16,
            hidden_dim=HIDDEN_DIM,
            start=variant.start,
            peeky=variant.peeky,
            dropout=0.0,
        )
        self.decoder = AttentionDecoder(
            config,
            attention,
            vocab_size=len(SPECIAL_TOKENS) + NUM_SYMBOLS,
            message_dim=self.encoder.message_dim,
        )

    def prepare(self, symbols: Tensor) -> tuple[DecoderMemory, Tensor]:
        """Returns what the decoder reads of symbols (B,T), and their lengths (B,)."""
        frames = functional.one_hot(symbols, NUM_SYMBOLS).float()
        lengths = torch.full((symbols.size(0),), symbols.size(1))
        return self.decoder.prepare(*self.encoder(frames, lengths)), lengths

    def forward(self, symbols: Tensor, tokens: Tensor) -> Tensor:
        """Returns the loss of the right tokens (B,U) under teacher forcing."""
        memory, _ = self.prepare(symbols)
        logits, _ = self.decoder(functional.pad(tokens, (1, 0), value=BOS), memory)
        targets = functional.pad(tokens, (0, 1), value=EOS)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def answer(symbols: Tensor, task: str) -> Tensor:
    """Returns the right tokens (B,T) for symbols (B,T)."""
    tokens = symbols + len(SPECIAL_TOKENS)
    return tokens.flip(1) if task == "reverse" else tokens


def train(variant: Variant, task: str, *, steps: int, longest: int) -> tuple[Transducer, float]:
    """Returns a trained model and its loss over the last tenth of the steps."""
    torch.manual_seed(SEED)
    model = Transducer(variant)
    draw = partial(torch.randint, generator=torch.Generator().manual_seed(SEED))
    optimizer = torch.optim.Adam(model.parameters())
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(RATES, step, fraction=step / steps)
        length = int(draw(1, longest + 1, ()))
        symbols = draw(NUM_SYMBOLS, (BATCH_SIZE, length))
        loss = model(symbols, answer(symbols, task))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        losses.append(float(loss.detach()))
    last = losses[-max(1, steps // 10) :]
    return model.eval(), sum(last) / len(last)


def test(model: Transducer, task: str, plan: Plan) -> dict[int, tuple[int, int]]:
    """Returns errors and tokens by length, of greedy search on newly drawn symbols."""
    draw = partial(torch.randint, generator=torch.Generator().manual_seed(SEED + 1))
    counts = {}
    for length in range(1, 2 * plan.longest + 1):
        symbols = draw(NUM_SYMBOLS, (plan.tests_per_length, length))
        with torch.inference_mode():
            memory, lengths = model.prepare(symbols)
        scorers = [WeightedScorer(DecoderScorer(model.decoder), memory)]
        found = search(scorers, lengths, SearchConfig(max_token_ratio=2.0))
        alignments = align(
            [" ".join(map(str, row)) for row in answer(symbols, task).tolist()],
            [" ".join(map(str, best[0].tokens)) for best in found],
            split=str.split,
        )
        counts[length] = (sum(x.counts.num_errors for x in alignments), symbols.numel())
    return counts


def buckets(longest: int) -> list[tuple[int, int]]:
    """Returns ranges of lengths: four within training, then two beyond, up to twice as long."""
    edges = [0, *(longest * part // 4 for part in (1, 2, 3, 4)), longest * 3 // 2, longest * 2]
    return [(low + 1, high) for low, high in pairwise(edges)]


def error_rate(counts: dict[int, tuple[int, int]], bucket: tuple[int, int]) -> float:
    """Returns errors a token over a range of lengths."""
    inside = [counts[length] for length in range(bucket[0], bucket[1] + 1)]
    return sum(errors for errors, _ in inside) / sum(tokens for _, tokens in inside)


def measure(section: Section, plan: Plan) -> dict[str, dict[str, dict[str, Any]]]:
    """Returns by task and variant what was counted."""
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for task in plan.tasks:
        runs = {name: (variant, plan.steps) for name, variant in VARIANTS.items()}
        if plan.patient and task == plan.tasks[0]:
            runs[PATIENT] = (VARIANTS["peeky"], PATIENCE * plan.steps)
        for name, (variant, steps) in runs.items():
            model, loss = train(variant, task, steps=steps, longest=plan.longest)
            counts = test(model, task, plan)
            rates = [error_rate(counts, bucket) for bucket in buckets(plan.longest)]
            results.setdefault(task, {})[name] = {
                "parameters": sum(p.numel() for p in model.parameters()),
                "steps": steps,
                "loss": loss,
                "counts": counts,
                "rates": rates,
            }
            shown = " ".join(f"{rate:.1%}" for rate in rates)
            section.say(f"{task}, {name}: loss {loss:.3f}; errors by length {shown}")
    return results


def draw_table(results: dict[str, dict[str, Any]], plan: Plan) -> str:
    """Returns a task's table."""
    spans = [f"{low}–{high}{' *' * (low > plan.longest)}" for low, high in buckets(plan.longest)]
    rows = [
        [name, f"{run['parameters']:,}", *(f"{100 * rate:.1f}" for rate in run["rates"])]
        for name, run in results.items()
    ]
    return to_table(["decoder", "parameters", *spans], rows)


def judge(results: dict[str, dict[str, Any]], task: str, plan: Plan) -> str:
    """Returns what a task's numbers say of the claim."""
    spans = buckets(plan.longest)
    (short, long), beyond = (spans[0], spans[3]), spans[-1]
    fixed = [results[name]["rates"] for name in FIXED]
    attending = [results[name]["rates"] for name in ATTENDING]
    growth = min(rates[3] - rates[0] for rates in fixed)
    holds = growth > 0.1 and max(rates[3] - rates[0] for rates in attending) < 0.1 * growth
    shown = [
        f"from {spread([rates[0] for rates in group])} to {spread([rates[3] for rates in group])}"
        for group in (fixed, attending)
    ]
    figures = (
        f"from {short[0]}–{short[1]} to {long[0]}–{long[1]} symbols errors go {shown[0]} without "
        f"attention, and {shown[1]} with it"
    )
    said = verdict(holds, f"the fixed-length message fails with length in “{task}”", figures)
    far = ", ".join(f"{name} {results[name]['rates'][-1]:.1%}" for name in ATTENDING)
    said += f" Beyond training, at {beyond[0]}–{beyond[1]} symbols: {far}."
    if PATIENT in results:
        rates = results[PATIENT]["rates"]
        said += (
            f" With {PATIENCE} times the steps peeky goes from {rates[0]:.1%} to {rates[3]:.1%}."
        )
    return said


def spread(rates: list[float]) -> str:
    """Returns the lowest and the highest of some rates."""
    low, high = f"{100 * min(rates):.1f}", f"{100 * max(rates):.1f}"
    return f"{low} %" if low == high else f"{low}–{high} %"


def describe(plan: Plan) -> str:
    """Returns what was done."""
    tasks = " and to ".join(f"*{task}*" for task in plan.tasks)
    return (
        f"Models learn to {tasks} random sequences of {NUM_SYMBOLS} symbols, one one-hot frame a "
        f"symbol, of 1 to {plan.longest} symbols: {plan.steps} steps of {BATCH_SIZE} sequences, "
        f"GRUs, one bidirectional encoder layer, a message of {HIDDEN_DIM} numbers. *basic*, "
        "*bridge* and *peeky* know the input by the encoder's last state alone (copied into the "
        "decoder; through a bridge; the same, and seen at every step); the others start from zeros "
        f"and attend. The tables hold token error rates in % by length, of greedy search on "
        f"{plan.tests_per_length} new sequences of each length; * marks lengths beyond training. "
        "One seed."
    )


def draw_picture(results: dict[str, dict[str, Any]], plan: Plan) -> Any:
    """Returns the picture: error rate against length, one panel a task."""
    figure = new_figure(2 + 5 * len(results), 4.2)
    panels = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
    for axes, (task, runs) in zip(panels, results.items(), strict=True):
        for name, run in runs.items():
            points = [(n, 100 * errors / tokens) for n, (errors, tokens) in run["counts"].items()]
            style = ":" if name == PATIENT else "--" if name in FIXED else "-"
            axes.plot(*zip(*points, strict=True), style, label=name)
        axes.axvspan(plan.longest, 2 * plan.longest, color="0.93")
        axes.text(plan.longest * 1.03, 96, "beyond training", fontsize=8, color="0.4", va="top")
        axes.set(title=task, xlabel="length (symbols)", xlim=(1, 2 * plan.longest), ylim=(-2, 100))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("token error rate (%)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return figure


def main() -> None:
    """Trains every variant on every task and writes the section."""
    section = begin_section("memory", __doc__)
    plan = Plan()
    if section.quick:
        plan = Plan(tasks=("reverse",), steps=60, longest=8, tests_per_length=10, patient=False)
    results = measure(section, plan)
    parts = [describe(plan)]
    for task, runs in results.items():
        parts += [f"**{task.capitalize()}**", draw_table(runs, plan)]
    said = "\n\n".join(judge(runs, task, plan) for task, runs in results.items())
    settings = {
        "seed": SEED,
        "symbols": NUM_SYMBOLS,
        "hidden_dim": HIDDEN_DIM,
        "batch_size": BATCH_SIZE,
        "peak_learning_rate": RATES.learning_rate,
        "clip_norm": CLIP_NORM,
        "longest": plan.longest,
        "buckets": buckets(plan.longest),
    }
    section.save(
        draw_picture(results, plan),
        numbers={"settings": settings, "results": results},
        parts=[*parts, said],
    )


if __name__ == "__main__":
    main()

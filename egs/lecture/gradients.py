"""Section 2: gradients vanish over time, explode for large weights, and clipping cures that."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from gradient_trainings import (
    BATCH_SIZE,
    CLIPS,
    EXPLODED,
    HIDDEN_DIM,
    INPUT_DIM,
    NUM_FRAMES,
    NUM_KINDS,
    REACH,
    SEED,
    gradient_norms,
    new_layer,
    train_recall,
    train_sum,
)
from section import Section, begin_section, new_figure, to_table, verdict

from asr.rnn import LAYERS

SHOWN = (0, 1, 10, 20, 40, REACH)  # columns of the tables
PLAIN = ("rnn_tanh", "rnn_relu")
GATED = ("lstm", "gru")
INITS = {"ours": "orthogonal, as in this toolkit", "torch": "torch's default"}
SCALES = (0.5, 1.0, 1.5, 2.0, 3.0)
PREPARED = (  # cells, and what their recurrent weights are multiplied by
    ("rnn_relu", 2.0),
    ("rnn_tanh", 1.2),
    ("rnn_relu", 1.6),
    ("rnn_tanh", 2.0),
    ("rnn_tanh", 3.0),
)
FAILED = 0.1  # an error rate above is a failure


@dataclass(frozen=True)
class Plan:
    """How much is trained and measured."""

    num_inputs: int = 16  # random sequences that a norm is the median of
    sum_steps: int = 400
    clip_steps: int = 600
    seeds: tuple[int, ...] = (1, 2, 3)  # of the clipping runs


def measure(section: Section, plan: Plan) -> dict[str, Any]:
    """Returns the norms at the start and after training, those by scale, and the clipping runs."""
    norms = partial(gradient_norms, num_inputs=plan.num_inputs)
    results: dict[str, Any] = {"start": {}, "trained": {}, "errors": {}, "scales": {}, "clips": {}}
    for init in INITS:
        for cell in LAYERS:
            torch.manual_seed(SEED)
            results["start"].setdefault(init, {})[cell] = norms(new_layer(cell, init=init))
    section.say("norms at the start: measured")
    for cell in LAYERS:
        layer, results["errors"][cell] = train_sum(cell, plan.sum_steps)
        results["trained"][cell] = norms(layer)
        section.say(f"{cell} trained to sum: error {results['errors'][cell]:.3f}")
    for cell in PLAIN:
        for scale in SCALES:
            torch.manual_seed(SEED)
            layer = new_layer(cell, scale=scale)
            results["scales"].setdefault(cell, {})[scale] = norms(layer)
    for cell, scale in PREPARED:
        for clip in CLIPS:
            runs = [
                train_recall(cell, scale, clip=clip, steps=plan.clip_steps, seed=seed)
                for seed in plan.seeds
            ]
            results["clips"].setdefault(f"{cell} × {scale:g}", {})[clip] = runs
            errors = " ".join(f"{run['error_rate']:.1%}" for run in runs)
            section.say(f"{cell} x {scale:g}, clipping {clip}: errors {errors}")
    return results


def kept(norms: list[float]) -> float:
    """Returns the norm at the largest k over that at k = 0."""
    return norms[-1] / norms[0]


def norm_columns(norms: list[float]) -> list[str]:
    """Returns the cells of a table for the norms that are shown."""
    return [f"{norms[k]:.1e}" for k in SHOWN]


def draw_tables(results: dict[str, Any]) -> list[str]:
    """Returns the section's three tables, each with its caption."""
    heads = [f"k = {k}" for k in SHOWN]
    first = [
        [cell, words, *norm_columns(results["start"][init][cell]), ""]
        for init, words in INITS.items()
        for cell in LAYERS
    ]
    first += [
        [cell, "trained to sum", *norm_columns(norms), f"{results['errors'][cell]:.3f}"]
        for cell, norms in results["trained"].items()
    ]
    second = [
        [cell, f"{scale:g}", *norm_columns(norms)]
        for cell, scales in results["scales"].items()
        for scale, norms in scales.items()
    ]
    third = [
        [
            network,
            clip,
            f"{max(run['largest_norm'] for run in runs):.1e}",
            sum(run["exploded_steps"] for run in runs),
            f"{sum(run['lost_at_step'] is not None for run in runs)} of {len(runs)}",
            ", ".join(f"{run['error_rate']:.1%}" for run in runs),
        ]
        for network, clips in results["clips"].items()
        for clip, runs in clips.items()
    ]
    counted = f"steps above {EXPLODED:g}"
    heads_of_runs = ["network", "clipping", "largest norm", counted, "runs lost", "errors"]
    return [
        "**Norm of dh_T/dx_(T−k)** (last column: error of the sum, 1 for a constant answer)",
        to_table(["cell", "weights", *heads, "error"], first),
        "**The same with the recurrent weights multiplied**",
        to_table(["cell", "times", *heads], second),
        "**Training plain networks by SGD**",
        to_table(heads_of_runs, third),
    ]


def judge_vanishing(results: dict[str, Any]) -> list[str]:
    """Returns what the norms say of the gated cells, before and after training."""
    said = []
    for cell in GATED:
        holds, figures = True, []
        for init, words in INITS.items():
            norms = results["start"][init]
            best = max(kept(norms[plain]) for plain in PLAIN)
            holds = holds and kept(norms[cell]) > 10 * best
            figures.append(f"{kept(norms[cell]):.0e} against {best:.0e} ({words})")
        claim = (
            f"a fresh {cell.upper()} leaves at least ten times more of the gradient after {REACH} "
            "steps than the better plain cell"
        )
        said.append(verdict(holds, claim, ", ".join(figures)))
    shares = {cell: kept(norms) for cell, norms in results["trained"].items()}
    errors = results["errors"]
    better = max(errors[cell] for cell in GATED) < min(errors[cell] for cell in PLAIN)
    longer = min(shares[cell] for cell in GATED) > max(shares[cell] for cell in PLAIN)
    for holds, what, values in (
        (better, "sums with a smaller error", errors),
        (longer, f"keeps more of the gradient after {REACH} steps", shares),
    ):
        figures = ", ".join(f"{cell} {value:.2f}" for cell, value in values.items())
        said.append(verdict(holds, f"either gated cell, trained, {what} than the plain", figures))
    return said


def judge_explosion(results: dict[str, Any]) -> list[str]:
    """Returns what the scaled weights and the clipping runs say."""
    most = max(SCALES)
    growth = {cell: kept(scales[most]) for cell, scales in results["scales"].items()}
    figures = ", ".join(f"{cell} by a factor of {value:.0e}" for cell, value in growth.items())
    claim = f"gradients explode over {REACH} steps for weights times {most:g}"
    said = [verdict(min(growth.values()) > 10, claim, figures)]
    for network, clips in results["clips"].items():
        failures = {
            clip: sum(run["error_rate"] > FAILED for run in runs) for clip, runs in clips.items()
        }
        free, total = failures.pop("none"), len(clips["none"])
        figures = f"{free} of {total} runs fail without (errors above {FAILED:.0%}), " + ", ".join(
            f"{count} by {clip}" for clip, count in failures.items()
        )
        if not free:
            said.append(f"{network} has nothing to cure: {figures}.")
        else:
            said.append(verdict(not any(failures.values()), f"clipping cures {network}", figures))
    return said


def describe(plan: Plan) -> str:
    """Returns what was done."""
    return (
        f"One layer of {HIDDEN_DIM} units over {REACH + 1} frames of {INPUT_DIM} normal numbers: "
        "the Frobenius norm of dh_T/dx_(T−k), by automatic differentiation in float64, the median "
        f"of {plan.num_inputs} random inputs. It is measured with fresh weights (orthogonal "
        "recurrent weights as this toolkit sets them, or torch's default), and after "
        f"{plan.sum_steps} steps of Adam with clipping on a task in which every frame counts alike:"
        f" the sum of one input over 1 to {REACH + 1} frames. (A fresh GRU's update gate is half "
        "open, which by itself halves the old state at every step; a fresh LSTM here keeps 0.73 of "
        "its cell, by its bias.) Then with the orthogonal weights of plain cells multiplied, which "
        "is then their spectral radius. Last, plain networks with recurrent weights multiplied so "
        f"learn to say which of {NUM_KINDS} frames was the first of {NUM_FRAMES}, all others noise "
        f"(chance: {1 - 1 / NUM_KINDS:.0%} errors): {plan.clip_steps} steps of SGD with a learning "
        "rate of 0.1, clipped not at all, by norm, or by value; a run is lost where a gradient is "
        "not finite. Learning rate and length were chosen so that some of these networks fail. "
        f"Seeds: {len(plan.seeds)} there, one elsewhere."
    )


def draw_picture(results: dict[str, Any]) -> Any:
    """Returns the picture: norms above, training below."""
    figure = new_figure(18, 8)
    panels = figure.subplots(2, 4)
    fresh = results["start"]["ours"]
    curves = {
        "fresh weights (dotted: torch's default)": fresh,
        "trained to sum": results["trained"],
    }
    curves |= {f"{cell}, weights multiplied": results["scales"][cell] for cell in PLAIN}
    for axes, (title, named) in zip(panels[0], curves.items(), strict=True):
        for name, norms in named.items():
            label = name if isinstance(name, str) else f"× {name:g}"
            (line,) = axes.semilogy(norms, label=label)
            if named is fresh:
                axes.semilogy(results["start"]["torch"][name], ":", color=line.get_color())
        axes.set(title=title, xlabel="k (steps back)", ylabel="norm of dh_T/dx_(T−k)")
    for pair, network in zip((panels[1][:2], panels[1][2:]), results["clips"], strict=False):
        draw_training(pair, network, results["clips"][network])
    for axes in panels.flat:
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def draw_training(panels: Any, network: str, clips: dict[str, Any]) -> None:
    """Draws losses and gradient norms of a network's runs with the first seed."""
    labels = {"losses": "loss (nats), first seed", "norms": "gradient norm, first seed"}
    for axes, (key, label) in zip(panels, labels.items(), strict=True):
        for clip, runs in clips.items():
            axes.semilogy(to_points(runs[0][key]), label=f"clipping: {clip}", alpha=0.7)
            if runs[0]["lost_at_step"]:
                axes.axvline(runs[0]["lost_at_step"], color="k", ls=":", label="no longer finite")
        axes.set(title=f"{network}, SGD", xlabel="step", ylabel=label, ylim=(1e-4, 1e4))


def to_points(values: list[float | None]) -> list[float]:
    """Returns values for drawing; what is not finite leaves a gap."""
    return [math.nan if value is None else value for value in values]


def main() -> None:
    """Measures, trains and writes the section."""
    section = begin_section("gradients", __doc__)
    plan = Plan()
    if section.quick:
        plan = Plan(num_inputs=4, sum_steps=20, clip_steps=20, seeds=(1,))
    results = measure(section, plan)
    said = [*judge_vanishing(results), *judge_explosion(results)]
    settings = {
        "seed": SEED,
        "clip_seeds": plan.seeds,
        "input_dim": INPUT_DIM,
        "hidden_dim": HIDDEN_DIM,
        "batch_size": BATCH_SIZE,
        "num_inputs": plan.num_inputs,
        "sum_steps": plan.sum_steps,
        "clip_steps": plan.clip_steps,
        "clip_frames": NUM_FRAMES,
    }
    section.save(
        draw_picture(results),
        numbers={"settings": settings, "results": results},
        parts=[describe(plan), *draw_tables(results), "\n".join(f"- {line}" for line in said)],
    )


if __name__ == "__main__":
    main()

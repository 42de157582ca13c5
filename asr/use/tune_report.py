"""A tuning written down: `tune.json`, `tune.md`, `tune.png`, and `search.yaml` to decode with."""

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from asr.config import SearchConfig
from asr.files import write_file, writing
from asr.pictures.plots import save_picture
from asr.use.tune import RANGES, Knob, Trial, TunePlan, Tuning, tune

JSON_FILE, TABLE_FILE, PICTURE_FILE = "tune.json", "tune.md", "tune.png"
SEARCH_FILE = "search.yaml"
NUM_BINS = 5  # along each side of the surface in words


def tune_into(
    folder: Path, plan: TunePlan, *, say: Callable[[str], None], live: Callable[[str], None]
) -> list[str]:
    """Tunes as planned and writes the files, all but the picture anew after each trial.

    Args:
        folder: where they go.
        plan: what to tune.
        say: called with a line for each trial.
        live: called with lines that each stand in place of the one before.

    Returns:
        Lines for a person: the best settings, and how to decode with them.

    Raises:
        AsrError: as `tune`; or a file cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)

    def keep(tuning: Tuning) -> None:
        write_tuning(tuning, folder)
        trial, best = tuning.trials[-1], tuning.best
        say(
            f"trial {trial.number}/{plan.trials}: {tuning.describe(trial)} ({trial.seconds:.1f} s)"
            f"; best so far: trial {best.number}, {_percent(best, plan.metric)}"
        )

    tuning = tune(plan, on_trial=keep, say=live, notify=say)
    draw_surface(tuning, folder / PICTURE_FILE)
    return conclude(tuning, folder)


def conclude(tuning: Tuning, folder: Path) -> list[str]:
    """Returns the best settings in words, and two ways to decode with them."""
    best, first, plan = tuning.best, tuning.trials[0], tuning.plan
    command = ["asr", "decode", "CUTS", "--model", str(plan.model)]
    for lm in plan.lms:
        command += ["--lm", str(lm)]
    command += ["--search", str(folder / SEARCH_FILE), "--out", "OUT"]
    return [
        f"best: trial {best.number} of {len(tuning.trials)}, {tuning.describe(best)}; trial 1: "
        f"{_percent(first, plan.metric)}",
        f"settings: {shlex.join(to_arguments(best.options, tuning.own)) or '(as in the model)'}",
        f"decode with them: {shlex.join(command)}",
    ]


def to_arguments(options: SearchConfig, own: SearchConfig) -> list[str]:
    """Returns the arguments that make search settings of a model's own."""
    before = own.model_dump(mode="json")
    arguments = []
    for key, value in options.model_dump(mode="json").items():
        if value != before[key]:
            arguments += ["--set", f"search.{key}={json.dumps(value, separators=(',', ':'))}"]
    return arguments


def write_tuning(tuning: Tuning, folder: Path) -> None:
    """Writes the trials as JSON and Markdown, and the best settings as YAML.

    Raises:
        ModelError: a file cannot be written.
    """
    best = tuning.best
    about = f"# made by asr tune on {tuning.plan.manifest}\n"
    settings = yaml.safe_dump({"search": best.options.model_dump(mode="json")}, sort_keys=False)
    write_file(folder / JSON_FILE, to_json(tuning))
    write_file(folder / TABLE_FILE, to_markdown(tuning))
    write_file(folder / SEARCH_FILE, about + settings)


def to_json(tuning: Tuning) -> str:
    """Returns plan and trials as JSON; rates are fractions."""
    plan = tuning.plan
    values = {
        "model": str(plan.model),
        "manifest": str(plan.manifest),
        "num_utterances": tuning.num_utterances,
        "language_models": [str(lm) for lm in plan.lms],
        "settings": plan.settings,
        "planned_trials": plan.trials,
        "seed": plan.seed,
        "metric": plan.metric,
        "ranges": {knob.name: RANGES[knob.key] for knob in tuning.knobs},
        "best": tuning.best.number,
        "trials": [
            {
                "number": trial.number,
                **{knob.name: knob.read(trial.options) for knob in tuning.knobs},
                "cer": trial.cer,
                "wer": trial.wer,
                "seconds": round(trial.seconds, 3),
            }
            for trial in tuning.trials
        ],
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def to_markdown(tuning: Tuning) -> str:
    """Returns the trials as Markdown, the best first, and the surface that they saw."""
    plan, names = tuning.plan, [knob.name for knob in tuning.knobs]
    header = ["trial", "CER %", "WER %", *names, "seconds"]
    lines = [
        "# Search settings tuned on the dev set",
        "",
        f"- model `{plan.model}`, dev set `{plan.manifest}`, {tuning.num_utterances:,} utterances",
        *(f"- language model {number}: `{lm}`" for number, lm in enumerate(plan.lms, start=1)),
        f"- {len(tuning.trials)} of {plan.trials} trials, seed {plan.seed}, chosen by "
        f"{plan.metric.upper()}; of equals the first",
        f"- the same in all: `{' '.join(plan.settings)}`",
        f"- best: trial {tuning.best.number}, {tuning.describe(tuning.best)}",
        "",
        *_table(header, [_row(trial, tuning.knobs) for trial in _sorted(tuning)]),
    ]
    for across, down in surfaces(tuning.knobs):
        lines += ["", f"## {plan.metric.upper()} over {across.name} and {down.name}", ""]
        lines += [f"Lowest seen, in per cent (trials); {down.name} goes down.", ""]
        lines += _surface_table(tuning, across, down)
    return "\n".join(lines) + "\n"


def surfaces(knobs: Sequence[Knob]) -> list[tuple[Knob, Knob]]:
    """Returns the pairs of knobs to show, across and down: each language model against CTC."""
    lms = [knob for knob in knobs if knob.key == "lm_weights"]
    down, *others = [knob for knob in knobs if knob.key != "lm_weights"]
    return [(across, down) for across in lms or others[:1]]


def draw_surface(tuning: Tuning, path: Path) -> None:
    """Draws the error rate of all trials over each language model's weight and CTC's.

    The worst quarter of the trials has one colour, so that the others can be told apart.

    Raises:
        DataError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    metric, pairs = tuning.plan.metric, surfaces(tuning.knobs)
    if not pairs:
        return
    rates = [100 * trial.rate(metric) for trial in tuning.trials]
    worst = max(sorted(rates)[3 * len(rates) // 4], min(rates) + 1e-3)
    figure = Figure(figsize=(1.5 + 4.5 * len(pairs), 4.2), dpi=100, layout="constrained")
    all_axes = figure.subplots(1, len(pairs), squeeze=False)[0]
    for axes, (across, down) in zip(all_axes, pairs, strict=True):
        xs = [across.read(trial.options) for trial in tuning.trials]
        ys = [down.read(trial.options) for trial in tuning.trials]
        points = axes.scatter(
            xs, ys, c=rates, cmap="viridis", vmin=min(rates), vmax=worst, s=60, edgecolors="none"
        )
        best = tuning.best.options
        axes.scatter(
            [across.read(best)], [down.read(best)], s=220, facecolors="none", edgecolors="red"
        )
        axes.set_xlabel(across.name)
        axes.set_ylabel(down.name)
        axes.grid(alpha=0.3)
    figure.colorbar(points, ax=list(all_axes), label=f"dev {metric.upper()} (%)", extend="max")
    figure.suptitle(f"{len(rates)} trials, the best ringed", fontsize=10)
    save_picture(figure, path)


def _surface_table(tuning: Tuning, across: Knob, down: Knob) -> list[str]:
    rows = []
    for low in range(NUM_BINS):
        cells = [_edges(down, low)]
        for left in range(NUM_BINS):
            rates = [
                100 * trial.rate(tuning.plan.metric)
                for trial in tuning.trials
                if (_bin(across, trial.options), _bin(down, trial.options)) == (left, low)
            ]
            cells.append(f"{min(rates):.2f} ({len(rates)})" if rates else "")
        rows.append(cells)
    return _table(["", *(_edges(across, left) for left in range(NUM_BINS))], rows)


def _bin(knob: Knob, options: SearchConfig) -> int:
    """Returns in which stretch of its range a knob is; what is beyond belongs to the last."""
    low, high = RANGES[knob.key]
    place = int(NUM_BINS * (knob.read(options) - low) / (high - low))
    return min(max(place, 0), NUM_BINS - 1)


def _edges(knob: Knob, place: int) -> str:
    low, high = RANGES[knob.key]
    width = (high - low) / NUM_BINS
    return f"{low + place * width:.2g} to {low + (place + 1) * width:.2g}"


def _sorted(tuning: Tuning) -> list[Trial]:
    return sorted(tuning.trials, key=lambda trial: trial.rate(tuning.plan.metric))


def _row(trial: Trial, knobs: Sequence[Knob]) -> list[str]:
    rates = [f"{100 * trial.cer:.2f}", f"{100 * trial.wer:.2f}"]
    values = [f"{knob.read(trial.options):g}" for knob in knobs]
    return [str(trial.number), *rates, *values, f"{trial.seconds:.1f}"]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(header)} |", "|" + "---:|" * len(header)]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def _percent(trial: Trial, metric: str) -> str:
    return f"{metric.upper()} {100 * trial.rate(metric):.2f} %"

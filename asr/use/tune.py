"""The weights of search chosen on the dev set: CTC, language models and the length term.

    dev set --encode once--> memory values --search with other settings, again and again--> error
                                                                                            rates

The first trials are the settings as given and the same without language models; half of the others
cover the ranges evenly, and the rest go on around the best so far in ever smaller steps. All of it
follows from the seed. The test set has no place here.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import torch

from asr.config import SearchConfig
from asr.data.loading import dead_loaders_named
from asr.errors import ConfigError
from asr.lm.fusion import weigh
from asr.machine.ranks import own_rank
from asr.scoring.counts import score
from asr.use.dev_set import DevSet
from asr.use.recognizer import Recognizer, load_recognizer, search_encoded

METRICS = ("cer", "wer")
RANGES = {  # name -> least and most that is tried
    "lm_weights": (0.0, 1.0),
    "ctc_weight": (0.0, 0.8),
    "length_bonus": (0.0, 1.5),
    "length_power": (0.0, 1.0),
}
DECIMALS = 2  # of every value tried
FIRST_STEP, LAST_STEP = 0.2, 0.04  # standard deviation around the best, as fraction of the range
MOST_DRAWS = 50  # for a point that was not tried before


@dataclass(frozen=True)
class TunePlan:
    """What is tuned, on which utterances, and for how long.

    Attributes:
        model: folder of the recognizer.
        manifest: of the dev set.
        lms: folders or ARPA files of language models.
        settings: `search.key=value`, of what stays the same in all trials and of the first one.
        trials: how often the dev set is decoded.
        seed: the same seed, the same trials.
        metric: what is to become small, a name in METRICS.
        device: cpu, cuda or auto.

    Raises:
        ConfigError: an unknown metric, or no trial.
    """

    model: Path
    manifest: Path
    lms: tuple[Path, ...] = ()
    settings: tuple[str, ...] = ("search.beam_size=8",)
    trials: int = 20
    seed: int = 0
    metric: str = "cer"
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ConfigError(f'metric "{self.metric}": unknown; known: {", ".join(METRICS)}')
        if self.trials < 1:
            raise ConfigError(f"trials {self.trials}: must be >= 1 (20 is the default)")


@dataclass(frozen=True)
class Knob:
    """One number that is tuned."""

    key: str  # a name in RANGES
    index: int  # which of the language models

    @property
    def name(self) -> str:
        """The name, for a person; language models are numbered from 1."""
        return f"lm_weight {self.index + 1}" if self.key == "lm_weights" else self.key

    def read(self, options: SearchConfig) -> float:
        """Returns its value in search settings."""
        if self.key == "lm_weights":
            return options.lm_weights[self.index]
        return float(getattr(options, self.key))

    def within(self, fraction: float) -> float:
        """Returns the value at a fraction of its range, not beyond the ends, rounded."""
        low, high = RANGES[self.key]
        return round(low + (high - low) * min(max(fraction, 0.0), 1.0), DECIMALS)


@dataclass(frozen=True)
class Trial:
    """Settings and what came of them; rates are fractions."""

    number: int  # from 1
    options: SearchConfig
    cer: float
    wer: float
    seconds: float  # of the search, and of encoding where the dev set is too large to keep

    def rate(self, metric: str) -> float:
        """Returns the error rate of a name in METRICS."""
        return {"cer": self.cer, "wer": self.wer}[metric]


@dataclass(frozen=True)
class Tuning:
    """The trials so far, in their order."""

    plan: TunePlan
    own: SearchConfig  # the model's own settings
    knobs: tuple[Knob, ...]
    num_utterances: int
    trials: tuple[Trial, ...] = ()

    @property
    def best(self) -> Trial:
        """The trial with the lowest error rate; of equals the first."""
        return min(self.trials, key=lambda trial: trial.rate(self.plan.metric))

    def describe(self, trial: Trial) -> str:
        """Returns a trial in one line."""
        values = ", ".join(f"{knob.name} {knob.read(trial.options):g}" for knob in self.knobs)
        return f"CER {100 * trial.cer:.2f} % WER {100 * trial.wer:.2f} % with {values}"


@dead_loaders_named()
def tune(
    plan: TunePlan,
    *,
    on_trial: Callable[[Tuning], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
    notify: Callable[[str], None] = lambda _: None,
) -> Tuning:
    """Returns all trials of a plan.

    Args:
        plan: what to tune.
        on_trial: called after each trial with all so far.
        say: called with lines for a person.
        notify: called with what a user must know of the language models.

    Raises:
        ModelError, ConfigError: a model or a setting cannot be used; more than one process.
        DataError: the manifest, audio or an ARPA file cannot be read, or no utterance has text.
    """
    if own_rank()[1] > 1:
        raise ConfigError("asr tune runs in one process; start it without torchrun")
    recognizer = load_recognizer(plan.model, plan.device, lms=plan.lms)
    for notice in recognizer.notices:
        notify(notice)
    base = recognizer.choose(plan.settings)
    weights = [part.weight for part in weigh(recognizer.lms, base)]
    for notice in recognizer.notices:
        say(notice)
    base = base.model_copy(update={"lm_weights": weights})
    dev = DevSet(recognizer, plan.manifest, options=base, say=say)
    draw, knobs = random.Random(plan.seed), knobs_of(recognizer, base)
    tuning = Tuning(plan, recognizer.options, knobs, dev.num_utterances)
    points = planned(knobs, base, trials=plan.trials, draw=draw)
    for number in range(1, plan.trials + 1):
        values = points[number - 1] if number <= len(points) else refine(tuning, draw)
        options = to_options(knobs, values, base)
        trial = run_trial(recognizer, dev, options, number=number, say=say)
        tuning = replace(tuning, trials=(*tuning.trials, trial))
        on_trial(tuning)
    return tuning


def knobs_of(recognizer: Recognizer, base: SearchConfig) -> tuple[Knob, ...]:
    """Returns what there is to tune: greedy search ranks nothing, and CTC may not be trained."""
    keys = ["length_bonus"] if base.beam_size == 1 else ["length_bonus", "length_power"]
    if recognizer.config.loss.ctc_weight > 0:
        keys.insert(0, "ctc_weight")
    lms = [Knob("lm_weights", index) for index in range(len(recognizer.lms))]
    return (*lms, *(Knob(key, 0) for key in keys))


def planned(
    knobs: Sequence[Knob], base: SearchConfig, *, trials: int, draw: random.Random
) -> list[tuple[float, ...]]:
    """Returns the first points: those named above, and about half of the rest spread evenly.

    Spread evenly: each range is cut into as many stretches as there are points, and each stretch
    has one of them.

    Source: McKay et al. 1979, Technometrics 21(2) (Latin hypercube sampling).
    """
    points = [tuple(knob.read(base) for knob in knobs)]
    without = tuple(0.0 if knob.key == "lm_weights" else knob.read(base) for knob in knobs)
    if without != points[0]:
        points.append(without)
    num = (trials - len(points) + 1) // 2
    columns = []
    for knob in knobs:
        stretches = draw.sample(range(num), num) if num > 0 else []
        columns.append([knob.within((place + draw.random()) / num) for place in stretches])
    return [*points, *zip(*columns, strict=True)]


def refine(tuning: Tuning, draw: random.Random) -> tuple[float, ...]:
    """Returns a point near the best so far, nearer from trial to trial, that is new if possible."""
    tried = [tuple(k.read(trial.options) for k in tuning.knobs) for trial in tuning.trials]
    progress = len(tried) / tuning.plan.trials
    step = FIRST_STEP + (LAST_STEP - FIRST_STEP) * progress
    for attempt in count(1):
        values = []
        for knob in tuning.knobs:
            low, high = RANGES[knob.key]
            place = (knob.read(tuning.best.options) - low) / (high - low)
            values.append(knob.within(draw.gauss(place, step)))
        if tuple(values) not in tried or attempt == MOST_DRAWS:
            break
    return tuple(values)


def to_options(knobs: Sequence[Knob], values: Sequence[float], base: SearchConfig) -> SearchConfig:
    """Returns search settings with the knobs at so many values, and else as they were."""
    pairs = list(zip(knobs, values, strict=True))
    update: dict[str, object] = {k.key: value for k, value in pairs if k.key != "lm_weights"}
    update["lm_weights"] = tuple(value for k, value in pairs if k.key == "lm_weights")
    return base.model_copy(update=update)


@torch.inference_mode()
def run_trial(
    recognizer: Recognizer,
    dev: DevSet,
    options: SearchConfig,
    *,
    number: int,
    say: Callable[[str], None],
) -> Trial:
    """Returns the error rates of the dev set under search settings."""
    started = time.perf_counter()
    lms = weigh(recognizer.lms, options)
    references: dict[str, str] = {}
    texts: dict[str, str] = {}
    for part in dev:
        found = search_encoded(recognizer.model, part.encoded, options, lms=lms)
        best = [recognizer.tokenizer.decode(row[0].tokens) for row in found]
        texts.update(zip(part.ids, best, strict=True))
        references.update(zip(part.ids, part.texts, strict=True))
        say(f"trial {number}: {len(texts)} of {dev.num_utterances} utterances")
    scores = score(references, texts)
    return Trial(number, options, scores.cer, scores.wer, time.perf_counter() - started)

import itertools
import math

import pytest

from asr.config import Config, TrainConfig, override_config
from asr.errors import ConfigError
from asr.sections.help import TeacherForcingConfig
from asr.training.schedules import learning_rate, teacher_ratio

TEACHERS = ["constant", "linear", "exponential", "inverse_sigmoid"]


def train_config(schedule: str, **changes: object) -> TrainConfig:
    values = {"learning_rate": 2.0, "final_learning_rate": 0.2, "warmup_steps": 4, **changes}
    return TrainConfig(schedule=schedule, **values)


def ratios(schedule: str, first: float, last: float, fractions: list[float]) -> list[float]:
    config = TeacherForcingConfig(schedule=schedule, first=first, last=last)
    return [teacher_ratio(config, fraction=fraction) for fraction in fractions]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_learning_rate_rises_evenly_to_its_peak(schedule: str) -> None:
    config = train_config(schedule)
    rates = [learning_rate(config, step, fraction=0.0) for step in range(6)]
    assert rates == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("schedule", "quarter", "middle", "end"),
    [
        ("cosine", 0.2 + 1.8 * (1 + math.sqrt(0.5)) / 2, 1.1, 0.2),
        ("linear", 1.55, 1.1, 0.2),
        ("constant", 2.0, 2.0, 2.0),
    ],
)
def test_the_learning_rate_follows_its_schedule(
    schedule: str, quarter: float, middle: float, end: float
) -> None:
    rates = [
        learning_rate(train_config(schedule), 99, fraction=fraction)
        for fraction in (0.25, 0.5, 1.0)
    ]
    assert rates == pytest.approx([quarter, middle, end])


def test_the_warm_up_scales_what_the_schedule_says() -> None:
    assert learning_rate(train_config("linear"), 1, fraction=0.5) == pytest.approx(0.5 * 1.1)


def test_without_a_warm_up_the_first_step_is_at_the_peak() -> None:
    for schedule in ("cosine", "linear", "constant"):
        config = train_config(schedule, warmup_steps=0)
        assert learning_rate(config, 0, fraction=0.0) == pytest.approx(2.0)


@pytest.mark.parametrize("schedule", TEACHERS)
@pytest.mark.parametrize("first", [1.0, 0.9])
def test_the_teacher_ratio_goes_from_the_first_to_the_last(schedule: str, first: float) -> None:
    last = first if schedule == "constant" else 0.3
    fractions = [step / 20 for step in range(21)]
    found = ratios(schedule, first, last, fractions)
    assert found[0] == first  # exactly: a ratio of 1 is teacher forcing
    assert found[-1] == pytest.approx(last, abs=1e-12)
    falls = [before - after for before, after in itertools.pairwise(found)]
    assert all(fall == 0 if schedule == "constant" else fall > 0 for fall in falls)
    rising = [1 - ratio for ratio in found]
    if schedule in ("linear", "inverse_sigmoid"):
        again = ratios(schedule, 1 - first, 1 - last, fractions)
        assert again == pytest.approx(rising)


@pytest.mark.parametrize(
    ("schedule", "quarter", "middle"),
    [
        ("constant", 0.8, 0.8),
        ("linear", 0.65, 0.5),
        ("exponential", 0.8 * 0.25**0.25, 0.4),
        ("inverse_sigmoid", 0.2 + 0.6 * (0.952574 - 0.002473) / (0.997527 - 0.002473), 0.5),
    ],
)
def test_the_teacher_ratio_follows_its_schedule(
    schedule: str, quarter: float, middle: float
) -> None:
    last = 0.8 if schedule == "constant" else 0.2
    found = ratios(schedule, 0.8, last, [0.25, 0.5])
    # 1 / (1 + e^-3) is 0.952574, and the ends of the curve are 0.997527 and 0.002473
    assert found == pytest.approx([quarter, middle], abs=1e-5)


def test_the_inverse_sigmoid_is_symmetric_about_the_middle() -> None:
    early, late = ratios("inverse_sigmoid", 1.0, 0.0, [0.3, 0.7])
    assert early + late == pytest.approx(1.0)
    assert early > ratios("linear", 1.0, 0.0, [0.3])[0]


def test_the_default_is_always_the_teacher() -> None:
    config = Config().teacher_forcing
    assert [teacher_ratio(config, fraction=x) for x in (0.0, 0.4, 1.0)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["last=0.5"], r"first 1\.0 and last 0\.5 must be equal while schedule is constant"),
        (
            ["schedule=exponential", "last=0"],
            r"teacher_forcing: first and last must be > 0 for an exponential schedule",
        ),
        (["schedule=exponential", "first=0"], r"first and last must be > 0"),
        (["first=1.5"], r"teacher_forcing\.first = 1\.5: .*less than or equal to 1"),
        (["last=-0.1"], r"teacher_forcing\.last = -0\.1: .*greater than or equal to 0"),
        (["schedule=cosine"], r"teacher_forcing\.schedule = 'cosine': .*'inverse_sigmoid'"),
    ],
)
def test_an_impossible_teacher_is_an_error(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        override_config(Config(), [f"teacher_forcing.{override}" for override in overrides])

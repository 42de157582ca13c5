import math

import pytest
import torch

from asr.training.monitor import alignment_flatness, diagonality, find_warnings

GOOD = [(4, 5, 6), (7, 8, 9)]


def test_a_run_that_goes_well_has_no_warning() -> None:
    assert find_warnings(GOOD, 0.1, [3.0, 2.0, 1.0]) == []
    assert find_warnings(GOOD, 0.1, [3.0, 2.0, 1.0, 1.0, 0.999, 1.01]) == []
    assert find_warnings(GOOD, 0.1, [3.0, 1.0, 0.9, 1.2]) == []  # one epoch may be an accident


@pytest.mark.parametrize(
    ("hypotheses", "flatness", "losses", "message"),
    [
        ([(4,) * 20, (4, 4, 5)], 0.1, [3.0], "one token is predicted"),
        ([(), ()], 0.1, [3.0, 2.9], "every hypothesis is empty"),
        (GOOD, 0.97, [3.0, 2.5, 2.0], "attention is still flat"),
        (GOOD, 0.1, [3.0, 3.0, 2.99], "loss does not fall"),
        (GOOD, 0.1, [3.0, 3.5], "loss rises (3.000 at first, 3.500 now)"),
        (GOOD, 0.1, [3.0, 1.0, 0.9, 1.2, 1.3], "loss rises (0.900 at its lowest, 1.300 now)"),
    ],
)
def test_each_sign_of_trouble_is_said(
    hypotheses: list[tuple[int, ...]], flatness: float, losses: list[float], message: str
) -> None:
    [warning] = find_warnings(hypotheses, flatness, losses)
    assert message in warning


def test_many_steps_without_a_finite_gradient_are_said() -> None:
    [warning] = find_warnings(GOOD, 0.1, [3.0, 2.0], skipped=0.2)
    assert "20% of the steps had no finite gradient" in warning


def test_flatness_is_one_for_uniform_and_zero_for_sharp_alignments() -> None:
    lengths, targets = torch.tensor([4, 2]), torch.tensor([3, 1])
    uniform = torch.zeros(2, 3, 4)
    uniform[0] = 0.25
    uniform[1, :, :2] = 0.5
    sharp = torch.zeros(2, 3, 4)
    sharp[..., 0] = 1.0
    assert alignment_flatness(uniform, lengths, targets) == pytest.approx(1.0, abs=1e-5)
    assert alignment_flatness(sharp, lengths, targets) == pytest.approx(0.0, abs=1e-5)


def test_diagonality_follows_the_direction_of_reading() -> None:
    assert diagonality(torch.eye(6)) == pytest.approx(1.0)
    assert diagonality(torch.eye(6).flip(0)) == pytest.approx(-1.0)
    assert math.isnan(diagonality(torch.eye(2)))

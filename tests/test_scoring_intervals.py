"""Intervals: their draws, their cover, and what they say where nothing can be said."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import run
from scipy import stats

from asr.scoring.counts import score
from asr.scoring.intervals import (
    block_sums,
    draw_sums,
    rate_difference,
    rate_interval,
    score_intervals,
)


def simulate(seed: int, num: int, rate: float) -> np.ndarray:
    draw = np.random.default_rng(seed)
    words = draw.integers(2, 26, size=num)
    errors = draw.binomial(words, np.clip(rate * draw.gamma(0.7, 1 / 0.7, size=num), 0, 0.95))
    return np.stack([errors, words], axis=1).astype(float)


def test_blocks_are_summed_by_name() -> None:
    values = [[1, 10], [2, 20], [3, 30]]
    assert block_sums(values).tolist() == values
    assert block_sums(values, ["b", "a", "b"]).tolist() == [[2, 20], [4, 40]]


def test_draws_are_seeded_and_spread_as_theory_says() -> None:
    sums = simulate(0, 300, 0.1)
    drawn = draw_sums(sums, seed=1)
    assert drawn.shape == (10_000, 2)
    assert (drawn == draw_sums(sums, seed=1)).all()
    assert not (drawn == draw_sums(sums, seed=2)).all()
    np.testing.assert_allclose(drawn.mean(axis=0), sums.sum(axis=0), rtol=0.01)
    expected = sums.std(axis=0) * np.sqrt(len(sums))
    np.testing.assert_allclose(drawn.std(axis=0), expected, rtol=0.03)


def test_many_blocks_are_drawn_less_often_and_in_bounded_memory() -> None:
    drawn = draw_sums(np.ones((50_000, 2)))
    assert drawn.shape == (2_000, 2)
    assert (drawn == 50_000).all()


def test_an_interval_is_a_factor_of_students_t() -> None:
    sums = simulate(3, 8, 0.2)
    drawn = draw_sums(sums)
    interval = rate_interval(drawn, sums)
    assert interval is not None
    rate = sums[:, 0].sum() / sums[:, 1].sum()
    spread = (drawn[:, 0] / drawn[:, 1]).std() * np.sqrt(8 / 7)
    factor = np.exp(stats.t.ppf(0.975, 7) * spread / rate)
    assert interval == pytest.approx((rate / factor, rate * factor, 8))


def test_intervals_hold_the_true_rate_in_95_of_100_sets() -> None:
    errors, words = simulate(10**6, 300_000, 0.1).sum(axis=0)
    held = 0
    for seed in range(400):
        sums = simulate(seed, 100, 0.1)
        interval = rate_interval(draw_sums(sums, seed=seed, num_draws=500), sums)
        assert interval is not None
        held += interval.low <= errors / words <= interval.high
    assert 0.93 <= held / 400 <= 0.97


def test_no_error_and_one_block_and_no_word_have_their_own_answers() -> None:
    right = np.array([[0.0, 10.0], [0.0, 20.0]])
    assert rate_interval(draw_sums(right), right) == (0.0, 0.1, 2)
    assert rate_interval(draw_sums(right[:1]), right[:1]) is None
    empty = np.zeros((3, 2))
    assert rate_interval(draw_sums(empty), empty) is None


def test_a_difference_has_either_sign_and_a_probability() -> None:
    base = simulate(5, 400, 0.2)
    worse = base[:, [0, 1, 0, 1]]
    worse[:, 0] += np.arange(400) % 4 == 0
    found = rate_difference(draw_sums(worse), worse)
    assert found.value == pytest.approx(100 / base[:, 1].sum())
    assert found.interval is not None
    assert 0 < found.interval.low < found.value < found.interval.high
    assert found.probability == 1.0
    same = base[:, [0, 1, 0, 1]]
    assert rate_difference(draw_sums(same), same)[0::2] == (0.0, 0.5)


def test_scores_have_intervals_by_utterance_and_by_speaker() -> None:
    texts = {f"u{n}": "a b c d e" for n in range(12)}
    heard = {name: "a b c d x" if n % 3 == 0 else "a b c d e" for n, name in enumerate(texts)}
    scores = score(texts, heard)
    speakers = {name: f"s{n % 4}" for n, name in enumerate(texts)}
    both = score_intervals(scores, speakers)["words"]
    assert both.by_utterance is not None
    assert both.by_speaker is not None
    assert (both.by_utterance.num_blocks, both.by_speaker.num_blocks) == (12, 4)
    assert both.by_utterance.low < scores.wer < both.by_utterance.high
    assert score_intervals(scores, {})["words"] == (both.by_utterance, None)
    assert score_intervals(scores, dict.fromkeys(texts, "one"))["words"].by_speaker is None


def test_reports_hold_intervals_and_say_which_to_believe(tmp_path: Path) -> None:
    rows = [
        {
            "id": f"u{n}",
            "reference": "a b",
            "hypothesis": ("a b", "a", "x y")[n % 3],
            "speaker": f"s{n % 3}",
        }
        for n in range(9)
    ]
    (tmp_path / "hyp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("score", tmp_path)
    assert "95 % by speaker" in done.stdout
    values = json.loads((tmp_path / "report.json").read_text("utf-8"))
    interval = values["units"]["words"]["interval_95"]["by_speaker"]
    assert interval["num_blocks"] == 3
    assert interval["low"] < values["wer"] < interval["high"]
    markdown = (tmp_path / "report.md").read_text("utf-8")
    assert "| words | 50.00 | " in markdown
    assert "95 % intervals by speaker, of 3, are to be believed of other speakers" in markdown
    rows[4]["speaker"] = "unknown"
    for _ in range(2):
        (tmp_path / "hyp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        run("score", tmp_path)
        assert "who speaks is not known" in (tmp_path / "report.md").read_text("utf-8")
        values = json.loads((tmp_path / "report.json").read_text("utf-8"))
        assert values["units"]["words"]["interval_95"]["by_speaker"] is None
        for row in rows:
            row["speaker"] = None


def test_speakers_of_stm_are_known_of_all_its_lines_or_of_none(tmp_path: Path) -> None:
    names = ["ann", "ben", "cem", "ann"]
    for unknown, message in ((3, "who speaks is not known"), (9, "by speaker, of 3")):
        said = ["unknown" if n == unknown else name for n, name in enumerate(names)]
        lines = [f"f{n} 1 {name} {n} {n + 1} a b\n" for n, name in enumerate(said)]
        (tmp_path / "ref.stm").write_text("".join(lines))
        words = [f"f{n} 1 {n}.1 0.5 a\n" for n in range(4)]
        (tmp_path / "hyp.ctm").write_text("".join(words))
        run(
            "score", "--ref", tmp_path / "ref.stm", "--hyp", tmp_path / "hyp.ctm", "--out", tmp_path
        )
        assert message in (tmp_path / "report.md").read_text("utf-8")

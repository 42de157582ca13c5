"""How often 95 % intervals hold the true rate, of simulated sets: ours, and percentiles.

    python tests/benchmarks/interval_coverage.py [--sets 1000]

Utterances of 2 to 25 words have errors in clumps; speakers differ by a factor. Intervals by
utterance are tried where speakers do not differ, by speaker where they do.
"""

import argparse
import time

import numpy as np

from asr.scoring.intervals import block_sums, draw_sums, rate_interval

NUM_DRAWS = 1000
PER_SPEAKER = 40  # utterances


def main() -> None:
    """Prints a row for each kind of set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", type=int, default=1000)
    sets = parser.parse_args().sets
    print("| blocks | rate (%) | speakers differ by | ours (%) | percentiles (%) |")
    print("|---|---:|---:|---:|---:|")
    for number in (20, 50, 200, 1000):
        for rate in (0.02, 0.1, 0.4):
            show(f"{number} utterances", cover(number, rate, sets=sets), rate, 0.0)
    for number in (2, 3, 5, 10, 20, 40):
        for spread in (0.3, 0.6):
            found = cover(number, 0.1, spread=spread, per_block=PER_SPEAKER, sets=sets)
            show(f"{number} speakers", found, 0.1, spread)
    sums = simulate(np.random.default_rng(0), 3000, 0.1)
    began = time.perf_counter()
    draw_sums(sums, num_draws=10_000)
    print(f"10,000 draws of 3,000 utterances: {time.perf_counter() - began:.2f} s")


def show(blocks: str, found: tuple[float, float], rate: float, spread: float) -> None:
    """Prints one row."""
    shares = " | ".join(f"{100 * share:.1f}" for share in found)
    print(f"| {blocks} | {100 * rate:.0f} | {np.exp(spread):.2f} | {shares} |", flush=True)


def simulate(
    rng: np.random.Generator, num_blocks: int, rate: float, *, spread: float = 0.0, size: int = 1
) -> np.ndarray:
    """Returns errors and words (blocks, 2) of a set."""
    factors = np.exp(spread * rng.standard_normal(num_blocks) - spread**2 / 2)
    words = rng.integers(2, 26, size=(num_blocks, size))
    clumps = rng.gamma(0.7, 1 / 0.7, size=words.shape)
    shares = np.clip(rate * factors[:, None] * clumps, 0.0, 0.95)
    errors = rng.binomial(words, shares)
    return block_sums(np.stack([errors.sum(axis=1), words.sum(axis=1)], axis=1))


def cover(
    num_blocks: int, rate: float, *, spread: float = 0.0, per_block: int = 1, sets: int
) -> tuple[float, float]:
    """Returns the shares of sets whose interval holds the true rate: ours, and percentiles."""
    errors, words = simulate(np.random.default_rng(7), 400_000, rate, spread=spread).sum(axis=0)
    truth = errors / words
    ours = theirs = 0
    for seed in range(sets):
        rng = np.random.default_rng([seed, num_blocks])
        sums = simulate(rng, num_blocks, rate, spread=spread, size=per_block)
        drawn = draw_sums(sums, seed=seed, num_draws=NUM_DRAWS)
        interval = rate_interval(drawn, sums)
        assert interval is not None
        ours += interval.low <= truth <= interval.high
        low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
        theirs += low <= truth <= high
    return ours / sets, theirs / sets


if __name__ == "__main__":
    main()

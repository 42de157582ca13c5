import numpy as np
import pytest

from asr.data.plan import (
    Corpus,
    Limits,
    Plan,
    _shuffled_shards,
    draws_of,
    plan_ordered,
    plan_shuffled,
)
from asr.errors import ConfigError

LIMITS = Limits(batch_seconds=30.0, max_utterances=None, num_buckets=4)


def corpus_of(*counts: int, seed: int = 0, least: float = 0.5, most: float = 12.0) -> Corpus:
    """Returns shards of so many utterances, of which every seventh is not kept."""
    seconds = np.random.default_rng(seed).uniform(least, most, sum(counts))
    kept = np.flatnonzero(np.arange(len(seconds)) % 7 != 3)
    return Corpus(seconds, kept, np.concatenate([[0], np.cumsum(counts)]))


def shuffled(corpus: Corpus, num_ranks: int, *key: int, limits: Limits = LIMITS) -> list[Plan]:
    worlds = [(rank, num_ranks) for rank in range(num_ranks)]
    return [plan_shuffled(corpus, limits, key=key or (1, 0), world=world) for world in worlds]


def ordered(corpus: Corpus, num_ranks: int) -> list[Plan]:
    return [plan_ordered(corpus, LIMITS, world=(rank, num_ranks)) for rank in range(num_ranks)]


def shards_of(corpus: Corpus, plan: Plan) -> set[int]:
    return set((np.searchsorted(corpus.starts, plan.order, "right") - 1).tolist())


@pytest.mark.parametrize("counts", [(50, 50, 50), (7, 0, 93, 31, 12), (131,), (3, 3, 3, 3, 3)])
@pytest.mark.parametrize("num_ranks", [1, 2, 3, 4])
@pytest.mark.parametrize("plans_of", [shuffled, ordered])
def test_every_utterance_is_heard_once_over_all_ranks_in_as_many_batches(
    counts: tuple[int, ...], num_ranks: int, plans_of: object
) -> None:
    corpus = corpus_of(*counts)
    plans = plans_of(corpus, num_ranks)  # type: ignore[operator]
    together = np.sort(np.concatenate([plan.order for plan in plans]))
    np.testing.assert_array_equal(together, corpus.kept)
    assert len({plan.num_batches for plan in plans}) == 1
    for plan in plans:
        batches = [plan.batch(number) for number in range(plan.num_batches)]
        np.testing.assert_array_equal(np.concatenate(batches), plan.order)
        for batch in batches:
            assert len(batch) >= 1
            assert len(batch) * corpus.seconds[batch].max() <= LIMITS.batch_seconds


def test_a_plan_follows_from_its_key() -> None:
    corpus = corpus_of(40, 40, 40)
    (one,), (same,), (other,) = (shuffled(corpus, 1, *key) for key in ((1, 0), (1, 0), (1, 1)))
    np.testing.assert_array_equal(one.order, same.order)
    assert one.order.tolist() != other.order.tolist()
    assert one.order[:8].tolist() == [37, 16, 114, 98, 116, 91, 77, 5]  # of every version of numpy


def test_each_rank_has_its_own_shards_but_for_those_at_the_borders() -> None:
    corpus = corpus_of(*[30] * 12)
    for epoch in range(3):
        plans = shuffled(corpus, 3, 1, epoch)
        seen = [shards_of(corpus, plan) for plan in plans]
        assert set().union(*seen) == set(range(12))
        assert sum(map(len, seen)) <= 12 + 2
        assert seen[0] != shards_of(corpus, shuffled(corpus, 3, 1, epoch + 1)[0])


def test_shards_are_read_one_stretch_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.data.plan.STRETCH", 60)
    corpus = corpus_of(*[35] * 12)._replace(kept=np.arange(12 * 35))
    (plan,) = shuffled(corpus, 1)
    where = np.searchsorted(corpus.starts, plan.order, "right") - 1
    for start in range(0, len(where), 60):
        assert len(set(where[start : start + 60].tolist())) <= 3


def test_batches_hold_similar_lengths_and_are_nearly_full() -> None:
    corpus = corpus_of(*[1000] * 5)
    (plan,) = shuffled(corpus, 1, limits=Limits(120.0, None, 10))
    longest = [corpus.seconds[plan.batch(k)].max() for k in range(plan.num_batches)]
    sums = [corpus.seconds[plan.batch(k)].sum() for k in range(plan.num_batches)]
    padded = sum(len(plan.batch(k)) * longest[k] for k in range(plan.num_batches))
    assert sum(sums) / padded > 0.85
    assert np.mean(sums) > 0.75 * 120
    assert np.abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.15


def test_no_batch_holds_more_than_the_most_utterances() -> None:
    (plan,) = shuffled(corpus_of(100), 1, limits=LIMITS._replace(max_utterances=3))
    assert max(len(plan.batch(k)) for k in range(plan.num_batches)) == 3


def test_an_ordered_plan_goes_from_short_to_long_on_every_rank() -> None:
    corpus = corpus_of(50, 50, 21)
    for plan in ordered(corpus, 3):
        lengths = corpus.seconds[plan.order]
        assert lengths.tolist() == sorted(lengths)


@pytest.mark.parametrize("plans_of", [shuffled, ordered])
def test_too_few_utterances_for_the_ranks_are_refused(plans_of: object) -> None:
    corpus = corpus_of(3)
    with pytest.raises(ConfigError, match="3 utterances cannot be shared by 4 processes so that"):
        plans_of(corpus, 4)  # type: ignore[operator]
    nothing = corpus._replace(kept=np.zeros(0, np.int64))
    assert [plan.num_batches for plan in plans_of(nothing, 2)] == [0, 0]  # type: ignore[operator]


def test_old_data_are_spread_evenly_among_the_others_and_change_nothing_of_their_order() -> None:
    new, old = corpus_of(40, 40, 40), corpus_of(9, 9, seed=1)
    both = new.among(old)
    assert both.seconds[both.starts[3] :].tolist() == old.seconds.tolist()
    np.testing.assert_array_equal(np.sort(both.kept), both.kept)
    sequence = _shuffled_shards(both, draws_of(1, 0))
    is_old = sequence >= 120
    assert sorted((sequence[is_old] - 120).tolist()) == old.kept.tolist()
    np.testing.assert_array_equal(sequence[~is_old], _shuffled_shards(new, draws_of(1, 0)))
    gaps = np.diff(np.flatnonzero(is_old))
    assert set(gaps.tolist()) <= {7, 8}
    counts = [(plan.order >= 120).sum() for plan in shuffled(both, 2)]
    assert abs(counts[0] - counts[1]) <= 1

"""Numbers in classes of about equally many."""

from asr.scoring.bins import quantile_bins


def test_different_numbers_are_in_classes_of_equally_many() -> None:
    assert quantile_bins([3.0, 1.0, 2.0, 4.0], 2).tolist() == [1, 0, 0, 1]
    assert quantile_bins([5.0, 4.0, 3.0, 2.0, 1.0, 0.0], 3).tolist() == [2, 2, 1, 1, 0, 0]


def test_equal_numbers_are_in_one_class_and_no_class_is_empty() -> None:
    assert quantile_bins([1.0, 1.0, 1.0, 2.0], 4).tolist() == [0, 0, 0, 1]
    assert quantile_bins([0.5] * 3, 10).tolist() == [0, 0, 0]
    assert quantile_bins([], 10).tolist() == []


def test_there_are_no_more_classes_than_numbers() -> None:
    assert quantile_bins([2.0, 1.0], 10).tolist() == [1, 0]

"""Intervals against cases worked out by hand and against formulas for normal samples."""

import numpy as np
import pytest
from scipy import stats

from reporting.intervals import (
    bootstrap,
    change_per_goal,
    interquartile_mean,
    probability_of_less,
    relative_change,
    student_t,
)


def test_student_t_of_three_values_by_hand():
    """Mean 2, standard deviation 1, and t(0.975, 2) = 4.302653 from the tables."""
    assert student_t([1, 2, 3]) == pytest.approx((2, 2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), abs=1e-5)
    mean, low, high = student_t([5])
    assert mean == 5
    assert np.isnan([low, high]).all()


def test_bootstrap_of_five_values_by_hand():
    """The sum of five draws from {0, 0, 0, 0, 1} is 0 with probability 0.33, above 3 with 0.0067, above 4 with 0.0003;
    0.00095 are outside on either side (t is 2.776, times sqrt(5 / 4) 3.104): the mean ends at 0 and at 4 / 5."""
    assert bootstrap(np.mean, [0, 0, 0, 0, 1]) == pytest.approx((0.2, 0.0, 0.8))
    assert bootstrap(np.mean, [4] * 5) == (4, 4, 4)


def test_fewer_values_have_no_interval():
    assert np.isnan(bootstrap(np.mean, [1, 2, 3, 4])[1:]).all()


def test_bootstrap_of_a_large_normal_sample_is_the_normal_interval():
    values = np.random.default_rng(0).normal(10, 2, 400)
    mean, low, high = bootstrap(np.mean, values)
    half = 1.96 * values.std() / 20
    assert (mean, low, high) == pytest.approx((values.mean(), mean - half, mean + half), abs=0.02)
    assert bootstrap(np.mean, values) == (mean, low, high)  # seeded


def test_bootstrap_of_a_small_normal_sample_is_students_interval():
    """Plain percentiles would be a fifth narrower."""
    values = stats.norm.ppf((np.arange(10) + 0.5) / 10)  # as normal as ten values can be
    half = student_t(values)[2] - values.mean()
    _, low, high = bootstrap(np.mean, values)
    assert (-low / half, high / half) == pytest.approx((1, 1), abs=0.05)


def test_bootstrap_of_paired_samples_keeps_the_pairs():
    """Always half: whichever seeds are drawn the change is -50 %, which unpaired draws would not give."""
    theirs = np.array([10.0, 20, 40, 80, 160])
    assert bootstrap(relative_change, theirs / 2, theirs) == pytest.approx((-0.5, -0.5, -0.5))


def test_change_per_goal_by_hand():
    """Half the cost, but a quarter of the goals: 2 / 0.25 = 8 a goal instead of 4 / 1, so twice as much."""
    assert change_per_goal([1, 3], [4, 4], [0.5, 0], [1, 1]) == pytest.approx(1.0)
    assert change_per_goal([1, 3], [4, 4], [0, 0], [1, 1]) == np.inf
    assert np.isnan(change_per_goal([1, 3], [4, 4], [1, 1], [0, 0]))


def test_interquartile_mean_by_hand():
    assert interquartile_mean([100, 1, 2, 3, 4, 5, 6, -100]) == pytest.approx(3.5)  # of 2, 3, 4, 5


def test_probability_of_less_is_mann_whitneys():
    rng = np.random.default_rng(0)
    ours, theirs = rng.integers(0, 9, 10), rng.integers(3, 12, 8)
    expected = stats.mannwhitneyu(theirs, ours).statistic / 80
    assert probability_of_less(ours, theirs) == pytest.approx(expected)
    assert probability_of_less([1, 2], [2, 3]) == pytest.approx((1 + 1 + 0.5 + 1) / 4)

"""The checks of intervals and verdicts against hand computation, those of faults on a few runs of the tiny data set."""

import numpy as np
import pandas as pd
import pytest

from studies import verdict_errors


@pytest.mark.parametrize(
    ("way", "mean", "cap", "expected"),
    [
        ("proportional", 10, np.inf, [5, 10, 15]),
        ("shifted", 10, np.inf, [0, 10, 20]),
        ("proportional", 26, 36, [14, 28, 36]),  # 10 s + 20 s + 36 = 78: s is 1.4, and 30 s = 42 is cut
        ("shifted", 28, 36, [19, 29, 36]),  # 10 + a + 20 + a + 36 = 84: a is 9, and 30 + a = 39 is cut
    ],
)
def test_rescaled_by_hand(way, mean, cap, expected):
    assert verdict_errors.rescaled(np.array([10.0, 20, 30]), mean, way, cap) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "says"),
    [(-0.6, [1, 0, 0, 0, 1]), (-0.4, [0, 1, 0, 0, 0]), (0.1, [0, 0, 0, 1, 0])],
)
def test_rates_of_a_change_without_scatter(change, says):
    """The claim is -50 %, and every experiment finds what is true."""
    theirs = np.linspace(20, 30, 10)
    pair = (1 + change) * theirs, theirs
    rates = verdict_errors.rates(-0.5, pair, 5, 3, np.random.default_rng(0))
    assert list(rates.values()) == says


def test_former_rule_took_wide_intervals_for_the_claim():
    """Half of the seeds at -20 %, half at -60 %: many an interval reaches -50 % from near -20 %."""
    theirs = np.full(10, 20.0)
    pair = np.repeat([8.0, 16.0], 5), theirs
    rates = verdict_errors.rates(-0.5, pair, 5, 40, np.random.default_rng(0))
    assert rates["reproduced, former rule"] > rates["reproduced"]
    assert sum(list(rates.values())[:4]) == pytest.approx(1)


def test_ranges_are_over_all_populations():
    row = dict.fromkeys(verdict_errors.OUTCOMES, 0.25) | {"claim": "training rounds", "true change": -0.0, "seeds": 5}
    table = pd.DataFrame([row, row | {"worse": 0.5}])
    (shown,) = verdict_errors.ranges(table).to_dict("records")
    assert (shown["true change"], shown["reproduced"], shown["worse"]) == ("none", "25.0%", "25.0% to 50.0%")

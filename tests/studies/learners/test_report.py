"""The report of the study of learners: at which learning accuracy methods are compared, and what is concluded."""

import numpy as np
import pandas as pd
import pytest

from studies.learners import report


def runs(method, rate, learned, acc):
    """Returns rows of a sequence's metrics over the seeds, as task_sequences.read does."""
    return [
        {"scenario": "permuted", "method": method, "rate": rate, "strength": 0.0, "seed": seed, "acc": value}
        | {"learning_accuracy": learned, "forgetting": 0.1, "backward_transfer": -0.1}
        for seed, value in enumerate(acc)
    ]


def sequences():
    """Backpropagation learns best at 0.3 and forgets less at 0.1; l1 is between them, random learns too little."""
    return pd.DataFrame(
        runs("backpropagation", 0.01, 0.90, [0.80, 0.80, 0.80])
        + runs("backpropagation", 0.1, 0.957, [0.70, 0.71, 0.72])
        + runs("backpropagation", 0.3, 0.96, [0.60, 0.61, 0.62])
        + runs("l1", 0.1, 0.94, [0.90, 0.90, 0.90])
        + runs("l1", 0.3, 0.961, [0.65, 0.67, 0.66])
        + runs("random", 0.3, 0.945, [0.9, 0.9, 0.9])
        + runs("joint", 0.1, 0.0, [0.97, 0.97, 0.97])
    )


def test_rates_at_which_methods_are_compared():
    assert report.compared_rates(sequences(), "nearest") == {"backpropagation": 0.3, "l1": 0.3}
    assert report.compared_rates(sequences(), "best") == {"backpropagation": 0.1, "l1": 0.3}


def test_frontiers_by_hand():
    """Backpropagation at l1's learning accuracy: between 0.90 and 0.957 at 0.94, at its end 0.96 for 0.961."""
    share = (0.94 - 0.90) / (0.957 - 0.90)
    expected = [np.mean([0.8 + share * (first - 0.8), first - 0.1]) for first in (0.70, 0.71, 0.72)]
    rates, ours, theirs = report.compared(sequences(), sequences(), "frontier")["l1"]
    assert rates == [0.1, 0.3]
    assert theirs["acc"].tolist() == pytest.approx(expected)
    assert ours["acc"].tolist() == pytest.approx([0.775, 0.785, 0.78])
    _, ours, theirs = report.compared(sequences(), sequences(), "frontier")["backpropagation"]
    pd.testing.assert_frame_equal(ours, theirs)


def test_rates_are_chosen_by_the_tuning_and_not_by_what_is_reported():
    """In the tuning backpropagation is best at 0.1, and l1 at 0.1 learns as much and remembers more than at 0.3."""
    tuned = pd.DataFrame(
        runs("backpropagation", 0.01, 0.90, [0.80, 0.80])
        + runs("backpropagation", 0.1, 0.97, [0.85, 0.85])
        + runs("backpropagation", 0.3, 0.96, [0.60, 0.60])
        + runs("l1", 0.1, 0.965, [0.90, 0.90])
        + runs("l1", 0.3, 0.961, [0.65, 0.65])
        + runs("random", 0.3, 0.5, [0.9, 0.9])
    )
    for rule in ("nearest", "best"):
        parts = report.compared(sequences(), tuned, rule)
        assert {method: rates for method, (rates, _, _) in parts.items()} == {"backpropagation": [0.1], "l1": [0.1]}
        _, ours, theirs = parts["l1"]
        assert ours["acc"].tolist() == [0.90, 0.90, 0.90]  # as reported, over the seeds that are
        assert theirs["acc"].tolist() == [0.70, 0.71, 0.72]
    parts = report.compared(sequences(), tuned, "frontier")
    rates, ours, theirs = parts["l1"]
    assert rates == [0.1]  # 0.3 learns less and remembers less
    # in the tuning backpropagation's frontier is its rate 0.1 alone
    assert theirs["acc"].tolist() == [0.70, 0.71, 0.72]
    assert ours["acc"].tolist() == [0.90, 0.90, 0.90]


def test_methods_are_matched_where_they_are_reported_to_learn_equally_well():
    """The tuning puts backpropagation's rates 0.01 and 0.3 on its frontier, and l1 half way between them. As reported
    l1 has learned 0.94, which is two thirds of the way from 0.90 to 0.96."""
    tuned = pd.DataFrame(
        runs("backpropagation", 0.01, 0.90, [0.80])
        + runs("backpropagation", 0.1, 0.89, [0.70])
        + runs("backpropagation", 0.3, 0.98, [0.60])
        + runs("l1", 0.1, 0.94, [0.7])
    )
    _, ours, theirs = report.compared(sequences().query("method != 'random'"), tuned, "frontier")["l1"]
    assert theirs["acc"].tolist() == pytest.approx([0.8 + 2 / 3 * (acc - 0.8) for acc in (0.60, 0.61, 0.62)])
    assert theirs["learning_accuracy"].tolist() == pytest.approx(ours["learning_accuracy"].tolist())


def test_what_learns_less_at_every_rate_is_not_compared_on_the_frontier():
    table = sequences()
    table.loc[table["method"] == "random", "learning_accuracy"] = 0.89
    assert set(report.compared(table, table, "frontier")) == {"backpropagation", "l1"}


def test_dominated_rates_are_no_part_of_a_frontier():
    means = pd.DataFrame({"learning_accuracy": [0.9, 0.95, 0.97, 0.96], "acc": [0.5, 0.6, 0.5, 0.4]}, [1, 2, 3, 4])
    assert report.undominated(means).index.tolist() == [2, 3]


def test_claim_needs_all_rules():
    rows = report.forgetting_table(sequences(), sequences())
    by_rule = rows[rows["method"] == "l1"].set_index("rule")
    assert by_rule["verdict"].to_dict() == {"nearest": "supported", "best": "not supported", "frontier": "supported"}
    # differences 5, 6, 4 points: mean 5, standard deviation 1, half width 4.302653 / sqrt(3) = 2.5
    assert by_rule.loc["nearest", "ACC against backpropagation"] == "+5.0 (+2.5 to +7.5)"
    assert by_rule.loc["best", "ACC against backpropagation"] == "-5.0 (-7.5 to -2.5)"
    random = rows[rows["method"] == "random"].set_index("rule")["verdict"]
    assert set(random.drop("frontier")) == {"not comparable at any rate"}
    assert "**undecided**" in report.claim(rows)


@pytest.mark.parametrize(("shift", "says"), [(0.2, "supported, by l1 in permuted"), (-0.2, "not supported")])
def test_claim_in_plain_words(shift, says):
    table = sequences()
    table.loc[table["method"] == "l1", "acc"] += shift
    assert f"**{says}**" in report.claim(report.forgetting_table(table, table))


def test_one_seed_decides_nothing():
    table = sequences()
    rows = report.forgetting_table(table[table["seed"] == 0], table)
    assert set(rows[rows["method"] == "l1"]["verdict"]) == {"not testable with one seed"}
    assert "**undecided**" in report.claim(rows)

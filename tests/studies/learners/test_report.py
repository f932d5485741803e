"""The report of the study of learners: at which learning accuracy methods are compared, and what is concluded."""

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


def test_curve_by_hand():
    """Backpropagation at 0.94 is between its 0.90 and 0.957. No rate of backpropagation learns 0.961, as l1 at 0.3."""
    share = (0.94 - 0.90) / (0.957 - 0.90)
    rates, ours, theirs = report.compared(sequences(), sequences(), "curve")["l1"]
    assert rates == [0.1]
    assert theirs["acc"].tolist() == pytest.approx([0.8 + share * (acc - 0.8) for acc in (0.70, 0.71, 0.72)])
    assert theirs["learning_accuracy"].tolist() == pytest.approx(ours["learning_accuracy"].tolist())
    assert ours["acc"].tolist() == [0.90, 0.90, 0.90]
    rates, ours, theirs = report.compared(sequences(), sequences(), "curve")["backpropagation"]
    assert rates == [0.01, 0.1, 0.3]
    assert ours["acc"].tolist() == pytest.approx([0.70, 0.8 - 0.28 / 3, 0.8 - 0.26 / 3])
    pd.testing.assert_frame_equal(ours, theirs)


def test_curve_is_the_mean_over_the_rates():
    """A second rate of l1 learns as much as backpropagation at 0.1, and remembers 0.02 less."""
    table = pd.concat([sequences(), pd.DataFrame(runs("l1", 0.2, 0.957, [0.68, 0.69, 0.70]))])
    share = (0.94 - 0.90) / (0.957 - 0.90)
    rates, ours, theirs = report.compared(table, table, "curve")["l1"]
    assert rates == [0.1, 0.2]
    expected = [((0.9 - 0.8 - share * (acc - 0.8)) - 0.02) / 2 for acc in (0.70, 0.71, 0.72)]
    assert (ours["acc"] - theirs["acc"]).tolist() == pytest.approx(expected)


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


@pytest.mark.parametrize("learned", [0.899, 0.961])
def test_what_learns_less_or_more_than_backpropagation_at_every_rate_is_not_on_its_curve(learned):
    table = sequences()
    table.loc[table["method"] == "random", "learning_accuracy"] = learned
    assert set(report.compared(table, table, "curve")) == {"backpropagation", "l1"}


def test_claim_needs_all_rules():
    rows = report.forgetting_table(sequences(), sequences())
    by_rule = rows[rows["method"] == "l1"].set_index("rule")
    assert by_rule["verdict"].to_dict() == {"nearest": "supported", "best": "not supported", "curve": "supported"}
    # differences 5, 6, 4 points: mean 5, standard deviation 1, half width 4.302653 / sqrt(3) = 2.5
    assert by_rule.loc["nearest", "ACC against backpropagation"] == "+5.0 (+2.5 to +7.5)"
    assert by_rule.loc["best", "ACC against backpropagation"] == "-5.0 (-7.5 to -2.5)"
    random = rows[rows["method"] == "random"].set_index("rule")["verdict"]
    assert set(random.drop("curve")) == {"not comparable at any rate"}
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

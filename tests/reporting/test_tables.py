"""The report's tables against hand computation, on made-up runs."""

import itertools
import json

import numpy as np
import pytest
from helpers import write_run

from reporting import averages, figures, tables
from runs.presets import CHANGES, PAPER, PRESETS


def test_claims_by_hand(folder):
    """All pairs are half of each other, so that the bootstrap's interval is a point at -50 %."""
    table = averages.per_seed(averages.read_runs(folder)[0])
    rounds, cost, accuracy = tables.claim_table(table).to_dict("records")
    assert (rounds["paper"], rounds["ours"], rounds["95 % interval"]) == ("-50.8%", "-50.0%", "-50.0% to -50.0%")
    assert rounds["verdict"] == "reproduced in part: better, but by less than claimed"
    # differences -10, -12, -11, -10, -12: mean -11, standard deviation 1, half width 2.776445 / sqrt(5)
    assert rounds["difference (Student t)"] == f"-11.0 ({-11 - 2.776445 / 5**0.5:.1f} to {-11 + 2.776445 / 5**0.5:.1f})"
    assert (cost["paper"], cost["ours"]) == ("-74.6%", "-50.0%")
    assert (accuracy["ours"], accuracy["verdict"]) == ("+0.050", "reproduced")


def test_a_goal_that_nobody_reaches_tests_no_claim_about_reaching_it(folder):
    table = averages.per_seed(averages.read_runs(folder)[0]).assign(reached_goal=0.0)
    rounds, cost, accuracy = tables.claim_table(table)["verdict"]
    assert rounds == cost == "not testable: no episode reaches the goal"
    assert accuracy == "reproduced"


def test_no_cost_has_no_change(tmp_path):
    """Where all nodes are at one place."""
    for seed in range(5):
        write_run(tmp_path, "dqn", seed, [8 + seed] * 20, [0.0] * 20)
        write_run(tmp_path, "random", seed, [20] * 20, [0.0] * 20)
    rounds, cost = tables.claim_table(averages.per_seed(averages.read_runs(tmp_path)[0])).to_dict("records")
    assert rounds["verdict"] == "reproduced"
    assert (cost["ours"], cost["verdict"]) == ("", "not testable: that of random is zero")


def test_where_all_episodes_end_in_round_1_nothing_is_tested(tmp_path):
    """As with a goal at chance level; a report of such runs says so without a warning."""
    for policy, seed in itertools.product(("dqn", "random", "standalone"), range(5)):
        write_run(tmp_path, policy, seed, [1] * 20, [0.0] * 20)
    runs = averages.read_runs(tmp_path)[0]
    verdicts = tables.claim_table(averages.per_seed(runs))["verdict"].tolist()
    assert verdicts == [
        *["not testable: all episodes end in round 1"] * 2,
        "not testable: all episodes end at the goal",
    ]
    assert "not defined" in tables.markdown(tables.averaging_table(averages.every_average(runs)))


def test_accuracies_past_the_goal_are_not_compared(folder):
    table = averages.per_seed(averages.read_runs(folder)[0]).assign(reached_goal=1.0)
    assert tables.claim_table(table)["verdict"].iloc[-1] == "not testable: all episodes end at the goal"


def test_failures_are_paid_for_by_successes(folder):
    """Half of the cost, with half of the episodes at the goal: as much a goal as the random policy."""
    write_run(folder, "dqn", 5, [36, 12], [0.4, 0.4])
    write_run(folder, "random", 5, [20, 20], [0.8, 0.8])
    runs = {name: run for name, run in averages.read_runs(folder)[0].items() if name.endswith("seed5")}
    row = tables.averaging_table(averages.every_average(runs)).iloc[0]
    assert row["communication cost"] == "-50.0% (no interval)"
    assert row["communication cost per goal reached"] == "+0.0% (no interval)"
    runs["dqn-paper--seed5"]["episodes"]["reached_goal"] = False
    assert (
        tables.averaging_table(averages.every_average(runs)).iloc[0]["communication cost per goal reached"]
        == "goal not reached"
    )


def test_policies_by_hand(folder):
    table = tables.policy_table(averages.per_seed(averages.read_runs(folder)[0])).set_index("policy")
    half = 2 * 2.776445 / 5**0.5
    assert table.loc["random", "rounds"] == f"22.0 ({22 - half:.1f} to {22 + half:.1f})"
    assert table.loc["dqn", "goal reached"] == "100%"
    assert table.loc["standalone", "goal reached"] == "0%"
    assert table["episodes"].tolist() == ["20 (6 to 25)", "2 (1 to 2)", "2 (1 to 2)"]


def test_probability_of_improvement(folder):
    table = tables.improvement_table(averages.per_seed(averages.read_runs(folder)[0])).set_index("against")
    assert table.loc["random", "rounds"].startswith("1.00")
    assert table.loc["standalone", "communication cost"].startswith("0.00")
    assert table.loc["random", "return, difference (Student t)"] == "0.00 (0.00 to 0.00)"


@pytest.mark.parametrize(
    ("low", "high", "says", "of_another"),
    [
        (-0.6, -0.4, "reproduced", "meets"),
        (-0.9, -0.6, "reproduced", "meets"),
        (-0.5, -0.26, "reproduced", "meets"),
        (-0.6, -0.25, "reproduced in part: better, perhaps by less than claimed", "misses: better, perhaps by less"),
        (-0.6, -0.1, "reproduced in part: better, perhaps by less than claimed", "misses: better, perhaps by less"),
        (-0.49, -0.4, "reproduced in part: better, but by less than claimed", "misses: better, but by less"),
        (-0.4, -0.1, "reproduced in part: better, but by less than claimed", "misses: better, but by less"),
        (-0.6, 0.1, "not reproduced: no difference shown", "misses: no difference shown"),
        (0.1, 0.2, "not reproduced: worse", "misses: worse"),
        (np.nan, np.nan, "not testable with so few seeds", "not testable with so few seeds"),
    ],
)
def test_verdicts(low, high, says, of_another):
    """On a claimed change of -50 %, half of which is -25 %."""
    assert tables.verdict(-0.5, low, high) == says
    assert tables.verdict(-0.5, low, high, authors=False).removesuffix(" than claimed") == of_another


def test_a_claim_without_a_figure_is_reproduced_where_zero_is_excluded():
    said = [tables.verdict(0, *interval) for interval in ((-0.2, -0.01), (-0.2, 0.01), (0.01, 0.2))]
    assert said == ["reproduced", "not reproduced: no difference shown", "not reproduced: worse"]


@pytest.mark.parametrize(
    ("preset", "changes", "reproduces"),
    [
        ("paper", {}, True),
        ("published-code", {}, True),
        ("paper", {"goal": 0.7, "nodes": 12}, True),
        ("paper", {"discount": 0.95}, False),
        ("paper", {"target_normalisation": "none"}, False),
        ("paper", {"episodes": 20, "greedy_from": 19}, False),
    ],
)
def test_only_the_authors_agent_reproduces(tmp_path, preset, changes, reproduces):
    others = {name: value for name, value in changes.items() if name in ("goal", "nodes")}
    others["split"] = PRESETS[preset]["split"]
    for seed in range(5):
        write_run(tmp_path, "dqn", seed, [8 + seed % 2] * 20, [0.1] * 20, preset=preset, **changes)
        write_run(tmp_path, "random", seed, [20] * 20, [0.8] * 20, **others)
        write_run(tmp_path, "standalone", seed, [36] * 20, [0] * 20, **others)
    verdicts = tables.claim_table(averages.per_seed(averages.read_runs(tmp_path)[0]))["verdict"]
    assert verdicts.tolist() == ["reproduced" if reproduces else "meets"] * 3


def test_agents_are_compared_with_the_one_random_policy(tmp_path, monkeypatch, unrendered):
    """A preset that changes the agent alone makes no other random policy; single settings do not either."""
    monkeypatch.setitem(CHANGES, "other", {"updates": 9, "discount": 0.5})
    monkeypatch.setitem(PRESETS, "other", PAPER | CHANGES["other"])  # the last of the presets
    for seed in (0, 1):
        write_run(tmp_path, "dqn", seed, [10] * 2, [1] * 2)
        write_run(tmp_path, "dqn", seed, [5] * 2, [1] * 2, preset="other")
        write_run(tmp_path, "random", seed, [20] * 2, [1] * 2)
    table = averages.per_seed(averages.read_runs(tmp_path)[0])
    assert list(table.columns[: table.columns.get_loc("policy")]) == ["split", "preset"]
    claims = tables.claim_table(table)
    assert claims[["preset", "ours"]].to_numpy().tolist()[:2] == [["paper", "-50.0%"], ["other", "-75.0%"]]
    assert tables.policy_table(table)[["preset", "policy"]].to_numpy().tolist()[-1] == ["any", "random"]
    figures.draw(tmp_path, averages.read_runs(tmp_path)[0], table)


def test_agents_of_another_setting_are_compared_with_the_random_policy_of_theirs(tmp_path):
    """The goal of the preset quick concerns the random policy too."""
    for seed in range(5):
        for preset, rounds in (("paper", 20), ("quick", 8)):
            write_run(tmp_path, "dqn", seed, [rounds // 2] * 20, [1] * 20, preset=preset, limit=20)
            write_run(tmp_path, "random", seed, [rounds] * 20, [1] * 20, preset=preset, limit=21)
    claims = tables.claim_table(averages.per_seed(averages.read_runs(tmp_path)[0]))
    rounds = claims.iloc[:2]
    assert rounds[["preset", "seeds", "ours"]].to_numpy().tolist() == [["paper", 5, "-50.0%"], ["quick", 5, "-50.0%"]]


def test_agents_side_by_side_by_hand(tmp_path):
    """The second agent against the first, over the seeds of both."""
    for seed, rounds in enumerate([10, 12, 99]):
        write_run(tmp_path, "dqn", seed, [rounds] * 2, [1] * 2)
        write_run(tmp_path, "random", seed, [20] * 2, [1] * 2)
    for seed in (0, 1, 7):
        write_run(tmp_path, "route-agent", seed, [6] * 2, [0.5] * 2)
    table = averages.per_seed(averages.read_runs(tmp_path)[0])
    (row,) = tables.difference_table(table).to_dict("records")
    assert (row["policy"], row["against"], row["seeds"], row["rounds"]) == ("route-agent", "dqn", 2, "6.0")
    # differences -4 and -6: standard error 1, Student's t 12.706 with one degree of freedom
    assert row["rounds, difference (Student t)"] == "-5.0 (-17.7 to 7.7)"
    assert row["cost, difference (Student t)"] == "-0.500 (-0.500 to -0.500)"
    claims = tables.claim_table(table)
    assert claims[["policy", "seeds", "verdict"]].to_numpy().tolist()[:2] == [
        ["dqn", 3, "not testable with so few seeds"],
        ["route-agent", 2, "not testable with so few seeds"],
    ]
    assert tables.improvement_table(table)[["policy", "against"]].to_numpy().tolist() == [
        ["dqn", "random"],
        ["route-agent", "random"],
    ]


def test_one_run_that_fails_does_not_decide_about_agents_side_by_side(tmp_path):
    """The middle half of the differences 1, 1, ..., 1 and 26 is 1."""
    for seed in range(10):
        write_run(tmp_path, "dqn", seed, [9] * 2, [1.0] * 2)
        write_run(tmp_path, "route-agent", seed, [10 if seed else 35] * 2, [1.0] * 2)
    (row,) = tables.difference_table(averages.per_seed(averages.read_runs(tmp_path)[0])).to_dict("records")
    assert row["rounds, difference (Student t)"].startswith("3.5 (-2.2 to")  # 2.5 is the error, 2.262 the quantile
    assert row["rounds, interquartile mean of the differences (bootstrap)"].startswith("1.0 (1.0 to")


def test_agents_without_a_seed_in_common_are_not_compared(tmp_path):
    write_run(tmp_path, "dqn", 0, [9], [1])
    write_run(tmp_path, "route-agent", 1, [5], [1])
    assert tables.difference_table(averages.per_seed(averages.read_runs(tmp_path)[0])).empty


def test_other_data_and_other_leave_rates_are_not_pooled(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    path = write_run(other, "random", 5, [20], [1])
    description = json.loads((path / "run.json").read_text()) | {"dataset": "digits-stand-in"}
    (path / "run.json").write_text(json.dumps(description))
    table = tables.policy_table(averages.per_seed(averages.read_runs(folder, other)[0]))
    assert table[table["policy"] == "random"][["dataset", "seeds"]].to_numpy().tolist() == [
        ["mnist", 5],
        ["digits-stand-in", 1],
    ]
    homes = tmp_path_factory.mktemp("homes")
    for rate in (0.1, 0.2):
        write_run(homes / f"{rate}", "home", 0, [20], [1], home_leave_rate=rate)
    table = averages.per_seed(averages.read_runs(folder, homes / "0.1", homes / "0.2")[0])
    rows = tables.policy_table(table)
    assert rows[rows["policy"] == "home"]["home_leave_rate"].tolist() == [0.1, 0.2]
    assert rows[rows["policy"] == "dqn"]["home_leave_rate"].tolist() == ["any"]

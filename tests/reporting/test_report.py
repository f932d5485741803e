"""The report's numbers against hand computation, on runs made up for it."""

import json

import numpy as np
import pytest
from conftest import write_run

import report
from reporting import averages
from reporting import figures as report_figures
from reporting import tables as report_tables
from settings.presets import CHANGES, PAPER, PRESETS


def test_claims_by_hand(folder):
    """All pairs are half of each other, so that the bootstrap's interval is a point at -50 %."""
    table = averages.per_seed(averages.read_runs(folder)[0])
    rounds, cost, accuracy = report_tables.claim_table(table).to_dict("records")
    assert (rounds["paper"], rounds["ours"], rounds["95 % interval"]) == ("-50.8%", "-50.0%", "-50.0% to -50.0%")
    assert rounds["verdict"] == "reproduced in part: better, but by less than claimed"
    # differences -10, -12, -11, -10, -12: mean -11, standard deviation 1, half width 2.776445 / sqrt(5)
    assert rounds["difference (Student t)"] == f"-11.0 ({-11 - 2.776445 / 5**0.5:.1f} to {-11 + 2.776445 / 5**0.5:.1f})"
    assert (cost["paper"], cost["ours"]) == ("-74.6%", "-50.0%")
    assert (accuracy["ours"], accuracy["verdict"]) == ("+0.050", "reproduced")


def test_a_goal_that_nobody_reaches_tests_no_claim_about_reaching_it(folder):
    table = averages.per_seed(averages.read_runs(folder)[0]).assign(reached_goal=0.0)
    rounds, cost, accuracy = report_tables.claim_table(table)["verdict"]
    assert rounds == cost == "not testable: no episode reaches the goal"
    assert accuracy == "reproduced"


def test_accuracies_past_the_goal_are_not_compared(folder):
    table = averages.per_seed(averages.read_runs(folder)[0]).assign(reached_goal=1.0)
    assert report_tables.claim_table(table)["verdict"].iloc[-1] == "not testable: all episodes end at the goal"


def test_averages_name_their_episodes(folder):
    runs = averages.read_runs(folder)[0]
    means = {
        average: averages.per_seed(runs, average).query("policy == 'dqn'")["rounds"].mean()
        for average in averages.AVERAGES
    }
    assert means == pytest.approx({"last-20": 11, "last-10": 11, "all": (5 * 30 + 20 * 11) / 25, "best": 11})
    table = report_tables.averaging_table(averages.every_average(runs))
    assert table["averaged"].tolist() == [text for text, _ in averages.AVERAGES.values()]
    assert table["communication cost"].iloc[[0, 3]].tolist() == ["-50.0% (-50.0% to -50.0%)"] * 2
    # 5 episodes of cost 1 and 20 of 0.4, against 0.8
    assert table["communication cost per goal reached"].iloc[2] == "-35.0% (-35.0% to -35.0%)"


def test_failures_are_paid_for_by_successes(folder):
    """Half of the cost, with half of the episodes at the goal: as much a goal as the random policy."""
    write_run(folder, "dqn", 5, [36, 12], [0.4, 0.4])
    write_run(folder, "random", 5, [20, 20], [0.8, 0.8])
    runs = {name: run for name, run in averages.read_runs(folder)[0].items() if name.endswith("seed5")}
    row = report_tables.averaging_table(averages.every_average(runs)).iloc[0]
    assert row["communication cost"] == "-50.0% (no interval)"
    assert row["communication cost per goal reached"] == "+0.0% (no interval)"
    runs["dqn-paper--seed5"]["episodes"]["reached_goal"] = False
    assert (
        report_tables.averaging_table(averages.every_average(runs)).iloc[0]["communication cost per goal reached"]
        == "goal not reached"
    )


def test_policies_by_hand(folder):
    table = report_tables.policy_table(averages.per_seed(averages.read_runs(folder)[0])).set_index("policy")
    half = 2 * 2.776445 / 5**0.5
    assert table.loc["random", "rounds"] == f"22.0 ({22 - half:.1f} to {22 + half:.1f})"
    assert table.loc["dqn", "goal reached"] == "100%"
    assert table.loc["standalone", "goal reached"] == "0%"
    assert table["episodes"].tolist() == ["20 (6 to 25)", "2 (1 to 2)", "2 (1 to 2)"]


def test_probability_of_improvement(folder):
    table = report_tables.improvement_table(averages.per_seed(averages.read_runs(folder)[0])).set_index("dqn below")
    assert table.loc["random", "rounds"].startswith("1.00")
    assert table.loc["standalone", "communication cost"].startswith("0.00")
    assert table.loc["random", "return, difference (Student t)"] == "0.00 (0.00 to 0.00)"


def test_a_route_is_the_bound_of_a_gap(folder, tmp_path_factory, capsys):
    """Random needs 22 rounds, DQN 11, the routes of another folder one less: 11 of the 12 rounds' gap are closed."""
    other = tmp_path_factory.mktemp("routes")
    for seed, rounds in enumerate([9, 11, 10, 9, 11]):
        write_run(other, "route", seed, [rounds], [0.1], route="0,1")
    runs = averages.read_runs(folder, other)[0]
    assert f"{other.name}/route-paper--seed0" in runs
    table = report_tables.improvement_table(averages.per_seed(runs)).set_index("dqn below")
    # paired draws of seeds: with rounds 2 x, x, x - 1 the share is x / (x + 1), x from 10 to 12
    assert table.loc["route", "gap in rounds closed"] == "92% (91% to 92%)"
    assert table.loc["random", "gap in rounds closed"] == ""
    assert report.main([str(folder), str(other), "--out", str(other / "both")]) == 0
    assert "| route |" in (other / "both" / "report.md").read_text()
    assert (other / "both" / "figures" / "policies.pdf").exists()
    capsys.readouterr()


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
    assert report_tables.verdict(-0.5, low, high) == says
    assert report_tables.verdict(-0.5, low, high, authors=False).removesuffix(" than claimed") == of_another


def test_a_claim_without_a_figure_is_reproduced_where_zero_is_excluded():
    said = [report_tables.verdict(0, *interval) for interval in ((-0.2, -0.01), (-0.2, 0.01), (0.01, 0.2))]
    assert said == ["reproduced", "not reproduced: no difference shown", "not reproduced: worse"]


@pytest.mark.parametrize(
    ("preset", "changes", "reproduces"),
    [
        ("paper", {}, True),
        ("published-code", {}, True),
        ("paper", {"goal": 0.7, "nodes": 12}, True),
        ("paper", {"discount": 0.95}, False),
        ("paper", {"target_normalisation": "none"}, False),
        ("with-greedy", {"episodes": 20, "greedy_from": 19}, False),
    ],
)
def test_only_the_authors_agent_reproduces(tmp_path, preset, changes, reproduces):
    others = {name: value for name, value in changes.items() if name in ("goal", "nodes")}
    others["split"] = PRESETS[preset]["split"]
    for seed in range(5):
        write_run(tmp_path, "dqn", seed, [8 + seed % 2] * 20, [0.1] * 20, preset=preset, **changes)
        write_run(tmp_path, "random", seed, [20] * 20, [0.8] * 20, **others)
        write_run(tmp_path, "standalone", seed, [36] * 20, [0] * 20, **others)
    verdicts = report_tables.claim_table(averages.per_seed(averages.read_runs(tmp_path)[0]))["verdict"]
    assert verdicts.tolist() == ["reproduced" if reproduces else "meets"] * 3


def test_training_and_greedy_episodes_are_not_averaged_together(tmp_path):
    """Three greedy episodes after 22 of training: what it needs is (9 + 12 + 6) / 3 rounds, its best episode 6."""
    rounds, costs = [30] * 21 + [2] + [9, 12, 6], [1.0] * 22 + [0.3, 0.6, 0.3]
    write_run(tmp_path, "dqn", 0, rounds, costs, episodes=25, greedy_from=23)
    write_run(tmp_path, "dqn", 1, rounds, costs, episodes=25, greedy_from=1)
    runs = averages.read_runs(tmp_path)[0]
    found = {}
    for average in averages.AVERAGES:
        rows = averages.per_seed(runs, average).set_index("seed")
        found[average] = rows.loc[0, ["rounds", "communication_cost", "episodes"]].tolist()
        always_greedy = rows.loc[1, ["rounds", "episodes"]].tolist()
        if average == "last-20":
            assert always_greedy == [pytest.approx((16 * 30 + 2 + 27) / 20), "20 (6 to 25)"]
    three = [9, pytest.approx(0.4), "3 (23 to 25)"]
    assert found == {"last-20": three, "last-10": three, "all": three, "best": [6, 0.3, "1 (25 to 25)"]}


def test_what_was_resumed_under_something_else_is_named(tmp_path):
    """Each part of a run says what it was made with; older runs have the times of their resumes alone."""
    start = {"git_commit": "aaaaaaa111", "git_modified": False, "packages": {"numpy": "2.4.6", "keras": "3.15.1"}}
    start |= {"python": "3.11.7", "processor": "abacus"}
    same = start | {"start": "2026-01-02", "command_line": "python main.py --resume"}
    resumed = [
        [],
        ["2026-01-02"],
        [same],
        [same, same | {"git_commit": "bbbbbbb222"}],
        [same | {"packages": start["packages"] | {"numpy": "2.5.0"}, "python": "3.12.1"}, same],
        [same | {"processor": "slide rule", "git_modified": True}],
    ]
    for seed, parts in enumerate(resumed):
        path = write_run(tmp_path, "dqn", seed, [20], [1]) / "run.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | start | {"resumed": parts}))
    text = report.write_report([tmp_path], tmp_path)
    assert (
        "code: aaaaaaa. Resumed under something else than they were started with: dqn-paper--seed3 (commit bbbbbbb); "
        "dqn-paper--seed4 (python 3.12.1, numpy 2.5.0); dqn-paper--seed5 (uncommitted changes, processor slide rule). "
        "Resumed, without a record of what under: 1 of the runs.\n" in text
    )


def test_settings_are_told_apart(tmp_path, capsys):
    for rate in (0.0, 0.5):
        for seed in (0, 1):
            write_run(tmp_path, "dqn", seed, [10 + seed], [1], drop_rate=rate)
            write_run(tmp_path, "random", seed, [20 + 10 * rate], [1], drop_rate=rate)
    write_run(tmp_path, "random", 7, [20], [1], drop_rate=0.9)
    unfinished = write_run(tmp_path, "dqn", 7, [20], [1], drop_rate=0.9)
    unfinished.joinpath("run.json").write_text(
        unfinished.joinpath("run.json").read_text().replace('"2026-01-01"', "null")
    )
    assert report.main([str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "unfinished: dqn-paper-0.9-seed7" in text
    assert "20.0 (no interval)" in text
    assert "nan" not in text
    table = report_tables.claim_table(averages.per_seed(averages.read_runs(tmp_path)[0]))
    assert table["drop_rate"].tolist() == [0.0, 0.5] * 2
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        f"{name}.{suffix}" for name in ("policies", "by_drop_rate") for suffix in ("png", "pdf")
    }


def test_agents_are_compared_with_the_one_random_policy(tmp_path, monkeypatch):
    """A preset that changes the agent alone makes no other random policy; single settings do not either."""
    monkeypatch.setitem(CHANGES, "other", {"updates": 9, "discount": 0.5})
    monkeypatch.setitem(PRESETS, "other", PAPER | CHANGES["other"])  # the last of the presets
    for seed in (0, 1):
        write_run(tmp_path, "dqn", seed, [10] * 2, [1] * 2)
        write_run(tmp_path, "dqn", seed, [5] * 2, [1] * 2, preset="other")
        write_run(tmp_path, "random", seed, [20] * 2, [1] * 2)
    table = averages.per_seed(averages.read_runs(tmp_path)[0])
    assert list(table.columns[: table.columns.get_loc("policy")]) == ["split", "preset"]
    claims = report_tables.claim_table(table)
    assert claims[["preset", "ours"]].to_numpy().tolist()[:2] == [["paper", "-50.0%"], ["other", "-75.0%"]]
    assert report_tables.policy_table(table)[["preset", "policy"]].to_numpy().tolist()[-1] == ["any", "random"]
    report_figures.draw(tmp_path, averages.read_runs(tmp_path)[0], table)


def test_changes_by_hand(tmp_path):
    """Each preset beside the one before it that was run, over the seeds of both."""
    for seed, rounds in enumerate([10, 12, 99]):
        write_run(tmp_path, "dqn", seed, [rounds] * 2, [1] * 2)
    for seed, rounds in enumerate([6, 6]):
        write_run(tmp_path, "dqn", seed, [rounds] * 2, [0.5] * 2, preset="with-sight")
        write_run(tmp_path, "dqn", seed, [rounds + 1] * 2, [0.5] * 2, preset="improved")
        write_run(tmp_path, "random", seed, [20] * 2, [1] * 2)
    rows = report_tables.step_table(averages.per_seed(averages.read_runs(tmp_path)[0])).to_dict("records")
    assert [(row["preset"], row["against"], row["seeds"]) for row in rows] == [
        ("with-sight", "paper", 2),
        ("improved", "with-sight", 2),
    ]
    # differences -4 and -6: standard error 1, Student's t 12.706 with one degree of freedom
    assert rows[0]["rounds, difference (Student t)"] == "-5.0 (-17.7 to 7.7)"
    assert rows[0]["cost, difference (Student t)"] == "-0.500 (-0.500 to -0.500)"
    assert (rows[0]["rounds"], rows[1]["rounds"], rows[1]["cost"]) == ("6.0", "7.0", "0.500")


def test_presets_without_a_seed_in_common_have_no_change(tmp_path):
    write_run(tmp_path, "dqn", 0, [9], [1])
    write_run(tmp_path, "dqn", 1, [5], [1], preset="improved")
    assert report_tables.step_table(averages.per_seed(averages.read_runs(tmp_path)[0])).empty


def test_a_preset_with_other_settings_is_not_pooled_with_it(tmp_path):
    """The preset's own settings are told by its name, another training length is not."""
    write_run(tmp_path, "dqn", 0, [9], [1])
    write_run(tmp_path, "dqn", 0, [5], [1], preset="improved")
    assert averages.varied(averages.read_runs(tmp_path)[0]) == ["preset"]
    write_run(tmp_path, "dqn", 1, [5], [1], preset="improved", greedy_from=101)
    assert averages.varied(averages.read_runs(tmp_path)[0]) == ["preset", "greedy_from"]


def test_learner_without_its_greedy_episodes_is_unfinished(tmp_path):
    write_run(tmp_path, "dqn", 0, [9], [1])
    write_run(tmp_path, "dqn", 1, [5], [1], preset="improved", episodes=120)
    assert [len(names) for names in averages.read_runs(tmp_path)] == [1, 1]


def test_folders_of_one_name_are_refused(folder, tmp_path_factory, capsys):
    other = tmp_path_factory.mktemp("other") / folder.name
    write_run(other, "dqn", 0, [20], [1])
    assert report.main([str(folder), str(other)]) == 2
    assert f"two of the folders are called {folder.name}" in capsys.readouterr().err


def test_one_agent_has_no_changes(folder):
    assert report.main([str(folder)]) == 0
    assert "Change by change" not in (folder / "report.md").read_text()


def test_the_same_experiment_twice_is_refused(folder, tmp_path_factory, capsys):
    """As more seeds it would make intervals too short."""
    other = tmp_path_factory.mktemp("other")
    write_run(other, "random", 3, [20], [1])
    assert report.main([str(folder), str(other)]) == 2
    error = capsys.readouterr().err
    assert f"{folder.name}/random-paper--seed3 and {other.name}/random-paper--seed3 are the same experiment" in error


def test_other_data_and_other_leave_rates_are_not_pooled(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    path = write_run(other, "random", 5, [20], [1])
    description = json.loads((path / "run.json").read_text()) | {"dataset": "digits-stand-in"}
    (path / "run.json").write_text(json.dumps(description))
    table = report_tables.policy_table(averages.per_seed(averages.read_runs(folder, other)[0]))
    assert table[table["policy"] == "random"][["dataset", "seeds"]].to_numpy().tolist() == [
        ["mnist", 5],
        ["digits-stand-in", 1],
    ]
    homes = tmp_path_factory.mktemp("homes")
    for rate in (0.1, 0.2):
        write_run(homes / f"{rate}", "home", 0, [20], [1], home_leave_rate=rate)
    table = averages.per_seed(averages.read_runs(folder, homes / "0.1", homes / "0.2")[0])
    rows = report_tables.policy_table(table)
    assert rows[rows["policy"] == "home"]["home_leave_rate"].tolist() == [0.1, 0.2]
    assert rows[rows["policy"] == "dqn"]["home_leave_rate"].tolist() == ["any"]


def test_folder_without_runs_is_refused(tmp_path, capsys):
    assert report.main([str(tmp_path)]) == 2
    assert "holds no finished run" in capsys.readouterr().err

"""The report's numbers against hand computation, on runs made up for it."""

import json

from helpers import write_run

import report
from reporting import averages, tables


def test_a_route_is_the_bound_of_a_gap(folder, tmp_path_factory, capsys):
    """Random needs 22 rounds, DQN 11, the routes of another folder one less: 11 of the 12 rounds' gap are closed."""
    other = tmp_path_factory.mktemp("routes")
    for seed, rounds in enumerate([9, 11, 10, 9, 11]):
        write_run(other, "route", seed, [rounds], [0.1], route="0,1")
    runs = averages.read_runs(folder, other)[0]
    assert f"{other.name}/route-paper--seed0" in runs
    table = tables.improvement_table(averages.per_seed(runs)).set_index("against")
    # paired draws of seeds: with rounds 2 x, x, x - 1 the share is x / (x + 1), x from 10 to 12
    assert table.loc["route", "gap in rounds closed"] == "92% (91% to 92%)"
    assert table.loc["random", "gap in rounds closed"] == ""
    assert report.main([str(folder), str(other), "--out", str(other / "both")]) == 0
    assert "| route |" in (other / "both" / "report.md").read_text()
    assert (other / "both" / "figures" / "policies.pdf").exists()
    capsys.readouterr()


def test_what_was_resumed_under_something_else_is_named(tmp_path, unrendered):
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
        "code: aaaaaaa. Settings that no table shows are those of the preset paper. "
        "Resumed under something else than they were started with: dqn-paper--seed3 (commit bbbbbbb); "
        "dqn-paper--seed4 (python 3.12.1, numpy 2.5.0); dqn-paper--seed5 (uncommitted changes, processor slide rule). "
        "Resumed, without a record of what under: 1 of the runs.\n" in text
    )


def test_what_all_runs_share_is_named(tmp_path, unrendered):
    """As far as their presets do not have it; a setting of the agent is shared by those that have one."""
    one, both = tmp_path / "one", tmp_path / "both"
    for seed in range(2):
        write_run(one, "dqn", seed, [10], [0.1], goal=0.65, discount=0.5)
        write_run(one, "random", seed, [20], [1], goal=0.65)
    text = report.write_report([one], one)
    assert "are those of the preset paper, except `--goal 0.65`, `--discount 0.5`." in text
    for seed in range(2):
        write_run(both / "one", "dqn", seed, [10], [0.1], goal=0.65, discount=0.5)
        write_run(both / "two", "dqn", seed, [10], [0.1], goal=0.7, discount=0.5)
    text = report.write_report([both / "one", both / "two"], both)
    assert "are those of the preset paper, except `--discount 0.5`." in text
    assert "| disjoint | 0.7 | dqn | 2 |" in text


def test_runs_without_a_seed_in_common_have_no_empty_table(tmp_path, unrendered):
    write_run(tmp_path, "dqn", 0, [10], [0.1])
    write_run(tmp_path, "random", 1, [20], [1])
    text = report.write_report([tmp_path], tmp_path)
    assert "## Policies" in text
    assert "## Claims" not in text
    assert "## Averaging" not in text


def test_a_figure_of_fewer_runs_goes_and_those_of_no_report_stay(tmp_path, unrendered):
    for name in ("learning.png", "learning.pdf", "mine.png"):
        (tmp_path / "figures").mkdir(exist_ok=True)
        (tmp_path / "figures" / name).write_text("before")
    for rate in (0.0, 0.5):
        write_run(tmp_path, "dqn", 0, [10], [0.1], drop_rate=rate)
    report.write_report([tmp_path], tmp_path)
    assert len(list(tmp_path.glob("figures/learning.*"))) == 2
    report.write_report([tmp_path], tmp_path)
    assert (tmp_path / "figures" / "by_drop_rate.png").exists()
    assert not list(tmp_path.glob("figures/learning.*"))
    assert (tmp_path / "figures" / "mine.png").read_text() == "before"


def test_worlds_of_their_own_are_named(tmp_path, unrendered):
    for seed in range(2):
        write_run(tmp_path / "one", "random", seed, [20], [1], world="seed")
        write_run(tmp_path / "both", "random", seed, [20], [1], world="seed")
    said = "Every seed has its own distances between nodes and its own deal of the images."
    assert said in report.write_report([tmp_path / "one"], tmp_path / "one")
    write_run(tmp_path / "both", "nearest", 0, [20], [1])
    text = report.write_report([tmp_path / "both"], tmp_path / "both")
    assert said not in text
    assert "| disjoint | seed | random | 2 |" in text
    assert "| disjoint | authors | nearest | 1 |" in text


def test_settings_are_told_apart(tmp_path, capsys, unrendered):
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
    assert "Left out, as unfinished or without greedy episodes: dqn-paper-0.9-seed7." in text
    assert "20.0 (no interval)" in text
    assert "nan" not in text
    table = tables.claim_table(averages.per_seed(averages.read_runs(tmp_path)[0]))
    assert table["drop_rate"].tolist() == [0.0, 0.5] * 2
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        f"{name}.{suffix}" for name in ("policies", "by_drop_rate") for suffix in ("png", "pdf")
    }


def test_folders_of_one_name_are_refused(folder, tmp_path_factory, capsys):
    other = tmp_path_factory.mktemp("other") / folder.name
    write_run(other, "dqn", 0, [20], [1])
    assert report.main([str(folder), str(other)]) == 2
    assert f"two of the folders are called {folder.name}" in capsys.readouterr().err


def test_one_agent_stands_beside_no_other(folder, unrendered):
    assert report.main([str(folder)]) == 0
    assert "Agents side by side" not in (folder / "report.md").read_text()


def test_the_same_experiment_twice_is_refused(folder, tmp_path_factory, capsys):
    """As more seeds it would make intervals too short."""
    other = tmp_path_factory.mktemp("other")
    write_run(other, "random", 3, [20], [1])
    assert report.main([str(folder), str(other)]) == 2
    error = capsys.readouterr().err
    assert f"{folder.name}/random-paper--seed3 and {other.name}/random-paper--seed3 are the same experiment" in error


def test_folder_without_runs_is_refused(tmp_path, capsys):
    assert report.main([str(tmp_path)]) == 2
    assert "holds no finished run" in capsys.readouterr().err

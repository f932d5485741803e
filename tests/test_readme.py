"""README.md, docs/ and the published results against the code and each other; reporting/test_docs.py has the tables."""

import dataclasses
import json
import re
import types

import numpy as np
import pytest
from helpers import assert_rounds_fit, modules

from config import Config
from environment import HomogeneousLearningEnv
from node import make_policy
from nodes.round import RoundResult, Seconds
from reporting import averages, docs
from runs.description import read_description
from runs.packed import run_dirs
from runs.presets import PRESETS
from runs.tables import read_table
from settings.names import PROJECT
from studies import tuning_command
from studies.ablation import __main__ as ablation
from studies.learners import report as learner_report

PAGES = {page.name: page.read_text() for page in docs.pages(PROJECT)}
RESULTS = PROJECT / "results"
# No travelling model, failures, other distances.
OTHERWISE = {"references", "drop", "exploratory", "nodes-100", "worlds"}
SWEPT = [path.parent for path in sorted(RESULTS.glob("*/runs.json")) if path.parent.name not in OTHERWISE]
OF_SWEEPS = [path for folder in SWEPT for path in run_dirs(folder)]
# These runs were made with the code of their commit, in a working copy from which published results had been deleted.
RESULTS_DELETED = re.compile("fashion-mnist/[a-z-]+-published-seed[0-2]$")


def test_deviations_in_the_code_are_those_in_the_docs():
    code = "".join(path.read_text() for path in modules())
    listed = re.findall(r"^\| (D\d+) \|", PAGES["deviations.md"], re.MULTILINE)
    assert listed == [f"D{number}" for number in range(1, len(listed) + 1)]
    assert set(re.findall(r"Deviation (D\d+)", code)) == set(listed)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in RESULTS.glob("*/runs.json")))
def test_published_sweeps_can_be_reported(name):
    """A setting that is gone from config.py would make them unreadable."""
    finished, unfinished = averages.read_runs(RESULTS / name)
    assert len(finished) == len(run_dirs(RESULTS / name))
    assert not unfinished


def test_published_logs_fit_the_specification():
    """Rewards, distances and the ends of episodes, computed anew from the published CSV files.

    Most of rounds.csv that follows from the rest is worked out on reading; its sums are those that the runs logged.
    """
    assert OF_SWEEPS
    for folder in OF_SWEEPS:
        rounds, episodes = read_table(folder, "rounds.csv"), read_table(folder, "episodes.csv")
        described = read_description(folder)
        goal = described["config"].goal
        assert_rounds_fit(rounds, goal, folder)
        sums = rounds.groupby("episode")[["reward", "distance", "bytes_sent"]].sum().to_numpy()
        logged = episodes[["episode_return", "communication_cost", "bytes_sent"]]
        np.testing.assert_allclose(sums, logged, atol=1e-9, err_msg=str(folder))
        last = rounds.groupby("episode").last()
        wanted = range(described["config"].first_episode, described["config"].episodes + 1)
        assert last.index.tolist() == episodes["episode"].tolist() == list(wanted), folder
        assert described["end"], folder
        assert not described["git_modified"] or RESULTS_DELETED.search(str(folder)), folder
        assert (episodes["reached_goal"].to_numpy() == (last["accuracy"] >= goal)).all(), folder
        assert ((last["round"] == 36) | (last["accuracy"] >= goal)).all(), folder
        assert set(rounds["dataset"]) == {described["dataset"]}, folder


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/agents/*.npz")), ids=lambda path: path.stem)
def test_published_agents_choose_what_their_logs_say(path):
    """They are loaded, and told the accuracies of the log, choose its last episode's nodes."""
    run_dir = path.parent.parent / path.stem
    described = read_description(run_dir)["config"]
    config = dataclasses.replace(described, load_agent=str(path), first_episode=described.episodes)
    logged = read_table(run_dir, "rounds.csv").query(f"episode == {config.episodes}")
    accuracies = iter(logged["accuracy"])
    unused = np.zeros(config.nodes * config.pca_components, np.float32)  # the observation
    stand_in = types.SimpleNamespace(
        start=lambda *_: None,
        round=lambda request: RoundResult(request.nodes, (0.0,), None, next(accuracies), True, unused, Seconds(0, 0)),
        model_bytes=0,
        gradient_steps=0,
    )
    environment = HomogeneousLearningEnv(config, None, stand_in)
    policy = make_policy(config, environment.distances)
    environment.reset(options={"episode": config.episodes})
    nodes, node, ended = [], config.starter, False
    while not ended:
        observation, _, terminated, truncated, info = environment.step(node)
        nodes, ended = [*nodes, info["node"][0]], terminated or truncated
        node = policy.rank(observation, info, np.random.default_rng(0))[0][0]
    assert nodes == logged["node"].tolist()


@pytest.mark.parametrize("folder", docs.published(PROJECT), ids=lambda folder: folder.name)
def test_published_reports_are_those_of_the_csv_files(folder, tmp_path):
    assert docs.rewrite_report(folder, tmp_path, figures=False) == []


@pytest.mark.parametrize("published", sorted(RESULTS.glob("learners*")), ids=lambda folder: folder.name)
def test_published_comparison_of_learners_is_that_of_the_csv_files(published, tmp_path, monkeypatch):
    monkeypatch.setattr("studies.learners.figures.draw", lambda *_: None)
    for name in ("runs", "comparison.json"):
        (tmp_path / name).symlink_to(published / name)
    learner_report.write_report(tmp_path)
    for path in [published / "report.md", *published.glob("*.csv")]:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("folder", sorted(RESULTS.glob("ablation*")), ids=lambda folder: folder.name)
def test_published_ablation_is_that_of_the_csv_file(folder):
    about = json.loads((folder / "comparison.json").read_text())
    config = Config(**PRESETS[tuning_command.PRESET] | {"evaluation_samples": about["evaluation_samples"]})
    for name, text in ablation.tables(folder, config).items():
        assert (folder / name).read_text() == text


NUMBER = r"[+-]?(\d+(?:\.\d+)?) ?%?"
NOT_IN_REPORTS = {
    *(("0.5", "0.1", "0.9"), ("7.2", "3.0", "11.4")),  # of local learners, by rules that are not in the report
    ("3.0", "1.3", "4.7"),  # between two drop rates, paired by seed: from results/drop/per_seed.csv
    ("45", "27", "69"),  # see `test_what_the_agent_learned_was_counted`
}


def spans(pattern, text):
    """Returns all values with their intervals in a text, as (value, bounds by their size), without signs and units."""
    return {(value, *sorted(bounds, key=float)) for value, *bounds in re.findall(pattern, text)}


WITH_INTERVALS = [name for name in PAGES if re.search("results/[^/]*/report.md", PAGES[name])]
WITH_INTERVALS.remove("policies_and_baselines.md")  # which has them in tables alone


@pytest.mark.parametrize("name", WITH_INTERVALS)
def test_intervals_in_running_text_are_those_of_the_reports_that_the_page_names(name):
    text = re.sub(r"<!-- begin: .*?<!-- end -->|^```.*?^```", "", PAGES[name], flags=re.DOTALL | re.MULTILINE)
    text = " ".join(text.split())
    paths = {RESULTS / study / "report.md" for study in re.findall(r"results/([\w-]+)/report\.md", PAGES[name])}
    reported = "".join(path.read_text() for path in paths)
    measured = spans(rf"{NUMBER}(?: \(| \| ){NUMBER} to {NUMBER}(?:\)| \|)", reported)
    shown = spans(rf"{NUMBER}[^\d()|]*\({NUMBER} to {NUMBER}\)", text)
    shown |= spans(rf"\((?:[^\d()|]* )?{NUMBER}, {NUMBER} to {NUMBER}\)", text)
    assert shown
    assert shown - measured <= NOT_IN_REPORTS


def test_what_the_agent_learned_was_counted():
    """The share of moves to another node, in the first ten episodes of 120 and in the last ten: means over the seeds,
    and of the last ten the lowest and the highest seed."""
    shares = {}
    for split in ("disjoint", "published"):
        for run_dir in run_dirs(RESULTS / "claims"):
            if not run_dir.name.startswith(f"dqn-{split}-"):
                continue
            moves = read_table(run_dir, "rounds.csv").query("round > 1")
            left = moves["node"] != moves["previous_node"]
            for late, chosen in ((False, moves["episode"] <= 10), (True, moves["episode"] > 110)):
                shares.setdefault((late, split), []).append(left[chosen].mean())
    means = {key: np.mean(values) for key, values in shares.items()}
    counted = [means[False, "disjoint"]]
    for split in ("disjoint", "published"):
        counted += [means[True, split], min(shares[True, split]), max(shares[True, split])]
    text = re.search(r"In the first ten episodes.*?\n\n", PAGES["results.md"], re.DOTALL)[0]
    assert re.findall(r"(\d+) %", text) == [f"{share:.0%}".rstrip("%") for share in counted]
    assert f"{means[False, 'published']:.2f}" == f"{means[False, 'disjoint']:.2f}"  # "in both splits"

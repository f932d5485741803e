"""The README against the code and the published CSV files."""

import dataclasses
import itertools
import json
import re
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from helpers import assert_rounds_fit, modules

import report
from environment import SCORES, HomogeneousLearningEnv
from node import make_policy
from nodes.round import RoundResult, Seconds
from reporting import averages
from runs.description import read_description
from runs.presets import IMPROVEMENTS
from runs.records import EpisodeRecord, RoundRecord, TransferRecord, columns
from settings.declare import flag
from studies.learners import report as learner_report

PROJECT = Path(__file__).parent.parent
README = (PROJECT / "README.md").read_text()
RESULTS = PROJECT / "results"
SWEPT = ("claims", "improved", "routes", "routes-4", "routes-cost")  # all test images, nothing fails
OF_SWEEPS = sorted(path.parent for name in SWEPT for path in RESULTS.glob(f"{name}/*/rounds.csv"))


def test_every_column_is_explained():
    for name in (*columns(RoundRecord), *columns(EpisodeRecord)):
        assert f"| `{name}` |" in README
    for name in columns(TransferRecord):
        assert f"`{name}`" in README


def test_deviations_in_the_code_are_those_in_the_readme():
    code = "".join(path.read_text() for path in modules())
    listed = re.findall(r"^\| (D\d+) \|", README, re.MULTILINE)
    assert listed == [f"D{number}" for number in range(1, len(listed) + 1)]
    assert set(re.findall(r"Deviation (D\d+)", code)) == set(listed)


@pytest.mark.parametrize("name", sorted({path.parent.parent.name for path in RESULTS.glob("*/*/run.json")}))
def test_published_sweeps_can_be_reported(name):
    """A setting that is gone from config.py would make them unreadable."""
    finished, unfinished = averages.read_runs(RESULTS / name)
    assert len(finished) == len(list((RESULTS / name).glob("*/run.json")))
    assert not unfinished


def test_published_logs_fit_the_specification():
    """Rewards, distances and the ends of episodes, computed anew from the published CSV files."""
    assert OF_SWEEPS
    for folder in OF_SWEEPS:
        rounds, episodes = pd.read_csv(folder / "rounds.csv"), pd.read_csv(folder / "episodes.csv")
        assert_rounds_fit(rounds, 0.8, folder)
        last = rounds.groupby("episode").last()
        described = json.loads((folder / "run.json").read_text())
        wanted = range(described["config"].get("first_episode", 1), described["config"]["episodes"] + 1)
        assert last.index.tolist() == episodes["episode"].tolist() == list(wanted), folder
        assert described["end"], folder
        assert not described["git_modified"], folder
        assert (episodes["reached_goal"].to_numpy() == (last["accuracy"] >= 0.8)).all(), folder
        assert ((last["round"] == 36) | (last["accuracy"] >= 0.8)).all(), folder
        assert set(rounds["dataset"]) == {"mnist"}, folder


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/*/agent.npz")), ids=lambda path: path.parent.name)
def test_published_agents_choose_what_their_logs_say(path):
    """They are loaded, and told the accuracies of the log, choose its last episode's nodes."""
    described = read_description(path.parent)["config"]
    config = dataclasses.replace(described, load_agent=str(path), first_episode=described.episodes)
    logged = pd.read_csv(path.parent / "rounds.csv").query(f"episode == {config.episodes}")
    accuracies = iter(logged["accuracy"])
    no_scores = dict.fromkeys(SCORES, np.zeros(config.nodes * config.pca_components))
    stand_in = types.SimpleNamespace(
        start=lambda *_: None,
        round=lambda request: RoundResult(
            request.nodes, (0.0,), None, next(accuracies), True, no_scores, Seconds(0, 0)
        ),
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


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/per_seed.csv")), ids=lambda path: path.parent.name)
def test_published_reports_are_those_of_the_csv_files(path, tmp_path, monkeypatch):
    monkeypatch.setattr("reporting.report.draw", lambda *_: None)
    published = (path.parent / "report.md").read_text()
    folders = section(published, " finished runs in ", " hours").split(" in ")[1].split(", ")[:-1]
    assert report.write_report([RESULTS / name for name in folders], tmp_path) == published
    assert (tmp_path / "per_seed.csv").read_bytes() == path.read_bytes()


def test_published_comparison_of_learners_is_that_of_the_csv_files(tmp_path, monkeypatch):
    monkeypatch.setattr("studies.learners.figures.draw", lambda *_: None)
    published = RESULTS / "learners"
    for name in ("runs", "comparison.json"):
        (tmp_path / name).symlink_to(published / name)
    learner_report.write_report(tmp_path)
    for name in ("report.md", "accuracy.csv", "alignment.csv", "forgetting.csv"):
        assert (tmp_path / name).read_bytes() == (published / name).read_bytes()


def every(row):
    return True


TABLES = (  # folder of results, table of its report, how the README's begins, which of its rows are there
    ("claims", "Claims", "claim, against random | split | paper", every),
    ("claims", "Policies", "split | policy | seeds | rounds | goal", every),
    ("claims", "Averaging", "averaged", every),
    ("exploratory", "Claims", "claim, against random | split | main_class_share", every),
    (  # the others are in the table above it
        "references",
        "Policies",
        "split | policy | seeds | rounds | cost",
        lambda row: row["policy"] not in ("standalone", "round-robin", "nearest", "home"),
    ),
    ("improved", "Claims", "split | claim, against random", lambda row: row["preset"] == "improved"),
    (
        "improved",
        "Policies",
        "split | preset | policy",
        lambda row: row["preset"] in ("improved", "any") and row["policy"] not in ("standalone", "round-robin"),
    ),
    ("nodes-100", "Policies", "policy | rounds", every),
    ("ablation", "Change by change", "preset | against", every),
)


@pytest.mark.parametrize(("name", "title", "start", "kept"), TABLES)
def test_tables_are_those_of_the_reports(name, title, start, kept):
    """Each table of the README has the rows of the report's, or some of them, and some of its columns."""
    text = (RESULTS / name / "report.md").read_text() + "\n\n## "
    header, _, *shown = rows_of(section(README, f"| {start}", "\n\n"))
    names, _, *measured = rows_of(section(text, f"## {title}\n\n|", "\n\n## "))
    measured = [dict(zip(names, row, strict=True)) for row in measured]
    assert shown == [tuple(row[name] for name in header) for row in measured if kept(row)]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("claims", "**What a reader of the paper"),
        ("claims", "The former rule asked only"),
        ("exploratory", "**In plain words.**"),
        ("improved", "An agent of ours (`--preset improved`"),
        ("improved", "In the disjoint split the paper"),
        ("improved", "In the published split the figure"),
        ("routes-4", "The shorter of the two published"),
        ("routes-cost", "The cheapest route of the disjoint"),
        ("nodes-100", "**A hundred nodes.**"),
        ("ablation", "**What does each change do?**"),
    ],
)
def test_plain_words_have_the_numbers_of_the_report(name, start):
    text = (RESULTS / name / "report.md").read_text()
    numbers = re.findall(r"\d+\.\d+%?|\d+%", section(README, start, "\n\n"))
    assert numbers
    assert [number for number in numbers if not re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", text)] == []


def test_what_the_agent_learned_was_counted():
    """The share of moves to another node, in the first ten episodes of 120 and in the last ten: means over the seeds,
    and of the last ten the lowest and the highest seed."""
    shares = {}
    for split in ("disjoint", "published"):
        for path in RESULTS.glob(f"claims/dqn-{split}-seed*/rounds.csv"):
            moves = pd.read_csv(path).query("round > 1")
            left = moves["node"] != moves["previous_node"]
            for late, chosen in ((False, moves["episode"] <= 10), (True, moves["episode"] > 110)):
                shares.setdefault((late, split), []).append(left[chosen].mean())
    counted = [f"{sum(shares[key]) / len(shares[key]):.0%}".rstrip("%") for key in sorted(shares)]
    counted += [f"{end(shares[key]):.0%}".rstrip("%") for key in sorted(shares)[2:] for end in (min, max)]
    assert re.findall(r"(\d+) %", section(README, "**What the agent learned", "\n\n")) == counted


MEASURED = [path for folder in ("benchmarks", "checks") for path in sorted((RESULTS / folder).rglob("*.md"))]


@pytest.mark.parametrize("path", MEASURED, ids=lambda path: str(path.relative_to(PROJECT)))
def test_tables_are_the_measured_ones(path):
    assert path.read_text().strip() in README


def rows_of(text):
    """Returns the rows of all Markdown tables in a text, each as a tuple of its cells."""
    return [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in text.splitlines() if line[:2] == "| "]


def section(text, start, end):
    return text[text.index(start) : text.index(end, text.index(start))]


def test_learners_table_is_that_of_the_report():
    text = section((RESULTS / "learners" / "report.md").read_text(), "## Accuracy", "## Alignment")
    measured = {row[0]: row for row in rows_of(text)}
    shown = rows_of(section(README, "| network and learner |", "**D2BL.**"))[2:]
    assert len(shown) > 10
    for name, accuracy, difference, stored, seconds, weights in shown:
        row = measured[name]
        assert (accuracy, difference, stored, seconds, weights.replace(",", "")) == (*row[2:5], *row[10:12])


def test_drop_rate_table_is_that_of_the_report():
    text = section((RESULTS / "drop" / "report.md").read_text(), "## Policies", "## Averaging")
    measured = {(row[2], row[1]): row for row in rows_of(text)[2:]}
    for rate, *cells in rows_of(section(README, "| drop rate |", "![Rounds and communication cost over"))[2:]:
        dqn, chance = (measured[policy, f"{float(rate)}"] for policy in ("dqn", "random"))
        reached = dqn[7].replace("%", " %")
        assert cells == [dqn[5], chance[5], dqn[8], chance[8], reached, dqn[13], chance[13]]


def test_presets_of_the_agent_are_explained():
    flags = {
        row[0].strip("`"): row[2] for row in rows_of(section(README, "| `--preset` |", "Shaping by a potential"))[2:]
    }
    for name, (_, settings) in IMPROVEMENTS.items():
        assert flags[name] == f"`{' '.join(f'{flag(field)} {value}' for field, value in settings.items())}`"
    assert list(flags) == list(IMPROVEMENTS)


def test_floors_are_those_of_the_search():
    """Each route is shown by its stays, with what it needs on the weights it was searched for, and on other ones."""
    played = {}
    for path in sorted(RESULTS.glob("routes*/*/run.json")):
        config = json.loads(path.read_text())["config"]
        means = pd.read_csv(path.parent / "episodes.csv")[list(SPREAD)].mean()
        played.setdefault((config["split"], config["route"]), []).append(means)
    expected = []
    for path in sorted((RESULTS / "floors").glob("*.csv")):
        for key, found in pd.read_csv(path).groupby(["split", "criterion", "episodes"], sort=False):
            assert found["reached_goal"].all()
            route = found["route"].iloc[0]
            used = route.split(",")[: found["rounds"].max()]
            stays = ", ".join(f"{node} x {len(list(stay))}" for node, stay in itertools.groupby(used))
            split, criterion, weights = key
            elsewhere = pd.DataFrame(played.get((split, route), []))
            cells = split, {"rounds": "fewest rounds", "cost": "least cost"}[criterion], str(weights), stays
            expected.append((*cells, *spread(found), *(spread(elsewhere) if len(elsewhere) else ("", ""))))
    assert rows_of(section(README, "| split | searched for |", "\n\n"))[2:] == expected


SPREAD = {"rounds": 1, "communication_cost": 3}  # digits of what a route needs


def spread(needs):
    """Returns the means of rounds and cost with their intervals, by scipy, as the README shows them."""
    cells = []
    for name, digits in SPREAD.items():
        mean, error = needs[name].mean(), scipy.stats.sem(needs[name])
        low, high = scipy.stats.t.interval(0.95, len(needs) - 1, mean, error) if error else (mean, mean)
        cells.append(f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})")
    return tuple(cells)

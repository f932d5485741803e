"""Counts the rounds to each accuracy: `python -m studies.rounds_to_accuracy results/claims --out results/tasks`.

It reads the logs of finished sweeps, and the episodes are those of a report. An accuracy that an episode misses counts
with the round limit. An episode ends at its goal, so that accuracies above the goal are left out. The share of stays is
that of the choices, which are all rounds but the first of an episode.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reporting.averages import averaged, data_name, read_run
from reporting.intervals import student_t
from reporting.run_figures import draw_all, look
from reporting.tables import markdown, mean_text
from runs.command_line import command, path_argument
from runs.flags import Parser
from runs.folder import write_atomically
from runs.packed import run_dirs
from runs.tables import only_tables_of_runs, read_table
from settings.errors import UsageError

POLICIES = ("dqn", "random", "standalone")
ACCURACIES = np.arange(6, 20) / 20  # from 0.30
IN_TABLE = 0.5  # and the goal
TASK = ["dataset", "split"]


def first_rounds(rounds: pd.DataFrame, accuracy: float, limit: int) -> pd.Series:
    """Returns the first round of each episode with at least this accuracy, `limit` where there is none."""
    first = rounds[rounds["accuracy"] >= accuracy].groupby("episode")["round"].min()
    return first.reindex(rounds["episode"].unique(), fill_value=limit)


def count(run_dir: Path) -> pd.DataFrame:
    """Returns a table of a run, a row an accuracy up to its goal: the mean rounds to it, and the share of stays.

    It has no rows where the run is not finished, or its policy is none of POLICIES.
    """
    run = read_run(run_dir)
    if not run or run["config"].policy not in POLICIES:
        return pd.DataFrame()
    config, rounds = run["config"], read_table(run_dir, "rounds.csv")
    rounds = rounds[rounds["episode"].isin(averaged(run, "last-20")["episode"])]
    about = {"dataset": data_name(run), "split": config.split, "goal": config.goal}
    choices = rounds[rounds["round"] > 1]
    stays = (choices["node"] == choices["previous_node"]).mean()
    about |= {"policy": config.policy, "seed": config.seed, "stays": stays}
    reached = [accuracy for accuracy in ACCURACIES if accuracy <= config.goal]
    means = [first_rounds(rounds, accuracy, config.round_limit).mean() for accuracy in reached]
    return pd.DataFrame({"accuracy": reached, "rounds": means}).assign(**about)


def table(counts: pd.DataFrame) -> pd.DataFrame:
    """Returns the rounds to IN_TABLE and to the goal by policy, and the agent's share of stays.

    All are means over the seeds with their 95 % intervals.
    """
    rows = []
    for (*task, accuracy, goal), group in counts.groupby([*TASK, "accuracy", "goal"], sort=False):
        if accuracy in (IN_TABLE, goal):
            row = dict(zip(TASK, task, strict=True)) | {"accuracy": f"{accuracy:.2f}{' (goal)' * (accuracy == goal)}"}
            row |= {name: _text(group, name, "rounds", ".1f") for name in POLICIES}
            rows.append(row | {"stays of dqn": _text(group, "dqn", "stays", ".0%") if accuracy == goal else ""})
    return pd.DataFrame(rows)


def _text(group: pd.DataFrame, policy: str, column: str, form: str) -> str:
    """Returns the mean of a policy with its interval, nothing where it was not run."""
    values = group.loc[group["policy"] == policy, column]
    return mean_text(values, form) if len(values) else ""


def figure(counts: pd.DataFrame) -> Figure:
    """Draws the rounds over the accuracy: a row of panels a data set, a column a split, a curve a policy."""
    datasets, splits = (counts[name].unique().tolist() for name in TASK)
    drawn = Figure(figsize=(2.6 * len(splits) + 0.4, 2.2 * len(datasets) + 0.5))
    panels = drawn.subplots(len(datasets), len(splits), squeeze=False, sharex=True, sharey=True)
    for axes in panels.flat:
        axes.set_axis_off()  # until a task is drawn in it
    curves = {}
    for (dataset, split, policy), group in counts.groupby([*TASK, "policy"], sort=False):
        axes, style = panels[datasets.index(dataset), splits.index(split)], look(POLICIES.index(policy))
        axes.set_axis_on()
        axes.set_title(f"{dataset}, {split} split")
        means = group.groupby("accuracy")["rounds"].apply(student_t)
        middle, low, high = np.array(means.tolist()).T
        (curves[policy],) = axes.plot(means.index, middle, **style, markersize=3, linewidth=1.2, label=policy)
        axes.fill_between(means.index, low, high, color=style["color"], alpha=0.25, linewidth=0)
    for axes in panels[:, 0]:
        axes.set_ylabel("rounds to this accuracy")
        axes.set_ylim(bottom=0)
    for column in panels.T:
        lowest = [axes for axes in column if axes.axison][-1]
        lowest.set_xlabel("test accuracy, up to the goal\nbands: 95 % interval over the seeds")
        lowest.tick_params(labelbottom=True)
    handles = [curves[policy] for policy in POLICIES if policy in curves]
    drawn.legend(handles=handles, loc="outside upper left", ncols=len(POLICIES))
    return drawn


def study(folders: list[Path], out: Path) -> int:
    """Counts, writes the rows of all seeds, the table and the figure, and prints the table; returns 0."""
    with only_tables_of_runs():
        counts = [count(run_dir) for folder in folders for run_dir in run_dirs(folder)]
    if not any(map(len, counts)):
        raise UsageError(f"no finished run of {', '.join(POLICIES)} in {folders[0]}; give the --out folder of a sweep")
    counts = pd.concat(counts)
    text = markdown(table(counts))
    order = [*TASK, "goal", "policy", "seed", "stays", "accuracy", "rounds"]
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "rounds_to_accuracy.csv", counts[order].round(4).to_csv(index=False).encode())
    write_atomically(out / "rounds_to_accuracy.md", text.encode())
    draw_all({"rounds_to_accuracy": lambda: figure(counts)}, out / "figures")
    print(text)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 2 where something has to be changed first, 130."""
    parser = Parser(prog="studies.rounds_to_accuracy", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("folders", nargs="+", type=path_argument, help="folders of sweeps")
    parser.add_argument("--out", type=path_argument, required=True, help="folder for the results")
    options = parser.parse_args(arguments)
    name = "studies.rounds_to_accuracy"
    return command(name, lambda: study(options.folders, options.out), lambda: "run the same command again")


if __name__ == "__main__":
    sys.exit(main())

"""Turns sweeps' CSV files into `report.md`, tables and figures: `python report.py results/sweep`.

Every number is first averaged within a seed, over the episodes that the report names, then over the seeds. Runs of
several folders are compared as if they were of one.
"""

import dataclasses
import sys
from pathlib import Path

import pandas as pd

from config import Config, Parser, UsageError
from intervals import FEWEST, restricted_mean
from plots import read_table
from presets import ANY, EDITED, PAPER, PRESETS, concerns_agent_alone
from report_figures import draw
from report_tables import averaging_table, claim_table, improvement_table, markdown, policy_table, step_table
from run_folder import DESCRIPTION, write_atomically
from runs.command_line import command, path_argument
from runs.description import FREE_ON_RESUME, read_description
from sweep import LEARNING

AVERAGES = {
    "last-20": ("the last 20 episodes", lambda episodes: episodes.tail(20)),
    "last-10": ("the last ten episodes", lambda episodes: episodes.tail(10)),
    "all": ("all episodes", lambda episodes: episodes),
    "best": (
        "its one best episode against all of random's, which flatters",
        lambda episodes: episodes.sort_values(["rounds", "communication_cost"]).head(1),
    ),
}
# Fields that do not make another experiment, but another part of one, a baseline, or the same one on other hardware.
NOT_SETTINGS = {*FREE_ON_RESUME, "seed", "policy", "split", "first_episode", "threads", "route"}
_SPLITS, _POLICIES = (Config.__dataclass_fields__[name].metadata["choices"] for name in ("split", "policy"))


def read_runs(*folders: Path) -> tuple[dict[str, dict], list[str]]:
    """Returns (the finished runs' descriptions and episodes, by folder name; the names of the unfinished ones).

    Raises UsageError where a folder has none.
    """
    finished, unfinished = {}, []
    for folder in folders:
        before = len(finished)
        for path in sorted(folder.glob(f"*/{DESCRIPTION}")):
            name = "/".join(path.parent.parts[-2:] if len(folders) > 1 else path.parent.parts[-1:])
            description = read_description(path.parent)
            if name in (*finished, *unfinished):
                raise UsageError(f"two of the folders are called {folder.name}; rename one of them")
            if description["end"] is None or not _turned_greedy(description["config"]):
                unfinished.append(name)
            else:
                finished[name] = description | {"episodes": read_table(path.parent, "episodes.csv")}
        if len(finished) == before:
            raise UsageError(f"{folder} holds no finished run; give the --out folder of sweep.py")
    return finished, unfinished


def _turned_greedy(config: Config) -> bool:
    """Tells whether a learner that is to choose greedily in the end has as many episodes."""
    return config.policy not in LEARNING or config.greedy_from <= config.episodes


def varied(runs: dict[str, dict]) -> list[str]:
    """Returns the names of the settings in which the runs differ; `preset` stands for what runs have from theirs."""
    every = [settings(run) for run in runs.values()]
    differ = [name for name in every[0] if name not in NOT_SETTINGS and len({each[name] for each in every} - {ANY}) > 1]
    own = {name for each in every for name in differ if each[name] not in (ANY, _by_preset(each["preset"], name))}
    return [name for name in differ if name == "preset" or name in own]


def _by_preset(preset: str, name: str) -> object:
    """Returns a field's value under a preset; that of `paper` for no preset, None for no field."""
    return PRESETS.get(preset, PAPER).get(name)


def settings(run: dict) -> dict:
    """Returns a run's preset and settings, with the data really used; ANY for what makes no difference to it: what
    concerns the agent or `home` alone for other policies, the share of the main class for a split without one."""
    values = {"preset": run["preset"], **dataclasses.asdict(run["config"]), "dataset": run["dataset"]}
    if values["split"] == "dirichlet":
        values["main_class_share"] = ANY
    if values["policy"] != "home":
        values["home_leave_rate"] = ANY
    if run["config"].policy in LEARNING:
        return values
    return {name: ANY if concerns_agent_alone(name, [value]) else value for name, value in values.items()}


def per_seed(runs: dict[str, dict], average: str = "last-20") -> pd.DataFrame:
    """Returns a DataFrame with one row a run: its settings, policy, seed and its means over the episodes.

    Raises UsageError where two runs are the same experiment with the same seed, so far as reports tell.
    """
    names, rows = varied(runs), []
    for folder, run in runs.items():
        config, values = run["config"], settings(run)
        learns = config.policy in LEARNING
        episodes = AVERAGES[average][1](run["episodes"]) if learns else run["episodes"]
        reached = episodes["reached_goal"]
        rows.append(
            {"split": config.split, **{name: values[name] for name in names}}
            | {"policy": config.policy, "seed": config.seed, "run": folder, "dataset": run["dataset"]}
            | {"episodes": f"{episodes['episode'].min()} to {episodes['episode'].max()}"}
            | episodes.mean(numeric_only=True).drop(["seed", "episode", "goal"]).to_dict()
            | {"restricted_rounds": restricted_mean(episodes["rounds"], reached, config.round_limit)}
        )
    places = {name: place for place, name in enumerate([*_SPLITS, *_POLICIES, *PRESETS, EDITED, ANY])}
    table = pd.DataFrame(rows)
    twins = table[table.duplicated(["split", *names, "policy", "seed"], keep=False)]["run"].tolist()
    if twins:
        raise UsageError(f"{twins[0]} and {twins[1]} are the same experiment twice, or two routes; report one of them")
    columns = [name for name in ("split", "policy", "preset") if name in table]
    return table.sort_values(columns, key=lambda values: values.map(places), kind="stable")


def every_average(runs: dict[str, dict]) -> dict[str, pd.DataFrame]:
    """Returns the table of `per_seed` for each of AVERAGES, by what that is in words."""
    return {text: per_seed(runs, average) for average, (text, _) in AVERAGES.items()}


def write_report(folders: list[Path], out: Path) -> str:
    """Writes report.md, per_seed.csv and the figures of the folders' runs into `out`; returns the report's text."""
    runs, unfinished = read_runs(*folders)
    tables = every_average(runs)
    table = tables[AVERAGES["last-20"][0]]
    has_dqn = {"dqn", "random"} <= set(table["policy"])
    sections = [("What was run", _what_was_run(folders, runs, unfinished))]
    if has_dqn:
        sections.append(("Claims", markdown(claim_table(table))))
    sections.append(("Policies", markdown(policy_table(table))))
    if has_dqn:
        sections.append(("Averaging", markdown(averaging_table(tables))))
        sections.append(("Against each of the others", markdown(improvement_table(table))))
    if "preset" in table and len(steps := step_table(table)):
        sections.append(("Change by change", markdown(steps)))
    text = "# Report\n\n" + "\n".join(f"## {title}\n\n{body}" for title, body in sections)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "per_seed.csv", table.to_csv(index=False).encode())
    write_atomically(out / "report.md", text.encode())
    draw(out, runs, table)
    return text


def _what_was_run(folders: list[Path], runs: dict[str, dict], unfinished: list[str]) -> str:
    """Returns the paragraph on runs, averaging, data, machines and time."""
    hours = sum(run["episodes"]["seconds"].sum() for run in runs.values()) / 3600
    data = ", ".join(sorted({run["dataset"] for run in runs.values()}))
    processors = ", ".join(sorted({run["processor"] for run in runs.values()}))
    commits = ", ".join(sorted({str(run["git_commit"])[:7] for run in runs.values()}))
    names = ", ".join(folder.resolve().name for folder in folders)
    left_out = f" Left out, because unfinished: {', '.join(unfinished)}." if unfinished else ""
    return (
        f"{len(runs)} finished runs in {names}, {hours:.1f} hours of one thread each on {processors}; data: {data}; "
        f"code: {commits}.{left_out}\n\n"
        f"A seed's number is the mean over {AVERAGES['last-20'][0]} of a policy that learns, and over all episodes "
        "of one that does not; episodes of the same number start from the same initial weights. Intervals are of 95 % "
        "over the seeds: Student's t for means, a bootstrap of the seeds (expanded percentiles), with what belongs to "
        "a seed drawn together, for changes in per cent and interquartile means. An episode without the goal counts "
        "with the round limit; the restricted mean treats it as censored there (the same number, unless an episode "
        "broke off before). A claim counts as reproduced when the interval of the change lies below zero and reaches "
        f"the claimed value or beyond; fewer than {FEWEST} seeds give no bootstrap.\n"
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, or 2 where something has to be changed first."""
    parser = Parser(prog="report.py", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("folders", type=path_argument, nargs="+", help="--out folders of sweep.py")
    parser.add_argument("--out", type=path_argument, help="folder for the report [the first of the folders]")
    options = parser.parse_args(arguments)

    def work() -> int:
        print(write_report(options.folders, options.out or options.folders[0]))
        return 0

    return command("report.py", work, lambda: "report again")


if __name__ == "__main__":
    sys.exit(main())

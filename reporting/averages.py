"""Reads finished runs and averages their episodes into a table with one row a run."""

from pathlib import Path

import pandas as pd

from config import Config
from reporting.tables import AUTHORS, OTHER
from runs.description import NOT_SETTINGS, read_description
from runs.packed import run_dirs
from runs.presets import AGENT_FIELDS, ANY, EDITED, PAPER, PRESETS, concerns_agent_alone
from runs.records import RUN_COLUMNS
from runs.tables import read_table
from settings.errors import UsageError

AVERAGES = {
    "last-20": ("the last 20 episodes", lambda episodes: episodes.tail(20)),
    "last-10": ("the last ten episodes", lambda episodes: episodes.tail(10)),
    "all": ("all episodes", lambda episodes: episodes),
    "best": (
        "its best single episode against all of random's, biased in its favour",
        lambda episodes: episodes.sort_values(["rounds", "communication_cost"]).head(1),
    ),
}
NOT_AVERAGED = {"seed", "episode", *RUN_COLUMNS}  # columns of episodes.csv
_SPLITS, _POLICIES = (Config.__dataclass_fields__[name].metadata["choices"] for name in ("split", "policy"))


def read_runs(*folders: Path) -> tuple[dict[str, dict], list[str]]:
    """Returns (finished runs by folder name: their description and episodes; names of unfinished runs).

    Raises UsageError where a folder has no finished run.
    """
    finished, unfinished = {}, []
    for folder in folders:
        before = len(finished)
        for path in run_dirs(folder):
            name = "/".join(path.parts[-2:] if len(folders) > 1 else path.parts[-1:])
            if name in (*finished, *unfinished):
                raise UsageError(f"two of the folders are called {folder.name}; rename one of them")
            if run := read_run(path):
                finished[name] = run
            else:
                unfinished.append(name)
        if len(finished) == before:
            raise UsageError(f"{folder} holds no finished run; give the --out folder of sweep.py")
    return finished, unfinished


def read_run(run_dir: Path) -> dict | None:
    """Returns the description and the episodes of a finished run, None of another one."""
    description = read_description(run_dir)
    if description["end"] is None or not _turned_greedy(description):
        return None
    return description | {"episodes": read_table(run_dir, "episodes.csv")}


def _turned_greedy(run: dict) -> bool:
    """Returns whether a run is long enough to reach its greedy episodes, if its policy learns and has any."""
    return not run["learns"] or run["config"].greedy_from <= run["config"].episodes


def varied(runs: dict[str, dict]) -> list[str]:
    """Returns the names of the settings in which the runs differ.

    `preset` stands for the settings it contains. The name of the data set tells the number of test images.
    """
    every, left_out = [settings(run) for run in runs.values()], {*NOT_SETTINGS, "evaluation_samples"}
    differ = [name for name in every[0] if name not in left_out and len({each[name] for each in every} - {ANY}) > 1]
    own = {name for each in every for name in differ if each[name] not in (ANY, _by_preset(each["preset"], name))}
    return [name for name in differ if name == "preset" or name in own]


def common(runs: dict[str, dict]) -> dict[str, object]:
    """Returns the settings that all runs share and that are not their presets'."""
    every, shared = [settings(run) for run in runs.values()], {}
    for name in [name for name in every[0] if name not in (*NOT_SETTINGS, "preset", "dataset")]:
        values = {each[name] for each in every} - {ANY}
        if len(values) == 1 and any(each[name] not in (ANY, _by_preset(each["preset"], name)) for each in every):
            shared[name] = values.pop()
    return shared


def _by_preset(preset: str, name: str) -> object:
    """Returns a field's value under a preset; that of `paper` for no preset, None for no field."""
    return PRESETS.get(preset, PAPER).get(name)


def settings(run: dict) -> dict:
    """Returns a run's preset and settings, with the data set that was used.

    A setting that makes no difference to the run is ANY: those of the agent or of `home` for other policies, and the
    main class share for a split without main classes.
    """
    values = {"preset": run["preset"], **run["config"].as_text(), "dataset": run["dataset"]}
    if values["split"] == "dirichlet":
        values["main_class_share"] = ANY
    if values["policy"] != "home":
        values["home_leave_rate"] = ANY
    if run["learns"]:
        return values
    alone = {name for name, value in values.items() if concerns_agent_alone(name, [value], values["policy"])}
    return {name: ANY if name in alone else value for name, value in values.items()}


def data_name(run: dict) -> str:
    """Returns the name of a run's data set, and whether its seed has a deal of its own."""
    return run["dataset"] + ", one world per seed" * (run["config"].world == "seed")


def averaged(run: dict, average: str) -> pd.DataFrame:
    """Returns the episodes over which a run is averaged.

    For a policy that does not learn these are all episodes, for one that learns those of AVERAGES[average]. For an
    agent that turns greedy only the greedy episodes count.
    """
    config, episodes = run["config"], run["episodes"]
    if not run["learns"]:
        return episodes
    return AVERAGES[average][1](episodes[episodes["episode"] >= config.greedy_from])


def agent(run: dict) -> str:
    """Returns which agent picks the nodes: AUTHORS if all its settings are the authors', OTHER, or "none"."""
    if not run["learns"]:
        return "none"
    values = run["config"].as_text()
    authors = all(values[name] == PAPER[name] for name in ("policy", *AGENT_FIELDS))
    return AUTHORS if authors else OTHER


def per_seed(runs: dict[str, dict], average: str = "last-20") -> pd.DataFrame:
    """Returns a table with one row a run: its settings, policy, seed and its means over the episodes.

    Raises UsageError where two runs have the same settings, policy and seed.
    """
    names, rows = varied(runs), []
    for folder, run in runs.items():
        config, values, episodes = run["config"], settings(run), averaged(run, average)
        rows.append(
            {"split": config.split, **{name: values[name] for name in names}}
            | {"policy": config.policy, "seed": config.seed, "run": folder, "dataset": run["dataset"]}
            | {"agent": agent(run)}
            | {"episodes": f"{len(episodes)} ({episodes['episode'].min()} to {episodes['episode'].max()})"}
            | episodes.drop(columns=NOT_AVERAGED & {*episodes}).mean(numeric_only=True).to_dict()
        )
    places = {name: place for place, name in enumerate([*_SPLITS, *_POLICIES, *PRESETS, EDITED, ANY])}
    table = pd.DataFrame(rows)
    duplicates = table[table.duplicated(["split", *names, "policy", "seed"], keep=False)]["run"].tolist()
    if duplicates:
        first, second = duplicates[:2]
        raise UsageError(f"{first} and {second} are the same experiment twice, or two routes; report one of them")
    columns = [name for name in ("split", "policy", "preset") if name in table]
    return table.sort_values(columns, key=lambda values: values.map(places), kind="stable")


def every_average(runs: dict[str, dict]) -> dict[str, pd.DataFrame]:
    """Returns the table of `per_seed` for each of AVERAGES, by its description."""
    return {text: per_seed(runs, average) for average, (text, _) in AVERAGES.items()}

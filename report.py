"""Turns sweeps' CSV files into `report.md`, tables and figures: `python report.py results/sweep`.

Every number is first averaged within a seed, over the episodes that the report names, then over the seeds. Runs of
several folders are compared as if they were of one.
"""

import dataclasses
import sys
from pathlib import Path

import pandas as pd

from config import Config, Parser, UsageError
from intervals import FEWEST
from plots import only_tables_of_runs, read_table
from presets import AGENT_FIELDS, ANY, EDITED, PAPER, PRESETS, concerns_agent_alone
from report_figures import draw
from report_tables import (
    AUTHORS,
    CLAIMS,
    OTHER,
    averaging_table,
    claim_table,
    improvement_table,
    markdown,
    policy_table,
    step_table,
)
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
_REACHES = "; ".join(f"{claim}: below {claimed / 2:+.1%} and down to {claimed:+.1%}" for claim, _, claimed in CLAIMS)
RULE = (
    "A claim counts as reproduced by the authors' agent when the 95 % interval of the change lies wholly beyond half "
    f"of the claimed change and reaches it ({_REACHES}). It counts as reproduced in part when the interval excludes "
    "zero on the claimed side. For the final accuracy, of which no figure is claimed, an interval that excludes zero "
    "reproduces the claim. An agent with any setting other than the authors' reproduces nothing: by the same rule it "
    "meets the paper's figures or misses them."
)
ERROR_RATES = Path(__file__).parent / "results/checks/verdict_errors.md"
ON_ERROR_RATES = (
    "How often each verdict comes out where the true change is known: experiments of 5 and 10 seeds, drawn from the "
    "published runs and rescaled to that change. From the lowest to the highest rate over the authors' agent and the "
    "improved one, both splits and two ways of rescaling (`python -m checks.verdict_errors --out results/checks`, "
    "whose CSV file has each). The former rule asked only for an interval that excludes zero and reaches the claim."
)
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


def averaged(run: dict, average: str) -> pd.DataFrame:
    """Returns the episodes over which a run is averaged: all of a policy that does not learn, those that AVERAGES names
    of one that learns. Of an agent that turns greedy these are among the greedy ones, however few there are, as what it
    does while it learns and what it has learned are different things."""
    config, episodes = run["config"], run["episodes"]
    if config.policy not in LEARNING:
        return episodes
    return AVERAGES[average][1](episodes[episodes["episode"] >= config.greedy_from])


def agent(config: Config) -> str:
    """Returns whose agent picks the nodes: the authors', with each of their settings, another one, or "none"."""
    if config.policy not in LEARNING:
        return "none"
    authors = all(getattr(config, name) == PAPER[name] for name in AGENT_FIELDS)
    return AUTHORS if authors else OTHER


def per_seed(runs: dict[str, dict], average: str = "last-20") -> pd.DataFrame:
    """Returns a DataFrame with one row a run: its settings, policy, seed and its means over the episodes.

    Raises UsageError where two runs are the same experiment with the same seed, so far as reports tell.
    """
    names, rows = varied(runs), []
    for folder, run in runs.items():
        config, values, episodes = run["config"], settings(run), averaged(run, average)
        rows.append(
            {"split": config.split, **{name: values[name] for name in names}}
            | {"policy": config.policy, "seed": config.seed, "run": folder, "dataset": run["dataset"]}
            | {"agent": agent(config)}
            | {"episodes": f"{len(episodes)} ({episodes['episode'].min()} to {episodes['episode'].max()})"}
            | episodes.mean(numeric_only=True).drop(["seed", "episode", "goal"]).to_dict()
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
        if ERROR_RATES.exists():
            sections.append(("Error rates of the verdicts", f"{ON_ERROR_RATES}\n\n{ERROR_RATES.read_text()}"))
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
        f"code: {commits}.{left_out}{_resumed(runs)}\n\n"
        f"A seed's number is the mean over {AVERAGES['last-20'][0]} of a policy that learns, and over all episodes "
        "of one that does not. Every average of an agent that turns greedy is over greedy episodes alone, over fewer "
        "than 20 where there are fewer. Episodes of the same number start from the same initial weights. Intervals are "
        "of 95 % over the seeds: Student's t for means, a bootstrap of the seeds (expanded percentiles), with what "
        "belongs to a seed drawn together, for changes in per cent and interquartile means. An episode without the "
        f"goal counts with the round limit. Fewer than {FEWEST} seeds give no bootstrap.\n\n{RULE}\n"
    )


def _resumed(runs: dict[str, dict]) -> str:
    """Returns sentences on the runs that were resumed under something else than they were started with."""
    found, unknown = [], 0
    for name, run in runs.items():
        unknown += any(isinstance(part, str) for part in run["resumed"])  # a time is all that older runs have
        parts = [part for part in run["resumed"] if not isinstance(part, str)]
        changes = list(dict.fromkeys(change for part in parts for change in _changes(run, part)))
        if changes:
            found.append(f"{name} ({', '.join(changes)})")
    text = f" Resumed under something else than they were started with: {'; '.join(found)}." if found else ""
    if unknown:
        text += f" Resumed, without a record of what under: {unknown} of the runs."
    return text


def _changes(run: dict, part: dict) -> list[str]:
    """Returns what code, versions and processor a part of a run has otherwise than its start, in words."""
    then, now = ({"python": each.get("python"), **each.get("packages", {})} for each in (run, part))
    changes = [f"{name} {now[name]}" for name in now if now[name] != then.get(name)]
    if part["processor"] != run["processor"]:
        changes.append(f"processor {part['processor']}")
    if part["git_commit"] != run["git_commit"]:
        changes.insert(0, f"commit {str(part['git_commit'])[:7]}")
    if part["git_modified"] and not run.get("git_modified"):
        changes.insert(0, "uncommitted changes")
    return changes


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, or 2 where something has to be changed first."""
    parser = Parser(prog="report.py", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("folders", type=path_argument, nargs="+", help="--out folders of sweep.py")
    parser.add_argument("--out", type=path_argument, help="folder for the report [the first of the folders]")
    options = parser.parse_args(arguments)

    def work() -> int:
        with only_tables_of_runs():
            print(write_report(options.folders, options.out or options.folders[0]))
        return 0

    return command("report.py", work, lambda: "report again")


if __name__ == "__main__":
    sys.exit(main())

"""Shows a sweep on the terminal: the runs that are under way, and a table of what came out."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich.box
from rich.markup import escape
from rich.table import Table

from runs.folder import holds_run
from runs.records import WINDOW

if TYPE_CHECKING:
    from sweeps.experiments import Run

MOST_LINES = 10  # of runs; more would hide the bar
SHOWN = ("policy", "seeds", "rounds", "goal reached", "cost", "accuracy")  # beside the settings


def under_way(running: "Sequence[Run]", episodes: dict[str, int]) -> str:
    """Returns a line for each run that has begun; `episodes` has how many episodes each has logged, by its name."""
    begun = [run for run in running if holds_run(run.folder)]
    lines = [_line(run, episodes[run.name]) for run in begun[:MOST_LINES]]
    if len(begun) > MOST_LINES:
        lines.append(f"and {len(begun) - MOST_LINES} more")
    return "\n".join(lines)


def _line(run: "Run", done: int) -> str:
    line = f"{run.name}  episode {done}/{run.wanted()}"
    return f"{line}  {text}" if (text := recent(run.folder)) else line


def recent(run_dir: Path) -> str:
    """Returns how many rounds the last episodes of a run needed on average, an empty text before the first one.

    The text is also empty for a damaged file, which the run itself reports.
    """
    path = run_dir / "episodes.csv"
    try:
        finished = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
        rounds = [int(row["rounds"]) for row in csv.DictReader(finished)][-WINDOW:]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return ""
    return f"rounds {sum(rounds) / len(rounds):.1f} in the last {len(rounds)}" if rounds else ""


def results(planned: "Sequence[Run]") -> Table | None:
    """Returns the means over the seeds of the finished runs as a table; None where no run has finished."""
    from reporting.averages import per_seed, read_run  # pandas and SciPy take a second
    from reporting.tables import policy_table, setting_names
    from runs.tables import only_tables_of_runs

    with only_tables_of_runs():
        runs = {run.name: read_run(run.folder) for run in planned if run.finished}
        runs = {name: run for name, run in runs.items() if run}
        if not runs:
            return None
        means = per_seed(runs)
        rows = policy_table(means)[[*setting_names(means), *SHOWN]].astype(str)
    title = "Means over seeds (95 % interval); of a policy that learns, over its last 20 episodes"
    table = Table(title=title, box=rich.box.SIMPLE_HEAD)
    for name in rows:
        table.add_column(escape(name.replace("_", " ")))
    for row in rows.itertuples(index=False):
        table.add_row(*map(escape, row))
    return table

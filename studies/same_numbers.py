"""Compares the numbers of this version with those of another: `python -m studies.same_numbers --before CHECKOUT`.

Runs the same command lines in both checkouts, with the same seed, and compares every column of rounds.csv and
episodes.csv but the times. Takes about five minutes on two cores.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from reporting.tables import markdown
from runs.command_line import command, path_argument
from runs.comparison import COMPARED, first_difference, read
from runs.flags import Parser
from runs.folder import write_atomically
from settings.errors import UsageError
from settings.names import PROJECT

SHORT = "--episodes 3 --evaluation-samples 1000 --figure-every -1 --seed 3"
LEARNING = "--epsilon 0.5 --minibatch 8 --agent-batch-size 4"  # the agent learns, and often does what it has learned
CASES = {
    "preset paper": f"--preset paper {LEARNING}",
    "preset published-code": f"--preset published-code {LEARNING}",
    "preset improved": "--preset improved --greedy-from 3",
    "policy fedavg": "--policy fedavg",
    "learner attention-seeking": f"--learner attention-seeking {LEARNING}",
    "engine ray": f"--engine ray --ray-actors 2 {LEARNING}",
}


def compare(before: Path, after: Path) -> tuple[int, bool, str]:
    """Compares two runs; returns (rounds compared, whether all shared columns are equal, what was found)."""
    found, notes, tables = [], [], (read(before), read(after))
    for name in COMPARED:
        old, new = (table[name] for table in tables)
        if difference := first_difference(old, new):
            found.append(f"{name}, {difference}")
        only = {"before": [*old.columns.difference(new.columns)], "now": [*new.columns.difference(old.columns)]}
        notes += [f"{name} has {', '.join(columns)} only {when}" for when, columns in only.items() if columns]
    return len(tables[1]["rounds.csv"]), not found, "; ".join([*(found[:1] or ["equal"]), *notes])


def run(checkout: Path, flags: list[str], folder: Path):
    """Runs main.py of a checkout; raises UsageError where it fails."""
    line = [sys.executable, str(checkout / "main.py"), *flags, "--run-dir", str(folder)]
    ended = subprocess.run(line, cwd=checkout, capture_output=True, text=True)
    if ended.returncode:
        said = (ended.stderr.strip() or "it said nothing").splitlines()[-1]
        raise UsageError(f"main.py of {checkout} failed with {' '.join(flags)}: {said}")


def measure(options: argparse.Namespace) -> int:
    """Runs and compares every case, and writes the table; returns 1 where a case differs, else 0."""
    checkouts = {"before": options.before.resolve(), "now": PROJECT}
    data = ["--data-path", str(options.data_path.resolve())] if options.data_path else []
    rows, equal = [], []
    for case, flags in CASES.items():
        with tempfile.TemporaryDirectory() as place:
            folders = {when: Path(place) / when for when in checkouts}
            for when, checkout in checkouts.items():
                run(checkout, [*flags.split(), *SHORT.split(), *data], folders[when])
            rounds, same, found = compare(*folders.values())
        print(f"{case}: {found}", file=sys.stderr, flush=True)
        rows.append({"case": case, "rounds compared": rounds, "numbers": found})
        equal.append(same)
    text = markdown(pd.DataFrame(rows))
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        write_atomically(options.out / "same_numbers.md", text.encode())
    return 0 if all(equal) else 1


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 1 where numbers differ, 2 where something has to be changed first."""
    parser = Parser(prog="studies.same_numbers", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--before", type=path_argument, required=True, help="folder of the other checkout")
    parser.add_argument("--data-path", type=path_argument, help="data set of all runs, as for main.py")
    parser.add_argument("--out", type=path_argument, help="folder for the table [none is written]")
    options = parser.parse_args(arguments)
    return command("studies.same_numbers", lambda: measure(options), lambda: "run the same command again")


if __name__ == "__main__":
    sys.exit(main())

"""Finds the goal of a data set by a rule: `python -m studies.goals --splits disjoint --dataset mnist`.

The goal is the highest multiple of 0.05 that the random policy reaches within 36 rounds in at least 19 of 20 episodes.
These are episodes 1 to 4 of the tuning seeds 100 to 104, which no report uses. For a policy that does not learn,
episodes of one seed differ as much as those of different seeds, and five runs start faster than twenty. The runs have
the goal 1, so that all rounds are played. They are those of a sweep, and the same command resumes them.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import sweep
from reporting.tables import markdown
from runs.command_line import command, path_argument, text_list
from runs.description import read_description
from runs.flags import Parser
from runs.folder import write_atomically
from runs.options import parse
from runs.tables import only_tables_of_runs, read_table
from settings.errors import UsageError

SEEDS, EPISODES, ROUNDS = "100-104", 4, 36
NEEDED, OF = 19, 20  # episodes
STEPS = 20  # goals are multiples of a twentieth
OURS = {"--goal": "1", "--round-limit": str(ROUNDS), "--episodes": str(EPISODES), "--first-episode": "1"}
OURS |= {"--policies": "random", "--seeds": SEEDS, "--control-episodes": str(EPISODES)}
WHERE = ["dataset", "split", "learner"]


def goal(best: Sequence[float]) -> float:
    """Returns the highest multiple of 0.05 that at least NEEDED of the accuracies reach, 0 if they reach none."""
    return max(step / STEPS for step in range(STEPS + 1) if sum(value >= step / STEPS for value in best) >= NEEDED)


def best_accuracies(folder: Path) -> pd.DataFrame:
    """Reads a run; returns one row an episode: its highest accuracy and the round of it."""
    rounds = read_table(folder, "rounds.csv")
    variant = rounds["learner_variant"].astype(object).fillna("")
    rounds["learner"] = (rounds["learner"] + " " + variant).str.strip()
    best = rounds.loc[rounds.groupby("episode")["accuracy"].idxmax()]
    return best[[*WHERE, "seed", "episode", "accuracy", "round"]].rename(columns={"accuracy": "best_accuracy"})


def goal_table(episodes: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of the goals by the rule, from a table of `best_accuracies`."""
    rows = []
    for where, group in episodes.groupby(WHERE, sort=False):
        best = group["best_accuracy"].sort_values().tolist()
        found = goal(best)
        row = dict(zip(WHERE, where, strict=True)) | {"goal": f"{found:.2f}" if found else "none"}
        for name, step in (("reach it", 0), ("reach 0.05 more", 1)):
            reached = sum(value >= (round(found * STEPS) + step) / STEPS for value in best)
            row[name] = f"{reached} of {len(best)}"
        row |= {"lowest best accuracy": best[0], "second lowest": best[1], "median": group["best_accuracy"].median()}
        rows.append(row | {"highest": best[-1]})
    return pd.DataFrame(rows).round(4)


def study(splits: list[str], out: Path, shared: list[str]) -> int:
    """Runs what is missing, and writes the tables of all data sets in `out`; returns the exit code of the sweep."""
    given = {text.partition("=")[0] for text in shared}
    if unfit := sorted(given & {*OURS, "--vary", "--pack"}):
        raise UsageError(f"{unfit[0]} does not fit the rule, which fixes what is run; leave it out")
    runs = out / "runs" / parse(sweep.parse(shared)[1])[0].dataset
    flags = [text for pair in OURS.items() for text in pair]
    code = sweep.main([*shared, *flags, "--splits", ",".join(splits), "--out", str(runs)])
    if code or "--list" in given:
        return code
    folders = sorted(path.parent for path in (out / "runs").glob("*/*/rounds.csv"))
    # Runs of other data sets may still be going on.
    folders = [folder for folder in folders if read_description(folder)["end"]]
    with only_tables_of_runs():
        episodes = pd.concat([best_accuracies(folder) for folder in folders]).sort_values([*WHERE, "seed", "episode"])
    episodes = episodes[episodes.groupby(WHERE)["episode"].transform("size") == OF]
    table = markdown(goal_table(episodes))
    write_atomically(out / "goals.csv", episodes.to_csv(index=False).encode())
    write_atomically(out / "goals.md", table.encode())
    print(table)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 1 where a run failed, 2 where something has to be changed first, 130."""
    parser = Parser(
        prog="studies.goals",
        description=__doc__.splitlines()[0],
        allow_abbrev=False,
        epilog="All other flags are those of sweep.py and main.py: --dataset, --data-path, --jobs, ...",
    )
    parser.add_argument("--splits", type=text_list, default=["disjoint"], help="splits, separated by commas [disjoint]")
    parser.add_argument("--out", type=path_argument, default=Path("results/goals"), help="folder [results/goals]")
    options, shared = parser.parse_known_args(arguments)
    return command(
        "studies.goals", lambda: study(options.splits, options.out, shared), lambda: "the same command goes on"
    )


if __name__ == "__main__":
    sys.exit(main())

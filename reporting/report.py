"""Writes the report of a sweep: its text, tables and figures."""

from pathlib import Path

from reporting.averages import AVERAGES, common, every_average, read_runs
from reporting.figures import draw
from reporting.intervals import FEWEST
from reporting.tables import (
    CLAIMS,
    against_starters_table,
    averaging_table,
    claim_table,
    difference_table,
    improvement_table,
    markdown,
    policy_table,
    starter_table,
)
from runs.folder import write_atomically
from settings.declare import flag
from settings.names import PROJECT

_REACHES = "; ".join(f"{claim}: below {claimed / 2:+.1%} and down to {claimed:+.1%}" for claim, _, claimed in CLAIMS)
RULE = (
    "A claim counts as reproduced by the authors' agent when the 95 % interval of the change lies wholly beyond half "
    f"of the claimed change and reaches it ({_REACHES}). It counts as reproduced in part when the interval excludes "
    "zero on the claimed side. For the final accuracy, of which no figure is claimed, an interval that excludes zero "
    "reproduces the claim. An agent with any setting other than the authors' reproduces nothing: by the same rule it "
    "meets the paper's figures or misses them. The rule checks the agent's settings alone: the goal, the "
    "data and the nodes may differ from the paper's."
)
ERROR_RATES = PROJECT / "results/checks/verdict_errors.md"
ON_ERROR_RATES = (
    "How often each verdict comes out where the true change is known: experiments of 5 and 10 seeds, drawn from the "
    "published runs and rescaled to that change. From the lowest to the highest rate over the authors' agent and "
    "ours, both splits and two ways of rescaling (`python -m studies.verdict_errors --out results/checks`, "
    "whose CSV file has each). The former rule asked only for an interval that excludes zero and reaches the claim."
)


def write_report(folders: list[Path], out: Path, figures: bool = True, html: bool = False) -> str:
    """Writes report.md, per_seed.csv and, if wanted, the figures of the folders' runs into `out`; returns the text.

    With `html` it also writes all of this as one page, report.html.
    """
    runs, unfinished = read_runs(*folders)
    tables = every_average(runs)
    table = tables[AVERAGES["last-20"][0]]
    sections = [("What was run", _what_was_run(folders, runs, unfinished))]
    if len(claims := claim_table(table)):
        sections.append(("Claims", markdown(claims)))
        if ERROR_RATES.exists():
            sections.append(("Error rates of the verdicts", f"{ON_ERROR_RATES}\n\n{ERROR_RATES.read_text()}"))
    sections.append(("Policies", markdown(policy_table(table))))
    if len(averaging := averaging_table(tables)):
        sections.append(("Averaging", markdown(averaging)))
    if len(against := improvement_table(table)):
        sections.append(("Against each of the others", markdown(against)))
    if len(differences := difference_table(table)):
        sections.append(("Agents side by side", markdown(differences)))
    if "starter" in table and len(starters := starter_table(table)):
        sections.append(("Starters", markdown(starters)))
        if len(against := against_starters_table(table)):
            sections.append(("Against the mean over starters", markdown(against)))
    text = "# Report\n\n" + "\n".join(f"## {title}\n\n{body}" for title, body in sections)
    out.mkdir(parents=True, exist_ok=True)
    again = (out / "per_seed.csv").exists()  # else the figures in it are of somebody else
    write_atomically(out / "per_seed.csv", table.to_csv(index=False).encode())
    write_atomically(out / "report.md", text.encode())
    drawn = draw(out, runs, table, again) if figures else []
    if html:
        from reporting.page import page

        title = f"Report: {', '.join(folder.resolve().name for folder in folders)}"
        write_atomically(out / "report.html", page(text, runs, sorted(drawn), title))
    return text


def _what_was_run(folders: list[Path], runs: dict[str, dict], unfinished: list[str]) -> str:
    """Returns the paragraphs on runs, time, machines, data, averaging and the rule of the verdicts."""
    hours = sum(run["episodes"]["seconds"].sum() for run in runs.values()) / 3600
    data = ", ".join(sorted({run["dataset"] for run in runs.values()}))
    processors = ", ".join(sorted({run["processor"] for run in runs.values()}))
    commits = ", ".join(sorted({f"{str(run['git_commit'])[:7]}{_modified(run)}" for run in runs.values()}))
    threads = " or ".join(sorted({str(run["config"].threads) for run in runs.values()}))
    names = ", ".join(folder.resolve().name for folder in folders)
    left_out = f" Left out, as unfinished or without greedy episodes: {', '.join(unfinished)}." if unfinished else ""
    return (
        f"{len(runs)} finished runs in {names}, {hours:.1f} hours in all, {threads} thread{'s' * (threads != '1')} "
        f"a run, on {processors}; data: {data}; code: {commits}. {_common(runs)}{left_out}"
        f"{_worlds(runs)}{_resumed(runs)}\n\n"
        f"A seed's number is the mean over {AVERAGES['last-20'][0]} of a policy that learns, and over all episodes "
        "of one that does not. Every average of an agent that turns greedy is over greedy episodes alone, over fewer "
        "than 20 where there are fewer. Episodes of the same number start from the same initial weights. Intervals are "
        "of 95 % over the seeds: Student's t for means, a bootstrap of the seeds (expanded percentiles), with what "
        "belongs to a seed drawn together, for changes in per cent and interquartile means. An episode without the "
        f"goal counts with the round limit. Fewer than {FEWEST} seeds give no bootstrap.\n\n{RULE}\n"
    )


def _modified(run: dict) -> str:
    """Returns what follows the commit of a run whose code had been changed."""
    return " with uncommitted changes" if run.get("git_modified") else ""


def _common(runs: dict[str, dict]) -> str:
    """Returns a sentence on the preset of the runs and the settings that all runs change in it."""
    presets = {run["preset"] for run in runs.values()}
    base = f"the preset {presets.pop()}" if len(presets) == 1 else "the runs' presets"
    changes = ", ".join(f"`{flag(name)} {value}`" for name, value in common(runs).items())
    return f"Settings that no table shows are those of {base}{f', except {changes}' if changes else ''}."


def _worlds(runs: dict[str, dict]) -> str:
    """Returns a sentence where every seed has its own distances and deal of the images, which intervals then cover."""
    every = {run["config"].world for run in runs.values()}
    return " Every seed has its own distances between nodes and its own deal of the images." * (every == {"seed"})


def _resumed(runs: dict[str, dict]) -> str:
    """Returns sentences on the runs that were resumed with other code, versions or hardware."""
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
    """Returns the differences in code, versions and processor between a part of a run and its start."""
    then, now = ({"python": each.get("python"), **each.get("packages", {})} for each in (run, part))
    changes = [f"{name} {now[name]}" for name in now if now[name] != then.get(name)]
    if part["processor"] != run["processor"]:
        changes.append(f"processor {part['processor']}")
    if part["git_commit"] != run["git_commit"]:
        changes.insert(0, f"commit {str(part['git_commit'])[:7]}")
    if part["git_modified"] and not run.get("git_modified"):
        changes.insert(0, "uncommitted changes")
    return changes

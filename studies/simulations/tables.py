"""Builds tables over seeds with intervals, and paired verdicts in plain words."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from reporting.intervals import paired, student_t
from reporting.tables import markdown, mean_text, span_text
from runs.folder import write_atomically

BETTER, WORSE, UNDECIDED = "better", "worse", "no difference shown"
RULE = (
    "A difference is that of the two means of a seed, averaged over the seeds, with Student's 95 % interval. *Better* "
    f"and *worse* mean that the interval excludes zero, *{UNDECIDED}* that it does not. Of the differences without any "
    "cause one in twenty would exclude zero; that is not corrected for."
)


@dataclasses.dataclass(frozen=True)
class Measure:
    """A column of a table with one row an agent and seed: its title, its format, and whether more of it is better."""

    column: str
    title: str
    form: str = ".2f"
    more_is_better: bool = True


def verdict(low: float, high: float, more_is_better: bool = True) -> str:
    """Returns the verdict in plain words, given the interval of the paired difference, ours less theirs."""
    if np.isnan(low):
        return "not testable with one seed"
    if low <= 0 <= high:
        return UNDECIDED
    return BETTER if (low > 0) == more_is_better else WORSE


def summary(table: pd.DataFrame, measures: Sequence[Measure]) -> pd.DataFrame:
    """Returns the table of means with intervals, one row an agent; `table` has one row an agent and seed."""
    rows = []
    for name, group in table.groupby("agent", sort=False):
        spans = {measure.title: mean_text(group[measure.column], measure.form) for measure in measures}
        rows.append({"agent": name, "seeds": len(group), **spans})
    return pd.DataFrame(rows)


def comparisons(table: pd.DataFrame, pairs: Sequence[tuple[str, str]], measures: Sequence[Measure]) -> pd.DataFrame:
    """Returns the table of paired differences and verdicts, one row a pair (ours, theirs) and measure.

    Pairs of which the table lacks an agent are left out.
    """
    rows, present = [], set(table["agent"])
    for ours, theirs in pairs:
        if not {ours, theirs} <= present:
            continue
        one, other = (table[table["agent"] == name] for name in (ours, theirs))
        for measure in measures:
            differences = paired(one, other, measure.column)
            span = student_t(differences)
            rows.append(
                {"agent": ours, "against": theirs, "measure": measure.title, "seeds": len(differences)}
                | {"difference": span_text(span, f"+{measure.form}")}
                | {"verdict": verdict(*span[1:], measure.more_is_better)}
            )
    return pd.DataFrame(rows)


def write(folder: Path, title: str, sections: dict[str, str | pd.DataFrame], tables: dict[str, pd.DataFrame]) -> str:
    """Writes report.md, with a section for each text or table, and each of `tables` as NAME.csv; returns the report."""
    texts = {name: body if isinstance(body, str) else markdown(body) for name, body in sections.items()}
    text = f"# {title}\n\n" + "\n".join(f"## {name}\n\n{body.strip()}\n" for name, body in texts.items())
    for name, table in tables.items():
        write_atomically(folder / f"{name}.csv", table.to_csv(index=False).encode())
    write_atomically(folder / "report.md", text.encode())
    return text

"""Builds the tables of a report: claims, policies, averaging, agents against others and against each other."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from reporting.intervals import (
    bootstrap,
    change_per_goal,
    gap_closed,
    interquartile_mean,
    probability_of_less,
    relative_change,
    student_t,
)
from runs.presets import ANY

CLAIMS = (("training rounds", "rounds", -0.508), ("communication cost", "communication_cost", -0.746))  # the abstract's
AUTHORS, OTHER = "authors", "other"  # values of the column `agent`
FORMATS = {"rounds": ".1f", "communication_cost": ".3f", "episode_return": ".2f"}


def setting_names(table: pd.DataFrame) -> list[str]:
    """Returns the columns of a table of means that are settings: those before the column `policy`."""
    return list(table.columns[: table.columns.get_loc("policy")])


def matching(table: pd.DataFrame, policy: str, where: dict[str, object]) -> pd.DataFrame:
    """Returns the rows of a policy with the settings `where`.

    If no row has the value of a setting, the rows are taken whose policy the setting does not concern.
    """
    rows = table[table["policy"] == policy]
    for name, value in where.items():
        exact = rows[rows[name] == value]
        rows = exact if len(exact) else rows[rows[name] == ANY]
    return rows


def pairs(
    table: pd.DataFrame, policy: str, other: str = "random"
) -> Iterator[tuple[dict[str, object], pd.DataFrame, pd.DataFrame]]:
    """Yields (settings, rows of `policy`, rows of `other`) for the seeds that both have, by split and setting."""
    names = setting_names(table)
    for values, ours in table[table["policy"] == policy].groupby(names, sort=False):
        where = dict(zip(names, values, strict=True))
        ours, theirs = ours.set_index("seed"), matching(table, other, where).set_index("seed")
        seeds = ours.index.intersection(theirs.index)
        if len(seeds):
            yield where, ours.loc[seeds], theirs.loc[seeds]


def agents(table: pd.DataFrame) -> list[str]:
    """Returns the policies of a table of means that learn."""
    return list(table.loc[table["agent"] != "none", "policy"].unique())


def agent_pairs(
    table: pd.DataFrame, other: str = "random"
) -> Iterator[tuple[dict[str, object], pd.DataFrame, pd.DataFrame]]:
    """Yields what `pairs` does for every policy that learns; where several do, the settings name it as `policy`."""
    learning = agents(table)
    for policy in learning:
        for where, ours, theirs in pairs(table, policy, other):
            yield where | ({"policy": policy} if len(learning) > 1 else {}), ours, theirs


def verdict(claimed: float, low: float, high: float, authors: bool = True) -> str:
    """Returns the verdict on a claimed change, given the interval of the measured one; negative is an improvement.

    A claim is reproduced if the whole interval lies beyond half of the claimed change and the interval reaches the
    claimed change. A claim without a figure has `claimed` 0. Only the authors' agent can reproduce a claim; by the same
    rule any other agent meets or misses the paper's figure.
    """
    if np.isnan(low):
        return "not testable with so few seeds"
    reached = low <= claimed
    if reached and high < claimed / 2:
        return "reproduced" if authors else "meets"
    if high < 0:
        found = f"better, {'perhaps' if reached else 'but'} by less than claimed"
        return f"reproduced in part: {found}" if authors else f"misses: {found}"
    return f"{'not reproduced' if authors else 'misses'}: {'worse' if low > 0 else 'no difference shown'}"


def claim_table(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of the abstract's claims, by split, setting and policy that learns."""
    rows, names = [], ("ours", "95 % interval", "difference (Student t)", "seeds", "verdict")
    for claim, column, claimed in CLAIMS:
        for where, ours, theirs in agent_pairs(table):
            change, low, high = bootstrap(relative_change, ours[column], theirs[column])
            difference = _span(student_t((ours[column] - theirs[column]).to_numpy()), column)
            says = _untestable(ours, theirs, column) or verdict(claimed, low, high, _authors(ours))
            values = (
                "" if np.isnan(change) else f"{change:+.1%}",
                interval_text(low, high, "+.1%"),
                difference,
                len(ours),
                says,
            )
            row = {"claim, against random": claim, **where, "paper": f"{claimed:+.1%}"}
            rows.append(row | dict(zip(names, values, strict=True)))
    for where, ours, theirs in agent_pairs(table, "standalone"):
        mean, low, high = student_t((ours["final_accuracy"] - theirs["final_accuracy"]).to_numpy())
        overshoot = min(ours["reached_goal"].min(), theirs["reached_goal"].min()) == 1
        says = "not testable: all episodes end at the goal" if overshoot else verdict(0, -high, -low, _authors(ours))
        values = f"{mean:+.3f}", interval_text(low, high, "+.3f"), "same", len(ours), says
        row = {"claim, against random": "final accuracy, against standalone", **where, "paper": "higher"}
        rows.append(row | dict(zip(names, values, strict=True)))
    return pd.DataFrame(rows)


def _untestable(ours: pd.DataFrame, theirs: pd.DataFrame, column: str) -> str:
    """Returns why a claim cannot be tested with the rows of the agent and of `random`, mostly nothing."""
    if not (ours["reached_goal"].any() or theirs["reached_goal"].any()):
        return "not testable: no episode reaches the goal"
    if max(ours["rounds"].max(), theirs["rounds"].max()) == 1:
        return "not testable: all episodes end in round 1"
    return "" if theirs[column].any() else "not testable: that of random is zero"


def _authors(rows: pd.DataFrame) -> bool:
    """Returns whether the agent of these rows is the authors'."""
    return bool((rows["agent"] == AUTHORS).all())


def policy_table(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of policies: means over the seeds with Student t intervals, and interquartile means."""
    rows, names = [], setting_names(table)
    for where, group in table.groupby([*names, "policy"], sort=False):
        rounds, cost = group["rounds"].to_numpy(), group["communication_cost"].to_numpy()
        rows.append(
            {**dict(zip([*names, "policy"], where, strict=True)), "seeds": len(group)}
            | {"episodes": " or ".join(sorted(set(group["episodes"])))}
            | {"rounds": _span(student_t(rounds), "rounds")}
            | {"rounds, interquartile mean (bootstrap)": _span(bootstrap(interquartile_mean, rounds), "rounds")}
            | {"goal reached": f"{group['reached_goal'].mean():.0%}"}
            | {"cost": _span(student_t(cost), "communication_cost")}
            | {"MB sent": f"{group['bytes_sent'].mean() / 1e6:.2f}"}
            | {"gradient steps": f"{group['gradient_steps'].mean():.0f}"}
            | {"return": f"{group['episode_return'].mean():.1f}", "accuracy": f"{group['final_accuracy'].mean():.3f}"}
        )
        if "failed_attempts" in group and table["failed_attempts"].any():
            rows[-1]["failed attempts"] = f"{group['failed_attempts'].mean():.1f}"
    return pd.DataFrame(rows)


def improvement_table(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of the policies that learn against each of those that do not.

    Its columns are the probability that a seed needs fewer rounds or less cost than a seed of the other, the paired
    difference in return and, against a fixed route, the share of the route's advantage over the random policy.
    """
    rows, names, learning = [], setting_names(table), agents(table)
    for other in [name for name in table["policy"].unique() if name not in learning]:
        for where, ours, theirs in agent_pairs(table, other):
            row = {**where, "against": other, "seeds": len(ours)}
            for column in ("rounds", "communication_cost"):
                less = bootstrap(probability_of_less, ours[column], theirs[column])
                row[column.replace("_", " ")] = span_text(less, ".2f")
            difference = student_t((ours["episode_return"] - theirs["episode_return"]).to_numpy())
            row["return, difference (Student t)"] = _span(difference, "episode_return")
            if other == "route":
                same = {name: where[name] for name in names}
                chance = matching(table, "random", same).set_index("seed").reindex(ours.index)["rounds"]
                if chance.notna().all():
                    closed = bootstrap(gap_closed, ours["rounds"], theirs["rounds"], chance)
                    row["gap in rounds closed"] = span_text(closed, ".0%")
            rows.append(row)
    return pd.DataFrame(rows).fillna("")


def averaging_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Returns the table of the two claims by the episodes that are averaged, and the change in cost per goal reached.

    `tables` are the tables of means by the description of the average.
    """
    rows = []
    for average, table in tables.items():
        for where, ours, theirs in agent_pairs(table):
            row = {"averaged": average, **where}
            for name, column, _ in CLAIMS:
                row[name] = span_text(bootstrap(relative_change, ours[column], theirs[column]), "+.1%")
            columns = [each[name] for name in ("communication_cost", "reached_goal") for each in (ours, theirs)]
            reached = ours["reached_goal"].any() and theirs["reached_goal"].any()
            change = span_text(bootstrap(change_per_goal, *columns), "+.1%") if reached else "goal not reached"
            row["communication cost per goal reached"] = change
            rows.append(row)
    return pd.DataFrame(rows)


def difference_table(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of the policies that learn against the first of them, over the seeds that both have.

    The interquartile mean leaves out the lowest and the highest quarter of the differences, so one failed run hardly
    changes it.
    """
    rows, columns = [], {"rounds": "rounds", "cost": "communication_cost", "return": "episode_return"}
    first, *others = agents(table) or [None]
    for policy in others:
        for where, ours, theirs in pairs(table, policy, first):
            row = {**where, "policy": policy, "against": first, "seeds": len(ours)}
            for name, column in columns.items():
                differences = (ours[column] - theirs[column]).to_numpy()
                row[name] = f"{ours[column].mean():{FORMATS[column]}}"
                row[f"{name}, difference (Student t)"] = _span(student_t(differences), column)
                middle = bootstrap(interquartile_mean, differences)
                row[f"{name}, interquartile mean of the differences (bootstrap)"] = _span(middle, column)
            rows.append(row)
    return pd.DataFrame(rows)


def starter_table(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of every policy that was run with several starters: each starter, and the mean over them."""
    rows, names = [], [*(name for name in setting_names(table) if name != "starter"), "policy"]
    for where, group in table.groupby(names, sort=False):
        if group["starter"].nunique() == 1:
            continue
        for starter, part in [*group.groupby("starter"), ("mean", over_starters(group))]:
            row = {**dict(zip(names, where, strict=True)), "starter": starter, "seeds": len(part)}
            row["rounds"] = mean_text(part["rounds"], FORMATS["rounds"])
            row["goal reached"] = f"{part['reached_goal'].mean():.0%}"
            row["accuracy (Student t)"] = mean_text(part["final_accuracy"], ".3f")
            rows.append(row)
    return pd.DataFrame(rows)


def against_starters_table(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of the other policies against the mean of standalone over its starters, paired by seed.

    Another policy with several starters counts with its own mean over them.
    """
    rows, names = [], [name for name in setting_names(table) if name != "starter"]
    for where, group in table[table["policy"] != "standalone"].groupby([*names, "policy"], sort=False):
        where = dict(zip([*names, "policy"], where, strict=True))
        every = matching(table, "standalone", {name: where[name] for name in names})
        ours, theirs = over_starters(group), over_starters(every)
        seeds = ours.index.intersection(theirs.index)
        if every["starter"].nunique() > 1 and len(seeds):
            change = bootstrap(relative_change, ours.loc[seeds, "rounds"], theirs.loc[seeds, "rounds"])
            difference = student_t((ours["final_accuracy"] - theirs["final_accuracy"]).loc[seeds].to_numpy())
            row = {**where, "starters of standalone": every["starter"].nunique(), "seeds": len(seeds)}
            row |= {"rounds, change": span_text(change, "+.1%")}
            rows.append(row | {"accuracy, difference (Student t)": span_text(difference, "+.3f")})
    return pd.DataFrame(rows)


def over_starters(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns means over the starters, one row for each seed that has all of them."""
    seeds = rows.groupby("seed")
    means = seeds[["rounds", "reached_goal", "final_accuracy"]].mean()
    return means[seeds["starter"].nunique() == rows["starter"].nunique()]


def _span(triple: tuple[float, float, float], column: str) -> str:
    """Returns "mean (low to high)" in the format of a column."""
    return span_text(triple, FORMATS[column])


def span_text(triple: tuple[float, float, float] | np.ndarray, form: str) -> str:
    """Returns a value and its interval, "value (low to high)"; "not defined" for no number."""
    value, low, high = triple
    return "not defined" if np.isnan(value) else f"{value:{form}} ({interval_text(low, high, form)})"


def mean_text(values: ArrayLike, form: str) -> str:
    """Returns the mean of values [n] and its Student t interval as `span_text` does."""
    return span_text(student_t(values), form)


def interval_text(low: float, high: float, form: str) -> str:
    """Returns "low to high", or "no interval" for too few seeds."""
    return "no interval" if np.isnan(low) else f"{low:{form}} to {high:{form}}"


def markdown(rows: pd.DataFrame) -> str:
    """Returns a DataFrame as a Markdown table."""
    lines = [rows.columns, ["---"] * len(rows.columns), *rows.astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

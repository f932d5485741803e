"""Turns the measurements of the driving study into `report.md`, tables, figures and animations."""

from pathlib import Path

import pandas as pd

from reporting.intervals import paired, student_t
from reporting.tables import interval_text
from studies.driving.agents import NAMES
from studies.driving.drives import BOUNDS, DQN, OTHER_WAYS, Drive, units
from studies.driving.training import EPISODE_STEPS, lowest_steps
from studies.simulations.tables import RULE, Measure, comparisons, summary, verdict, write
from studies.units import read_part, read_settings

KEY = ["road", "way", "agent", "seed"]
MEASURES = (
    Measure("distance", "distance (m)", ".0f"),
    Measure("return", "return", ".0f"),
    Measure("crashed", "crash %", ".0f", False),
    Measure("off_road", "off the road %", ".0f", False),
    Measure("speed", "speed (m/s)", ".1f"),
    Measure("error", "squared error to the expert", ".3f", False),
    Measure("package_return", "return by highway-env", ".0f"),
)
TESTED = (MEASURES[0], Measure("failed", "crash or off the road %", ".0f", False), MEASURES[5])
PAIRS = (
    ("pseudo-attention", "plain"),
    ("pseudo-attention", "mlp"),
    ("pseudo-attention", DQN),
    ("add-norm", "plain"),
    ("plain", DQN),
    ("mlp", DQN),
    *((name, bound) for bound in ("expert", "idle") for name in (*NAMES, DQN)),
)
SECTIONS = {
    ("racetrack", "memory"): "Racetrack, with memory",
    ("racetrack", "online"): "Racetrack, online",
    ("highway", "memory"): "Highway, with memory",
}


def of_seeds(table: pd.DataFrame, phase: str = "evaluation") -> pd.DataFrame:
    """Returns the means of a phase over its episodes, one row a road, way, agent and seed; shares in per cent."""
    table = table[table["phase"] == phase].fillna({"way": ""})
    table = table.assign(failed=table[["crashed", "off_road"]].max(axis=1))
    means = table.groupby(KEY, sort=False)[[measure.column for measure in (*MEASURES, TESTED[1])]].mean().reset_index()
    shares = ["crashed", "off_road", "failed"]
    return means.assign(**{name: 100 * means[name] for name in shares})


def section(means: pd.DataFrame, road: str, way: str) -> pd.DataFrame:
    """Returns the rows of a road: the networks trained in one way, the DQN agent and the bounds, in this order."""
    rows = means[(means["road"] == road) & means["way"].isin([way, ""])]
    order = {name: place for place, name in enumerate((*NAMES, DQN, *BOUNDS))}
    return rows.sort_values("agent", key=lambda names: names.map(order), kind="stable")


def answers(rows: pd.DataFrame, title: str) -> str:
    """Returns the answers to the study's three questions for one section, in plain words."""
    present = set(rows["agent"])

    def compared(ours: str, theirs: str, what: str) -> str:
        if not {ours, theirs} <= present:
            return ""
        one, other = (rows[rows["agent"] == name] for name in (ours, theirs))
        parts = []
        for measure, unit in zip(TESTED[:2], (" m", " points"), strict=True):
            span = student_t(paired(one, other, measure.column))
            said = verdict(*span[1:], measure.more_is_better)
            between = interval_text(*span[1:], f"+{measure.form}")
            parts.append(f"{measure.title.rpartition(' ')[0]}: {said} ({span[0]:+.0f}{unit}, {between})")
        return f"- {ours} against {what}: {'; '.join(parts)}.\n"

    shown = {name: student_t(group["distance"])[0] for name, group in rows.groupby("agent")}
    learned = [name for name in (*NAMES, DQN) if name in shown]
    text = f"**{title}.**\n\n"
    text += compared("pseudo-attention", "plain", "a plain network of equal size")
    text += compared("pseudo-attention", DQN, "the DQN agent") + compared("plain", DQN, "the DQN agent")
    if {"expert", "idle"} <= present and learned:
        distances = ", ".join(f"{name} {shown[name]:.0f} m" for name in learned)
        text += f"- Distances: {distances}; expert {shown['expert']:.0f} m, doing nothing {shown['idle']:.0f} m.\n"
        halfway = (shown["idle"] + shown["expert"]) / 2
        far = {name: rows[rows["agent"] == name]["distance"] >= halfway for name in learned}
        counts = ", ".join(f"{name} {seeds.sum()} of {len(seeds)}" for name, seeds in far.items())
        text += f"- Seeds at least halfway from doing nothing to the expert: {counts}.\n"
        for bound, what in (("idle", "doing nothing"), ("expert", "the expert")):
            said = {name: distance_verdict(rows, name, bound) for name in learned}
            text += f"- Distance against {what}: {', '.join(f'{name} {word}' for name, word in said.items())}.\n"
    return text


def distance_verdict(rows: pd.DataFrame, ours: str, theirs: str) -> str:
    """Returns the verdict on the distance of one agent against another."""
    one, other = (rows[rows["agent"] == name] for name in (ours, theirs))
    return verdict(*student_t(paired(one, other, "distance"))[1:])


def not_measured(table: pd.DataFrame, quick: bool) -> str:
    """Returns a paragraph that names what of the study is not in the table for all of its seeds; empty if all is."""
    keys = ["road", "agent", "way", "seed"]
    there = set(table[keys].fillna({"way": ""}).itertuples(index=False, name=None))
    planned = units(sorted(table["seed"].unique()), quick)
    missing = [unit for unit in planned if tuple(getattr(unit, key) for key in keys) not in there]
    names = dict.fromkeys(f"{unit.agent} ({', '.join(filter(None, (unit.road, unit.way)))})" for unit in missing)
    return f"**Not measured yet for all seeds:** {', '.join(names)}.\n\n" if names else ""


def what_was_run(table: pd.DataFrame, settings: dict) -> str:
    """Returns the paragraph on budgets, seeds and machine."""
    steps, starts = int(table["steps"].max()), int(table["starts"].max())
    seeds = ", ".join(map(str, sorted(table["seed"].unique())))
    quick = "**This is the quick form, a look that proves nothing.** " if settings.get("quick") else ""
    return (
        f"{quick}Every learner had {steps:,} steps of the road, five a second, and was driven from {starts} held-out "
        f"starts a seed for at most {EPISODE_STEPS} steps, without dropout, mutation and exploration. Seeds: {seeds}. "
        f"Networks trained online are taken after {lowest_steps(steps):,} steps, when their rate was lowest last. "
        f"Measured on {settings['processor']}, {settings['threads']} thread(s). Distances and returns are means of an "
        "episode, errors are mean squared differences to the expert's action where the car was; intervals are of 95 % "
        "over the seeds (Student's t)."
    )


def write_report(folder: Path) -> str:
    """Writes report.md, the tables as CSV files, the figures and the animations; returns the report's text."""
    from studies.driving import pictures

    table = read_part(folder, Drive.part)
    means, settings = of_seeds(table), read_settings(folder)
    sections = {"What was run": what_was_run(table, settings)}
    found = {title: section(means, *where) for where, title in SECTIONS.items()}
    found = {title: rows for title, rows in found.items() if len(rows) and set(rows["way"]) - {""}}
    sections["Answers"] = f"{RULE}\n\n" + not_measured(table, settings["quick"])
    sections["Answers"] += "\n".join(answers(rows, title) for title, rows in found.items())
    for title, rows in found.items():
        sections[title] = summary(rows, MEASURES)
    few = means[means["agent"].isin(means[means["way"].isin(OTHER_WAYS)]["agent"])]
    few = few[(few["road"] == "racetrack") & (few["way"] != "")].sort_values("agent", kind="stable")
    if len(few):
        named = few.assign(agent=few["agent"] + ", " + few["way"])
        pairs = [
            (f"{name}, {way}", f"{name}, {way.split()[0] if ' ' in way else 'online'}")
            for name in dict.fromkeys(few["agent"])
            for way in OTHER_WAYS
        ]
        sections["Losses and targets"] = summary(named, MEASURES)
        sections["Losses and targets, differences"] = comparisons(named, pairs, TESTED)
    noisy = of_seeds(table, "noise")
    if len(noisy):
        noisy = noisy[noisy["way"].isin(("memory", "online"))]
        label = noisy["road"] + ", " + noisy["way"] + ", " + noisy["agent"]
        sections["With dropout and mutation on"] = summary(noisy.assign(agent=label), MEASURES)
    for title, rows in found.items():
        sections[f"{title}: differences"] = comparisons(rows, PAIRS, TESTED)
    pictures.draw(folder, table, found)
    return write(folder, "Driving", sections, {"drives": means})

"""Turns the measurements of the study into `report.md`, tables and figures.

It tests the claim in the abstract of arXiv 2310.09952 that attention-seeking neurons forget less than backpropagation
in one benchmark. A method that learns less has less to forget. Methods are therefore compared at equal learning
accuracy; see RULES.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from reporting.intervals import paired, student_t
from reporting.tables import markdown
from runs.folder import write_atomically
from studies.learners import accuracies, alignments, task_sequences
from studies.learners.forgetting import PERMUTED_IMAGES, PERMUTED_TESTS, SCENARIOS
from studies.learners.tables import accuracy_table, alignment_table, percent
from studies.learners.task_sequences import ELASTIC, JOINT, RATES, REFERENCE
from studies.units import read_settings

NEAR = 0.01  # how much learning accuracy may differ for methods to be compared
RULES = {
    "nearest": "backpropagation at the learning rate of its highest mean learning accuracy, every other method at the "
    f"rate whose mean learning accuracy is nearest to that one, if within {100 * NEAR:g} point",
    "best": "every method, backpropagation too, at the learning rate of its highest mean ACC among those whose mean "
    f"learning accuracy is at most {100 * NEAR:g} point below the highest of backpropagation's",
    "curve": "the mean over all learning rates of a method, each beside backpropagation at the same learning accuracy, "
    "interpolated between backpropagation's rates; without the rates at which the method learns less, or more, than "
    "backpropagation at any of its own",
}
ALIGNMENT = (
    "Cosines between the update and the gradient, a seed's being the mean over the layers below the output layer; "
    "random is feedback alignment. Growth is by how much a neuron's attention grows in one step whose length is "
    f"{100 * alignments.STEP:g} % of the kernel's, as a mean over the layers (below zero where the attention shrinks), "
    "beside what its first-order formula predicts; shares of attention always sum to the same."
)
TUNED = (
    "Which learning rates `nearest` and `best` compare is chosen by the means over the seeds {}, on the last sixth of "
    "the training images. `curve` chooses none. All that is reported is measured on the test images."
)
NOT_TUNED = (
    "**The learning rates of these comparisons were chosen on the images and seeds that are reported here**, which "
    "makes what is chosen look better than it is. Run `python -m studies.learners` on this folder again to choose them "
    "on held-out images."
)
BOTH_ACCURACIES = ["learning_accuracy", "acc"]
METRICS = [*BOTH_ACCURACIES, "forgetting", "backward_transfer"]
IN_PER_CENT = {"learning_accuracy": "learning accuracy %", "acc": "ACC %", "forgetting": "forgetting %"}
CONTROLS = (REFERENCE, ELASTIC, "random")  # about which the claim says nothing
SUPPORTED, AGAINST, UNDECIDED = "supported", "not supported", "undecided"

Parts = tuple[list[float], pd.DataFrame, pd.DataFrame]


def compared(table: pd.DataFrame, tuned: pd.DataFrame, rule: str) -> dict[str, Parts]:
    """Returns {method: (rates, its runs, backpropagation's runs)} by one of RULES, for the table of one scenario.

    Both runs have one row a seed. `tuned`, the table of the tuning images and seeds, decides the rates where a rule
    takes a single one. Methods that cannot be compared are left out.
    """
    runs = dict(list(table[table["method"] != JOINT].groupby("method", sort=False)))
    if rule == "curve":
        found = {name: along_curve(rows, runs[REFERENCE]) for name, rows in runs.items()}
        return {name: parts for name, parts in found.items() if parts}
    rates = compared_rates(tuned, rule)
    at_rate = {name: runs[name][runs[name]["rate"] == rate] for name, rate in rates.items()}
    return {name: ([rates[name]], rows, at_rate[REFERENCE]) for name, rows in at_rate.items()}


def compared_rates(tuned: pd.DataFrame, rule: str) -> dict[str, float]:
    """Returns the learning rate of each method by a rule that takes a single one.

    Methods without a rate within NEAR are left out.
    """
    means = tuned[tuned["method"] != JOINT].groupby(["method", "rate"], sort=False)[BOTH_ACCURACIES].mean()
    target, rates = means.loc[REFERENCE, "learning_accuracy"].max(), {}
    for method, rows in means.groupby("method", sort=False):
        rows = rows.droplevel("method").sort_index()
        distances = (rows["learning_accuracy"] - target).abs()
        near = rows[rows["learning_accuracy"] >= target - NEAR]
        if rule == "nearest" and distances.min() <= NEAR:
            rates[method] = distances.idxmin()
        elif rule == "best" and len(near):
            rates[method] = near["acc"].idxmax()
    return rates


def along_curve(ours: pd.DataFrame, reference: pd.DataFrame) -> Parts | None:
    """Returns (rates, our runs, the reference's runs at the same learning accuracy), or None where it has none.

    The runs have one row a seed, the mean over the rates.
    """
    means, theirs = (runs.groupby("rate")["learning_accuracy"].mean().sort_values() for runs in (ours, reference))
    means = means[means.between(theirs.iloc[0], theirs.iloc[-1])]
    if means.empty:
        return None
    rows = ours[ours["rate"].isin(means.index)].groupby("seed")[METRICS].mean()
    matched = pd.DataFrame(index=rows.index.intersection(reference["seed"].unique()))
    for name in METRICS:
        by_rate = reference.pivot(index="seed", columns="rate", values=name)[theirs.index].loc[matched.index]
        matched[name] = np.mean([np.interp(means, theirs, row) for row in by_rate.to_numpy()], axis=1)
    return sorted(means.index), rows.reset_index(), matched.reset_index()


def verdict(low: float, high: float) -> str:
    """Returns the verdict on the claim to forget less, given the interval of the difference in ACC."""
    if np.isnan(low):
        return "not testable with one seed"
    return SUPPORTED if low > 0 else AGAINST if high < 0 else UNDECIDED


def forgetting_table(table: pd.DataFrame, tuned: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of the comparison at equal learning accuracy, by scenario, rule and method."""
    rows = []
    for scenario in [name for name in SCENARIOS if REFERENCE in set(table[table["scenario"] == name]["method"])]:
        of_scenario, tuning = (rows_of[rows_of["scenario"] == scenario] for rows_of in (table, tuned))
        for rule in RULES:
            parts, present = compared(of_scenario, tuning, rule), set(of_scenario["method"]) - {JOINT}
            for method in [name for name in RATES if name in present]:
                where = {"benchmark": scenario, "rule": rule, "method": method}
                if method not in parts:
                    rows.append(where | {"verdict": "not comparable at any rate"})
                else:
                    rows.append(where | _comparison(method, *parts[method]))
    return pd.DataFrame(rows, dtype=object).fillna("")


def _comparison(method: str, rates: list[float], ours: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, str | int]:
    """Returns the cells that compare the runs of a method with those of backpropagation, one row a seed each."""
    row = {"rate": ", ".join(f"{rate:g}" for rate in rates), "seeds": len(ours)}
    row |= {title: percent(ours[name], ".1f") for name, title in IN_PER_CENT.items()}
    row["backward transfer %"] = percent(ours["backward_transfer"], ".1f")
    differences = paired(ours, theirs, "acc")
    if method == REFERENCE or not len(differences):
        return row | {"ACC against backpropagation": "", "verdict": ""}
    row["ACC against backpropagation"] = percent(differences, "+.1f")
    return row | {"verdict": verdict(*student_t(differences)[1:])}


def claim(rows: pd.DataFrame) -> str:
    """Returns the paragraph on the claim, from the rows of forgetting_table."""
    ours = rows[~rows["method"].isin(CONTROLS)]
    both = ours.groupby(["benchmark", "method"], sort=False)["verdict"].agg(set)
    won = [f"{method} in {benchmark}" for (benchmark, method), said in both.items() if said == {SUPPORTED}]
    if won:
        answer = f"{SUPPORTED}, by {', '.join(won)}"
    else:
        answer = AGAINST if all(said == {AGAINST} for said in both) else UNDECIDED
    counts = ", ".join(f"{number} {word}" for word, number in ours["verdict"].value_counts().items())
    return (
        f'The claim "forgets less than backpropagation in one benchmark", for the attentions '
        f"{', '.join(dict.fromkeys(ours['method']))}: **{answer}**. It counts as supported where the 95 % interval of "
        "the paired difference in ACC lies above zero by all rules, as not supported where all lie below zero. Of "
        f"the {len(ours)} comparisons: {counts}. Of as many without any difference, {len(ours) / 40:.1f} would lie "
        "above zero by chance; that is not corrected for."
    )


def rate_table(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of all scenarios, methods and learning rates."""
    rows = []
    for (scenario, method, rate), group in table.groupby(["scenario", "method", "rate"], sort=False):
        row = {"benchmark": scenario, "method": method, "rate": f"{rate:g}", "seeds": len(group)}
        for name, title in IN_PER_CENT.items():
            row[title] = percent(group[name], ".1f") if method != JOINT or name == "acc" else ""
        rows.append(row | {"strength": f"{group['strength'].iloc[0]:.3g}" if method == ELASTIC else ""})
    return pd.DataFrame(rows)


def what_was_run(settings: dict, tables: dict[str, pd.DataFrame]) -> str:
    """Returns the paragraphs on data, seeds, machine and methods."""
    samples = f"the first {settings['samples']}" if settings["samples"] else "all"
    epochs = f"; epochs of every training, instead of those planned: {settings['epochs']}" if settings["epochs"] else ""
    seeds = "; ".join(f"{name}: seeds {_listed(table['seed'])}" for name, table in tables.items())
    methods = {
        "accuracy": "Tuned learning rates have the highest accuracy on the last sixth of the training images, over the "
        f"seeds {_listed(pd.Series(accuracies.TUNING_SEEDS))}. Stored accuracies are those in the published notebooks "
        "of D2BL, after the last epoch of one run without a seed; their plain network may have had another activation.",
        "alignment": f"The alignment is measured in networks {alignments.WIDTH} wide, while Adam trains them for "
        f"{settings['epochs'] or alignments.EPOCHS} epochs of at most {alignments.TRAINING_IMAGES} images.",
        "forgetting": f"For forgetting, networks of {task_sequences.WIDTHS} learn each task for "
        f"{settings['epochs'] or task_sequences.EPOCHS} epochs by plain gradient descent; a permuted task has at most "
        f"{PERMUTED_IMAGES} training and {PERMUTED_TESTS} test images.",
    }
    return (
        f"Data: {settings['dataset']}, {samples} training images, all test images{epochs}. {seeds}. Measured on "
        f"{settings['processor']}, {settings['threads']} thread(s). Intervals are of 95 % over the seeds (Student's "
        "t); differences are paired by seed: the same first weights, as far as the networks are equal, and the same "
        f"order of images.\n\n{' '.join(text for part, text in methods.items() if part in tables)}\n"
    )


def _listed(seeds: pd.Series) -> str:
    return ", ".join(map(str, sorted(seeds.unique())))


def write_report(folder: Path) -> str:
    """Writes report.md, the tables as CSV files and the figures; returns the report's text."""
    from studies.learners.figures import draw

    settings = read_settings(folder)
    read = {"accuracy": accuracies, "alignment": alignments, "forgetting": task_sequences}
    tables = {name: part.read(folder) for name, part in read.items()}
    tables = {name: table for name, table in tables.items() if len(table)}
    sections = [("What was run", what_was_run(settings, tables))]
    if "accuracy" in tables:
        sections.append(("Accuracy", markdown(accuracy_table(tables["accuracy"], settings["dataset"]))))
    if "alignment" in tables:
        sections.append(
            ("Alignment with the gradient", f"{ALIGNMENT}\n\n{markdown(alignment_table(tables['alignment']))}")
        )
    tuned = None
    if "forgetting" in tables:
        tuned = task_sequences.read_tuning(folder, tables["forgetting"])
        chosen = NOT_TUNED if tuned is None else TUNED.format(_listed(tuned["seed"]))
        tuned = tables["forgetting"] if tuned is None else tuned
        rows = forgetting_table(tables["forgetting"], tuned)
        rules = "\n".join(f"- `{name}`: {text}." for name, text in RULES.items())
        body = f"{claim(rows)}\n\n{chosen}\n\nLearning rates, by three rules:\n\n{rules}\n\n{markdown(rows)}"
        sections += [
            ("Forgetting", body),
            ("Forgetting, at every learning rate", markdown(rate_table(tables["forgetting"]))),
        ]
    text = "# Learners compared\n\n" + "\n".join(f"## {title}\n\n{body}" for title, body in sections)
    for name, table in tables.items():
        write_atomically(folder / f"{name}.csv", table.to_csv(index=False).encode())
    write_atomically(folder / "report.md", text.encode())
    draw(folder, tables, tuned, settings["dataset"])
    return text

"""Draws the figures of the study of learners: accuracy, alignment with the gradient, growth, forgetting."""

import functools
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reporting.intervals import student_t
from reporting.run_figures import draw_all, look
from studies.learners.accuracies import ATTENTIONS, ENTRIES
from studies.learners.task_sequences import JOINT, RATES

BAR = {"capsize": 1.5, "elinewidth": 0.9, "markersize": 4}
MOST_BELOW = 0.1  # rates whose learning accuracy is further below the best one are left out of the figure of forgetting


def draw(folder: Path, tables: dict[str, pd.DataFrame], tuned: pd.DataFrame | None, dataset: str):
    """Draws the figures that the tables allow into folder/figures; for `tuned` see `remembered`."""
    figures = {
        "accuracy": ("accuracy", accuracy),
        "alignment": ("alignment", alignment),
        "growth": ("alignment", growth),
        "forgetting": ("forgetting", lambda table: remembered(table, tuned)),
    }
    possible = {name: functools.partial(make, tables[part]) for name, (part, make) in figures.items() if part in tables}
    draw_all(possible, folder / "figures", f"data: {dataset}", fontsize=8)


def errorbars(values: pd.Series) -> tuple[float, np.ndarray]:
    """Returns the mean of values [n] and its Student t interval in Matplotlib's form: mean, [[below], [above]]."""
    mean, low, high = student_t(values)
    return mean, np.nan_to_num([[mean - low], [high - mean]])


def accuracy(table: pd.DataFrame) -> Figure:
    """Draws the test accuracy of every entry, and its difference to the plain network's of the same seed."""
    names = [name for name in ENTRIES if name in set(table["entry"])]
    figure = Figure(figsize=(7, 0.8 + 0.2 * len(names)))
    left, right = figure.subplots(1, 2, sharey=True)
    by_entry = {name: table[table["entry"] == name].set_index("seed")["accuracy"] for name in names}
    for place, name in enumerate(names):
        plain = ENTRIES[name].plain
        style = {**look(0 if plain else 1), "marker": "o" if plain else "s"}
        panels = [(left, 100 * by_entry[name])]
        if plain in by_entry:
            panels.append((right, 100 * (by_entry[name] - by_entry[plain]).dropna()))
        for axes, values in panels:
            axes.plot(values, [place] * len(values), ".", color=style["color"], markersize=3, alpha=0.5)
            if len(values):
                mean, error = errorbars(values)
                axes.errorbar(mean, place, xerr=error, linestyle="", **style, **BAR)
    left.set_yticks(range(len(names)), names)
    left.set_ylim(len(names) - 0.5, -0.5)
    left.set_xlabel("test accuracy (%)\nsquares: plain,\ntrained by backpropagation")
    right.axvline(0, color="0.4", linewidth=0.8, linestyle="--")
    right.set_xlabel("difference to the plain one (points)\ndots: seeds\nbars: 95 % interval of their mean")
    return figure


def alignment(table: pd.DataFrame) -> Figure:
    """Draws the cosine between attention update and gradient over the layers, before and after training, by depth."""
    depths = sorted(table["hidden_layers"].unique())
    epochs = {"at first": 0, "trained": table["epoch"].max()}
    figure = Figure(figsize=(1.2 + 1.7 * len(depths), 4.2))
    panels = figure.subplots(2, len(depths), sharey=True, squeeze=False)
    for (when, epoch), row in zip(epochs.items(), panels, strict=True):
        for hidden_layers, axes in zip(depths, row, strict=True):
            chosen = table[(table["hidden_layers"] == hidden_layers) & (table["epoch"] == epoch)]
            for variant, rows in chosen.groupby("variant", sort=False):
                spans = [student_t(values) for _, values in rows.groupby("layer")["cosine"]]
                mean, low, high = np.array(spans).T
                errors = np.nan_to_num([mean - low, high - mean])
                layers, style = sorted(rows["layer"].unique()), look(ATTENTIONS.index(variant))
                axes.errorbar(layers, mean, errors, linewidth=0.9, label=variant, **style, **BAR)
            axes.set_title(f"hidden layers: {hidden_layers}, {when}")
            axes.set_xticks(range(1, hidden_layers + 2))
            axes.axhline(0, color="0.4", linewidth=0.6)
        row[0].set_ylabel("cosine with the gradient")
    for axes in panels[-1]:
        axes.set_xlabel("layer (last: output)")
    handles = panels[0][0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=4, title="bars: 95 % interval over seeds")
    return figure


def growth(table: pd.DataFrame) -> Figure:
    """Draws how much attention grows in one step against what its first-order formula says, a point a layer."""
    figure = Figure(figsize=(4, 3.2))
    axes = figure.subplots()
    for variant, rows in table.dropna(subset=["growth"]).groupby("variant", sort=False):
        predicted, grown = (100 * rows[name] / rows["attention"] for name in ("predicted_growth", "growth"))
        style = look(ATTENTIONS.index(variant))
        axes.plot(predicted, grown, linestyle="", markersize=3, alpha=0.6, label=variant, **style)
    axes.axline((0, 0), slope=1, color="0.4", linewidth=0.8, linestyle="--")
    axes.set(xlabel="predicted growth of a neuron's attention (%)", ylabel="growth measured (%)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
    return figure


def remembered(table: pd.DataFrame, tuned: pd.DataFrame) -> Figure:
    """Draws the accuracy on all tasks at the end against that on each just learned, a point a learning rate.

    Rates at which a method learns much less than the best one are left out, see MOST_BELOW. The line of all tasks at
    once is at the learning rate that is best by `tuned`, the same table of other images.
    """
    scenarios = list(dict.fromkeys(table["scenario"]))
    figure = Figure(figsize=(max(4.2, 0.6 + 2.4 * len(scenarios)), 3.6))
    panels = figure.subplots(1, len(scenarios), squeeze=False)[0]
    for scenario, axes in zip(scenarios, panels, strict=True):
        of_scenario = table[table["scenario"] == scenario]
        in_turn = of_scenario[of_scenario["method"] != JOINT]
        learned = in_turn.groupby(["method", "rate"])["learning_accuracy"].transform("mean")
        shown = learned >= learned.max() - MOST_BELOW
        in_turn, learned = in_turn[shown], 100 * learned[shown]
        for method, runs in in_turn.groupby("method", sort=False):
            points = [
                [*errorbars(100 * rows["learning_accuracy"]), *errorbars(100 * rows["acc"])]
                for _, rows in runs.groupby("rate")
            ]
            x, x_error, y, y_error = (np.array(part) for part in zip(*points, strict=True))
            errors = {"xerr": x_error[:, :, 0].T, "yerr": y_error[:, :, 0].T}
            style = look([*RATES].index(method))
            axes.errorbar(x, y, **errors, linewidth=0.8, label=method, **style, **BAR)
        joint = of_scenario[of_scenario["method"] == JOINT]
        if len(joint):
            tuning = tuned[(tuned["scenario"] == scenario) & (tuned["method"] == JOINT)]
            best = tuning.groupby("rate")["acc"].mean().idxmax()
            mean = 100 * joint[joint["rate"] == best]["acc"].mean()
            axes.axhline(mean, color="0.4", linewidth=1, linestyle="--", label="all tasks at once")
        margin = 0.1 * (learned.max() - learned.min()) + 0.1
        axes.set_xlim(learned.min() - margin, learned.max() + margin)  # of the points, for some bars are long
        axes.set(title=scenario, xlabel="learning accuracy (%)")
    panels[0].set_ylabel("ACC: accuracy on all tasks at the end (%)")
    handles = panels[0].get_legend_handles_labels()
    title = (
        "one point per learning rate; rates that learn over 10 points\n"
        "less than the best are left out; bars: 95 % interval over seeds"
    )
    figure.legend(*handles, loc="outside lower center", ncols=min(4, 2 + len(scenarios)), title=title)
    return figure

"""Makes the report's tables of accuracy and of alignment with the gradient."""

import numpy as np
import pandas as pd

from reporting.intervals import paired, student_t
from reporting.tables import mean_text, span_text
from studies.learners.accuracies import ENTRIES


def percent(values: pd.Series | np.ndarray, form: str = ".2f") -> str:
    """Returns the mean of shares [n] with its Student t interval in per cent, as text."""
    return span_text(100 * np.array(student_t(values)), form)


def accuracy_table(table: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Returns the table of test accuracies after the last epoch, with the difference to the plain network."""
    rows = []
    for name, group in sorted(table.groupby("entry"), key=lambda pair: list(ENTRIES).index(pair[0])):
        entry, plain = ENTRIES[name], table[table["entry"] == ENTRIES[name].plain]
        differences = paired(group, plain, "accuracy")
        stored = entry.stored if dataset == entry.stored_on else None
        rate, quiet = group["rate"].iloc[0], group["accuracy_without_noise"]
        tuned = ", tuned" if len(entry.rates) > 1 else ""
        rows.append(
            {"network and learner": name, "seeds": len(group), "test accuracy %": percent(group["accuracy"])}
            | {"against the plain one": percent(differences, "+.2f") if len(differences) else ""}
            | {"stored %": "" if stored is None else f"{100 * stored:.2f}"}
            | {"ours - stored": "" if stored is None else f"{100 * (group['accuracy'].mean() - stored):+.2f}"}
            | ({"doubt about the stored": entry.doubt} if dataset == "cifar10" else {})
            | {"tested without noise %": percent(quiet) if entry.noisy else ""}
            | {"learning rate": f"{rate:g}{tuned}" if rate else "none", "batch": entry.batch_size}
            | {"epochs": group["epoch"].iloc[0], "s an epoch": f"{group['seconds_per_epoch'].median():.2f}"}
            | {"weights": group["parameters"].iloc[0]}
        )
    return pd.DataFrame(rows)


def alignment_table(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of cosines in the hidden layers and growth of attention, by attention and depth.

    The output layer is left out, as its cosine is 1 by definition.
    """
    rows = []
    for (variant, hidden_layers), group in table.groupby(["variant", "hidden_layers"], sort=False):
        row = {"attention": variant, "hidden layers": hidden_layers, "seeds": group["seed"].nunique()}
        for when, epoch in (("at first", 0), ("trained", group["epoch"].max())):
            hidden = group[(group["epoch"] == epoch) & (group["depth"] > 0)]
            row[f"cosine, {when}"] = mean_text(hidden.groupby("seed")["cosine"].mean(), ".3f")
            row[f"of layer 1, {when}"] = mean_text(hidden[hidden["layer"] == 1]["cosine"], ".3f")
            paid = group[group["epoch"] == epoch].dropna(subset=["growth"])
            for title, name in (("growth %", "growth"), ("predicted %", "predicted_growth")):
                row[f"{title}, {when}"] = f"{100 * (paid[name] / paid['attention']).mean():.3f}" if len(paid) else ""
        rows.append(row)
    return pd.DataFrame(rows)

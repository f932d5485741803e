"""Turns the measurements of the study of boids into tables, verdicts and figures."""

from pathlib import Path

import numpy as np
import pandas as pd

from reporting.intervals import student_t
from reporting.tables import span_text
from studies.boids import dqn
from studies.boids.agents import AGENTS, SIZES
from studies.boids.figures import STORED, STORED_LOWEST, draw
from studies.boids.forces import STRONGEST, WEIGHTS
from studies.boids.measures import CONTACT, MEASURES, WIND
from studies.boids.networks import IMITATION, PLAIN_OF, ZERO
from studies.boids.units import Film, Flight, Training, Wind, read
from studies.boids.world import FASTEST, NEAR, RADIUS
from studies.simulations.tables import BETTER, RULE, UNDECIDED, WORSE, Measure, comparisons, summary, write
from studies.units import read_settings

LAST = 100  # steps at the end of a flight, over which a seed's means are taken
JUDGED = (*MEASURES[:4], WIND)  # for the speed no one can say what is better
ERROR = Measure("error", "error of the forces, % of their mean square", ".1f", more_is_better=False)
OPTION_PAIRS = [
    ("reynolds-one-by-one", "reynolds"),
    ("reynolds-torus", "reynolds"),
    ("imitation-pseudo-attention-8-noisy", "imitation-pseudo-attention-8"),
]
OPTIONS = [name for name, _ in OPTION_PAIRS]
LEARNED = [name for name in AGENTS if name not in ("no-force", "reynolds", *OPTIONS)]
PLAIN_PAIRS = [
    (f"{objective}-{one}", f"{objective}-{plain}") for objective in (IMITATION, ZERO) for one, plain in PLAIN_OF
]
DQN_PAIRS = [(name, "dqn") for name in LEARNED if name != "dqn"]
BOUND_PAIRS = [(name, bound) for bound in ("reynolds", "no-force") for name in LEARNED]
TELLING = ("imitation-pseudo-attention", "imitation-pseudo-attention-8", "zero-pseudo-attention-short")
ANSWERS = {
    "Does pseudo-attention beat a plain network of about as many weights?": [
        pair for pair in PLAIN_PAIRS if "pseudo-attention" in pair[0]
    ],
    "Does it beat the DQN?": [(name, "dqn") for name in TELLING],
    "Does what is learned reach Reynolds' rules?": [(name, "reynolds") for name in ("dqn", *TELLING)],
    "Is it better than no force?": [(name, "no-force") for name in ("dqn", *TELLING)],
}


def means(flights: pd.DataFrame, winds: pd.DataFrame) -> pd.DataFrame:
    """Returns the mean measures over the LAST steps, and the wind, one row an agent and seed."""
    last = flights[flights["step"] > flights["step"].max() - LAST]
    columns = [measure.column for measure in MEASURES]
    table = last.groupby(["agent", "seed"], sort=False)[columns].mean().reset_index()
    return table.merge(winds[["agent", "seed", "wind"]], on=["agent", "seed"])


def against_stored(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the losses of the linear networks beside the stored ones: geometric mean and interval, and their ratio.

    The losses of different seeds differ by factors, so that intervals are those of the logarithm.
    """
    table = []
    for epoch, stored in STORED.items():
        losses = rows.loc[rows["epoch"] == epoch, "loss"]
        if losses.empty:
            continue
        span = np.exp(student_t(np.log(losses)))
        table.append(
            {"epoch": epoch, "stored": f"{stored:.3f}", "ours, geometric mean": span_text(span, ".3f")}
            | {"lowest": f"{losses.min():.3f}", "highest": f"{losses.max():.3f}"}
            | {"ours / stored": f"{span[0] / stored:.2f}"}
            | {"stored within our seeds": "yes" if losses.min() <= stored <= losses.max() else "no"}
        )
    return pd.DataFrame(table)


def verdicts(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns comparisons as one row a pair, the verdict and the difference of each measure in one cell."""
    cells = rows.assign(cell=rows["verdict"] + ": " + rows["difference"])
    names = ["agent", "against", "seeds"]
    wide = cells.pivot(index=names, columns="measure", values="cell")[[measure.title for measure in JUDGED]]
    order = pd.MultiIndex.from_frame(rows[names].drop_duplicates())
    return wide.loc[order].reset_index()


def compare(table: pd.DataFrame, pairs: list[tuple[str, str]]) -> str | pd.DataFrame:
    """Returns the verdicts on pairs as a table, or a sentence where no pair was measured."""
    rows = comparisons(table, pairs, JUDGED)
    return verdicts(rows) if len(rows) else "Not measured.\n"


def short(title: str) -> str:
    """Returns the title of a measure without its unit."""
    return title.partition(",")[0]


def answers(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the questions of the study with the verdicts in words, one row a pair."""
    rows = []
    for question, pairs in ANSWERS.items():
        for ours, theirs in pairs:
            found = comparisons(table, [(ours, theirs)], JUDGED)
            if len(found):
                said = {word: found.loc[found["verdict"] == word, "measure"] for word in (BETTER, WORSE, UNDECIDED)}
                words = {
                    f"{word} in": ", ".join(short(title) for title in titles) or "-" for word, titles in said.items()
                }
                rows.append({"question": question, "agent": ours, "against": theirs, **words})
                question = ""
    return pd.DataFrame(rows)


def log_in_words(rows: pd.DataFrame) -> str:
    """Returns how the stored log and ours differ, as a sentence; `rows` are those of the linear networks."""
    table = against_stored(rows)
    inside, ratios = (table["stored within our seeds"] == "yes").sum(), table["ours / stored"].astype(float)
    lowest = rows.groupby("seed")["loss"].min()
    return (
        f"The stored loss lies within the range of our seeds at {inside} of the {len(table)} stored epochs. Ours, as "
        f"geometric means, are {ratios.min():.2f} to {ratios.max():.2f} times the stored ones. The lowest loss of a "
        f"seed is {lowest.min():.3f} to {lowest.max():.3f}, the stored one {STORED_LOWEST:g}."
    )


def final_losses(trainings: pd.DataFrame) -> pd.DataFrame:
    """Returns the mean squared sums of forces, (px a step ** 2) ** 2, in the last epoch with the objective `zero`."""
    zero = trainings[trainings["agent"].str.startswith("zero")]
    last = zero[zero["epoch"] == zero.groupby("agent")["epoch"].transform("max")]
    rows = []
    for name, group in last.groupby("agent", sort=False):
        losses = group["loss"]
        rows.append({"agent": name, "seeds": len(losses), "epochs": group["epoch"].iloc[0]})
        rows[-1] |= {f"{word} loss": f"{value:.3g}" for word, value in losses.agg(["median", "min", "max"]).items()}
    return pd.DataFrame(rows)


def what_was_run(settings: dict, flights: pd.DataFrame, trainings: pd.DataFrame) -> str:
    """Returns the paragraphs on sizes, seeds, agents and measures."""
    sizes = SIZES["quick" if settings["quick"] else ""]
    quick = "**A quick look, which proves nothing.** " if settings["quick"] else ""
    boid_steps = sizes.training_flights * sizes.training_steps * sizes.boids
    return (
        f"{quick}{sizes.boids} boids, {sizes.worlds} held-out start(s) a seed, {sizes.steps} steps; seeds "
        f"{', '.join(map(str, sorted(flights['seed'].unique())))}. All update at once, with plain distances, but for "
        f"the agents that say otherwise. Radii {RADIUS:g} and {NEAR:g} px, speed cap {FASTEST:g} px a step, whole px. "
        f"Measured on {settings['processor']}, {settings['threads']} thread(s).\n\n"
        f"- `imitation-*`: force networks that imitate Reynolds' three forces (steering of at most {STRONGEST:g} px a "
        f"step ** 2, weights {', '.join(f'{weight:g}' for weight in WEIGHTS)}; ours).\n"
        "- `zero-*`: the authors' objective, forces of zero at one start; `-short` with 40 boids and 4 epochs, as they "
        f"train their pseudo-attention; others with {sizes.boids} boids and {sizes.zero_epochs} epochs (linear, "
        f"plain-27) or {min(40, sizes.zero_epochs)}.\n"
        "- `dqn`: the suite's DQN agent, one for all boids, nine accelerations, rewarded for the polarisation around a "
        f"boid and for at least {dqn.TOO_NEAR:g} px to the others (ours).\n"
        "- `reynolds`: his rules themselves; `no-force`: nothing.\n\n"
        f"Equal budgets: imitations and the DQN learn from {boid_steps:,} boid-steps, in {sizes.epochs} epochs' worth "
        f"of minibatches of {dqn.MINIBATCH}. Numbers in names are weights; `pseudo-attention` has 72, "
        "`pseudo-attention-8` 630, `linear` 30.\n\n"
        "polarisation: length of the mean direction, 1 if all fly the same way. collisions: pairs nearer than "
        f"{CONTACT:g} px, at a moment. flocks: groups linked by distances below {RADIUS:g} px, a boid alone being one. "
        "wind: what an agent's forces have in common whatever the boids see; it polarises them without a flock. "
        "We added it after a first look at results. "
        f"Tables have means over the last {min(LAST, sizes.steps)} steps. {RULE} Better "
        "is: more polarised, nearer, and fewer collisions and flocks and less wind.\n"
    )


def write_report(folder: Path) -> str:
    """Writes report.md, the tables as CSV files and the figures; returns the report's text."""
    settings = read_settings(folder)
    parts = Flight, Training, Wind, Film
    flights, trainings, winds, paths = (read(folder, part).drop(columns=["size", "part"]) for part in parts)
    table, linear = means(flights, winds), trainings[trainings["agent"] == "zero-linear"]
    errors = trainings.dropna(subset=["error"])
    errors = errors[errors["epoch"] == errors["epoch"].max()].assign(error=lambda rows: 100 * rows["error"])
    sections = {
        "What was run": what_was_run(settings, flights, trainings),
        "Answers": answers(table),
        "Measures": summary(table[~table["agent"].isin(OPTIONS)], (*MEASURES, WIND)),
        "Against plain networks": compare(table, PLAIN_PAIRS),
        "Against the DQN": compare(table, DQN_PAIRS),
        "Against the bounds": compare(table, BOUND_PAIRS),
        "Options": compare(table, OPTION_PAIRS),
        "Error of the imitation": summary(errors, [ERROR]),
        "Error against plain networks": comparisons(errors, PLAIN_PAIRS, [ERROR]),
        "Losses with the authors' objective": final_losses(trainings),
        "The stored log in words": log_in_words(linear),
        "The stored log": against_stored(linear),
    }
    per_step = flights.groupby(["agent", "step"], sort=False).mean().drop(columns="seed").reset_index()
    text = write(folder, "Boids", sections, {"per_seed": table, "per_step": per_step})
    draw(folder, flights, trainings, paths)
    return text

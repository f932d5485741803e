"""Turns the measurements of the study of boids into tables, verdicts and figures."""

from pathlib import Path

import numpy as np
import pandas as pd

from reporting.intervals import student_t
from reporting.tables import span_text
from studies.boids import dqn
from studies.boids.agents import AGENTS, SIZES
from studies.boids.figures import STORED, draw
from studies.boids.forces import STRONGEST, WEIGHTS
from studies.boids.measures import CONTACT, MEASURES
from studies.boids.networks import PLAIN_OF
from studies.boids.units import Film, Flight, Training, read
from studies.boids.world import FASTEST, NEAR, RADIUS
from studies.simulations.tables import RULE, Measure, comparisons, summary, write
from studies.units import read_settings

LAST = 100  # steps at the end of a flight, over which a seed's means are taken
JUDGED = MEASURES[:4]  # for the speed no one can say what is better
OBJECTIVES = ("imitation", "zero")
PLAIN_PAIRS = [
    (f"{objective}-{ours}", f"{objective}-{theirs}") for objective in OBJECTIVES for ours, theirs in PLAIN_OF
]
DQN_PAIRS = [(name, "dqn") for name in AGENTS if name.startswith(("imitation", "zero")) and not AGENTS[name].trained_as]
LEARNED = [name for name in AGENTS if name not in ("no-force", "reynolds")]
BOUND_PAIRS = [(name, bound) for bound in ("reynolds", "no-force") for name in LEARNED if not AGENTS[name].steer]
OPTION_PAIRS = [
    ("reynolds-one-by-one", "reynolds"),
    ("reynolds-torus", "reynolds"),
    ("imitation-pseudo-attention-8-noisy", "imitation-pseudo-attention-8"),
]


def means(flights: pd.DataFrame) -> pd.DataFrame:
    """Returns the mean measures over the LAST steps, one row an agent and seed."""
    last = flights[flights["step"] > flights["step"].max() - LAST]
    return last.groupby(["agent", "seed"], sort=False)[[measure.column for measure in MEASURES]].mean().reset_index()


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


def answers(table: pd.DataFrame) -> str:
    """Returns the questions of the study with an answer in counts of verdicts."""
    questions = {
        "Does pseudo-attention beat a plain network of about as many weights?": [
            pair for pair in PLAIN_PAIRS if "pseudo-attention" in pair[0]
        ],
        "Does pseudo-attention beat the DQN?": [pair for pair in DQN_PAIRS if "pseudo-attention" in pair[0]],
        "Is what is learned better than doing nothing?": [pair for pair in BOUND_PAIRS if pair[1] == "no-force"],
        "Does what is learned reach Reynolds' rules?": [pair for pair in BOUND_PAIRS if pair[1] == "reynolds"],
    }
    lines = []
    for question, pairs in questions.items():
        rows = comparisons(table, pairs, JUDGED)
        if not len(rows):
            continue
        said = []
        for (ours, theirs), group in rows.groupby(["agent", "against"], sort=False):
            words = [f"{title} {verdict}" for title, verdict in zip(group["measure"], group["verdict"], strict=True)]
            said.append(f"- `{ours}` against `{theirs}`: {', '.join(words)}.")
        lines += [f"**{question}**", "", *said, ""]
    return "\n".join(lines)


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
        f"Equal budgets: imitations and the DQN learn from {boid_steps} boid-steps, in {sizes.epochs} epochs' worth of "
        f"minibatches of {dqn.MINIBATCH}. Numbers in names are weights; `pseudo-attention` has 72, "
        "`pseudo-attention-8` 630, `linear` 30.\n\n"
        "polarisation: length of the mean direction, 1 if all fly the same way. collisions: pairs nearer than "
        f"{CONTACT:g} px, at a moment. flocks: groups linked by distances below {RADIUS:g} px, a boid alone being one. "
        f"Tables have means over the last {min(LAST, sizes.steps)} steps. {RULE}\n"
    )


def write_report(folder: Path) -> str:
    """Writes report.md, the tables as CSV files and the figures; returns the report's text."""
    settings = read_settings(folder)
    flights, trainings, paths = (read(folder, part).drop(columns=["size", "part"]) for part in (Flight, Training, Film))
    table = means(flights)
    errors = trainings.dropna(subset=["error"])
    errors = errors[errors["epoch"] == errors["epoch"].max()].assign(error=lambda rows: 100 * rows["error"])
    sections = {
        "What was run": what_was_run(settings, flights, trainings),
        "Answers": answers(table),
        "Measures": summary(table, MEASURES),
        "Against plain networks": compare(table, PLAIN_PAIRS),
        "Against the DQN": compare(table, DQN_PAIRS),
        "Against the bounds": compare(table, BOUND_PAIRS),
        "Options": compare(table, OPTION_PAIRS),
        "Imitation": summary(errors, [Measure("error", "error of the forces, % of their mean square")]),
        "The stored log": against_stored(trainings[trainings["agent"] == "zero-linear"]),
    }
    per_step = flights.groupby(["agent", "step"], sort=False).mean().drop(columns="seed").reset_index()
    text = write(folder, "Boids", sections, {"per_seed": table, "per_step": per_step, "training": trainings})
    draw(folder, flights, trainings, paths)
    return text

"""The tables of all tasks side by side, on runs made up for them."""

import itertools

from helpers import write_run

from reporting.docs_tasks import OF_STARTERS, starters, tasks
from reporting.report import write_report

RUNS = {  # splits and their goals, by study
    "claims": {"disjoint": 0.8},
    "exclusive": {"exclusive": 0.8},
    "worlds": {"exclusive": 0.8},
    "fashion-mnist": {"disjoint": 0.65, "exclusive": 0.6},
    "cifar10": {"exclusive": 0.1},
}


def write_study(folder, splits):
    """In every seed the agent takes half of random's rounds and cost; on CIFAR-10 one round and no cost, as random."""
    for split, goal in splits.items():
        dataset = folder.name if folder.name in ("fashion-mnist", "cifar10") else "mnist"
        settings = {"dataset": dataset, "goal": goal, "split": split}
        settings |= {"world": "seed"} if folder.name == "worlds" else {}
        for seed in range(5):
            ours = (1, 0) if dataset == "cifar10" else (10 + seed, 0.1 + seed / 10)
            theirs = ours if dataset == "cifar10" else [2 * value for value in ours]
            for policy, (rounds, cost) in {"dqn": ours, "random": theirs}.items():
                write_run(folder, policy, seed, [rounds] * 20, [cost] * 20, **settings)
            if folder.name == "claims":
                write_run(folder, "standalone", seed, [36] * 20, [0] * 20, **settings)
    write_report([folder], folder, figures=False)


def test_row_a_task_and_cell_a_claim(tmp_path):
    for study, splits in RUNS.items():
        write_study(tmp_path / "results" / study, splits)
    head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in tasks(tmp_path).splitlines()]
    assert head == [
        *("data", "split", "goal"),
        "training rounds, against random (paper: -50.8%)",
        "communication cost, against random (paper: -74.6%)",
        "final accuracy, against standalone (paper: higher)",
    ]
    half = "-50.0% (-50.0% to -50.0%), reproduced in part"  # the interval does not reach the claim
    ended = "not testable: all episodes end in round 1"
    assert rows == [
        ["mnist", "disjoint", "0.80", half, half, "+0.050 (+0.050 to +0.050), reproduced"],  # 0.75 without the goal
        ["mnist", "exclusive", "0.80", half, half, ""],
        ["mnist, one world per seed", "exclusive", "0.80", half, half, ""],
        ["fashion-mnist", "disjoint", "0.65", half, half, ""],
        ["fashion-mnist", "exclusive", "0.60", half, half, ""],
        ["cifar10", "exclusive", "0.10", ended, ended, ""],
    ]


def test_nodes_alone_have_rounds_or_where_none_reaches_the_goal_the_accuracy(tmp_path):
    """Node 0 needs 10 and 12 rounds, node 1 takes 36 without the goal; on the last data set both do."""
    for study, dataset in zip(OF_STARTERS, ("mnist", "fashion-mnist", "cifar10"), strict=True):
        folder = tmp_path / "results" / study
        for starter, seed in itertools.product((0, 1), (0, 1)):
            rounds = 36 if starter or dataset == "cifar10" else 10 + 2 * seed
            write_run(folder, "standalone", seed, [rounds], [0], dataset=dataset, starter=starter)
        write_report([folder], folder, figures=False)
    head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in starters(tmp_path).splitlines()]
    assert head == [
        "node",
        "mnist, disjoint: rounds to 0.80, goal reached",
        "fashion-mnist, disjoint: rounds to 0.80, goal reached",
        "cifar10, disjoint: accuracy after 36 rounds",
    ]
    first, never, low = (
        "11.0 (-1.7 to 23.7), 100%",
        "36.0 (36.0 to 36.0), 0%",
        "0.750 (0.750 to 0.750)",
    )  # 11 -+ 12.7 * 1
    assert rows == [
        ["0", first, first, low],
        ["1", never, never, low],
        ["mean", "23.5 (17.1 to 29.9), 50%", "23.5 (17.1 to 29.9), 50%", low],  # 23.5 -+ 12.7 * 0.5
    ]

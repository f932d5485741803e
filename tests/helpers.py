"""Functions that tests share: start a run, refuse a command line, compare tables, write the files of a run."""

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd

import main
from config import Config
from runs.presets import PRESETS
from runs.records import EpisodeRecord, columns
from runs.schemas import SCHEMA
from settings.names import PROJECT

# Random images on three nodes: an episode is short, and a route makes a difference.
THREE_NODES = {"nodes": 3, "pca_components": 3, "samples_per_node": 60, "main_class_share": 0.3, "learning_rate": 0.003}
THREE_NODES |= {"goal": 0.28, "round_limit": 4, "evaluation_batch": 300}
PATIENCE = 600  # seconds that a process may take


def files():
    """Returns the paths of the Python files that are committed or will be."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "*.py"], cwd=PROJECT, text=True)
    return [PROJECT / line for line in listed.split() if line[0] != "." and (PROJECT / line).exists()]


def modules():
    """Returns the paths of the modules, without the tests."""
    return [path for path in files() if PROJECT / "tests" not in path.parents]


def run(*arguments):
    assert main.main([str(argument) for argument in arguments]) == 0


def assert_rounds_fit(rounds, goal, where=""):
    """Checks rewards and distances of a rounds.csv against the specification's formulas."""
    expected = 32 ** (rounds["accuracy"] - goal) - rounds["distance"] - 1
    np.testing.assert_allclose(rounds["reward"], expected, atol=1e-6, err_msg=str(where))
    uniform = np.random.RandomState(0).rand(10, 10) / 10
    between = (uniform + uniform.T) / 2 * (1 - np.eye(10))
    distances = between[rounds["previous_node"], rounds["node"]]
    np.testing.assert_allclose(rounds["distance"], distances, atol=1e-12, err_msg=str(where))


def start(*arguments, program="main.py", **changes):
    """Starts a program of the suite in a process of its own."""
    command = [sys.executable, str(PROJECT / program), *map(str, arguments)]
    return subprocess.Popen(command, text=True, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | changes)


def finish(process):
    """Waits for a process; returns its exit code, its output and its errors."""
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output, errors


def wait_for(folder, pattern, process):
    """Waits until a process has written a file of this pattern."""
    deadline = time.monotonic() + PATIENCE
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"no {pattern}"
        time.sleep(0.02)


def sweep_flags(tiny, out, **changes):
    """Returns a sweep's command line on the tiny data set, whose runs have the number of threads of this process."""
    own = {"--episodes", "--figure-every"}
    shared = [text for pair in zip(tiny[::2], tiny[1::2], strict=True) if pair[0] not in own for text in pair]
    options = {"policies": "dqn,random", "seeds": "0-1", "episodes": 3, "control-episodes": 2, "threads": 2, "out": out}
    options |= changes
    return [*(str(text) for name, value in options.items() for text in (f"--{name}", value)), *shared]


def drop_column(path, name):
    """Rewrites a CSV file without a column, as a version that did not have it would have written it."""
    rows = [row.split(",") for row in path.read_text().splitlines()]
    place = rows[0].index(name)
    path.write_text("".join(",".join(row[:place] + row[place + 1 :]) + "\n" for row in rows))


def assert_same_model(*paths):
    """Checks that Keras loads the same weights from .keras files."""
    import keras  # only after conftest.py has imported TensorFlow

    first, *others = (keras.models.load_model(path).get_weights() for path in paths)
    for weights in others:
        for one, other in zip(first, weights, strict=True):
            np.testing.assert_array_equal(one, other)


def exit_code(program, *arguments):
    """Runs a command line in this process; returns its exit code, also where argparse exits."""
    try:
        return program([str(argument) for argument in arguments])
    except SystemExit as exit_:
        return exit_.code


def refuse(capfd, *arguments):
    """Runs a command line that has to be refused; returns its one line on stderr."""
    code = exit_code(main.main, *arguments)
    line = capfd.readouterr().err
    assert code == 2
    assert line.startswith("main.py: error: ")
    assert line.count("\n") == 1
    return line


def write_run(folder, policy, seed, rounds, costs, limit=36, preset="paper", **changes):
    """Writes the files of a finished run with these rounds and costs of its episodes, numbered from 1 or, where the
    agent turns greedy after as many, from the first greedy one."""
    varied = "".join(str(changes.get(name, "")) for name in ("drop_rate", "split", "starter"))
    path = folder / f"{policy}-{preset}-{varied}-seed{seed}"
    path.mkdir(parents=True)
    config = Config(**PRESETS[preset] | {"policy": policy, "seed": seed} | changes)
    description = {
        "schema": SCHEMA,
        "config": config.as_text(),
        "end": "2026-01-01",
        "dataset": config.dataset,
        "preset": preset,
    }
    description |= {"processor": "abacus", "git_commit": "0123456789", "dataset_sha256": "cafe", "resumed": []}
    (path / "run.json").write_text(json.dumps(description))
    episodes = pd.DataFrame({"rounds": rounds, "communication_cost": costs})
    first = config.greedy_from if config.greedy_from > len(rounds) else 1
    episodes["episode"] = np.arange(first, first + len(rounds))
    episodes["reached_goal"] = episodes["rounds"] < limit
    episodes["final_accuracy"] = np.where(episodes["reached_goal"], 0.8, 0.75)
    for name in columns(EpisodeRecord):
        if name not in episodes:
            episodes[name] = getattr(config, name, 1.0)
    episodes.to_csv(path / "episodes.csv", index=False)
    return path

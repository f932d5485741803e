"""Properties that hold for all settings, rows and partitions, searched for counterexamples by Hypothesis."""

import dataclasses
import math
import re
import signal
import types

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import Config
from data import partition
from main import parse
from runs.logs import ROUND_METRICS, RunLog
from settings.declare import flag
from settings.errors import UsageError
from studies.faults import fuzz_tables
from studies.faults.fuzz import fuzz_commands, fuzz_data, mutate, outcome, small_arrays, too_long, write_data

FIELDS = dataclasses.fields(Config)


def values(field):
    """Returns a strategy for what a field may hold, at its limits and between them."""
    limits = field.metadata
    if limits["choices"]:
        return st.sampled_from(limits["choices"])
    if field.type is int:
        return st.integers(limits["low"] or 0, limits["high"] or 10**6)
    if field.type is float:
        low = limits["low"] if limits["above"] is None else limits["above"]
        return st.floats(low, limits["high"] or 1e6, exclude_min=limits["above"] is not None)
    return st.just(field.default)


@given(st.data())
def test_command_line_and_config_agree(data):
    """What Config accepts the command line accepts, with the same values; what it refuses is refused."""
    chosen = {field.name: data.draw(values(field)) for field in data.draw(st.sets(st.sampled_from(FIELDS), max_size=6))}
    arguments = [text for name, value in chosen.items() for text in (flag(name), str(value))]
    try:
        expected = Config(**chosen)
    except UsageError as error:
        with pytest.raises(UsageError, match=f"^{re.escape(str(error))}$"):
            parse(arguments)
    else:
        assert parse(arguments)[0] == expected


@given(st.data())
def test_values_out_of_range_are_refused(data):
    field = data.draw(st.sampled_from([field for field in FIELDS if field.type is not str]))
    limits = field.metadata
    wrong = [limits["low"] - 1 if limits["low"] is not None else limits["above"], math.nan, math.inf, "1", True, None]
    if limits["high"] is not None:
        wrong.append(limits["high"] + 1)
    value = data.draw(st.sampled_from(wrong))
    with pytest.raises(UsageError, match=f"^{flag(field.name)} must be"):
        Config(**{field.name: value})


ROW = {metric.name: 0 for metric in ROUND_METRICS} | {"unreachable": ()}
FLOATS = dict.fromkeys(("distance", "accuracy", "reward", "loss", "train_seconds"), st.floats())
OTHERS = {"node": st.lists(st.integers(0, 9999), min_size=1, unique=True).map(tuple), "greedy": st.booleans()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries(FLOATS | OTHERS), max_size=4))
def test_rounds_come_back_from_the_csv_file(rows, tmp_path):
    """All digits of a number, NaN as an empty field; of seconds four digits."""
    config, options = parse(["--run-dir", str(tmp_path), "--overwrite"])
    engine = types.SimpleNamespace(name="tiny", sha256=lambda: "", evaluation="float32")
    log = RunLog(config, engine, options)
    for row in rows:
        log.round(ROW | row)
    log.finish()
    table = pd.read_csv(tmp_path / "rounds.csv", dtype={"node": str})
    assert len(table) == len(rows)
    for row, (_, back) in zip(rows, table.iterrows(), strict=True):
        assert back["node"] == "+".join(map(str, row["node"]))
        assert (back["greedy"], back["dataset"], back["policy"]) == (row["greedy"], "tiny", "dqn")
        for name in FLOATS:
            expected = round(row[name], 4) if name == "train_seconds" else row[name]
            assert back[name] == expected or (math.isnan(back[name]) and math.isnan(expected))


@given(
    nodes=st.integers(2, 30),
    samples=st.integers(1, 60),
    share=st.floats(0, 1),
    split=st.sampled_from(["disjoint", "published", "dirichlet"]),
    alpha=st.floats(0.01, 100),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_partitions(nodes, samples, share, split, alpha, seed):
    """Every node gets its number of different images, in the promised classes; disjoint splits share none."""
    labels = np.random.default_rng(seed).permutation(np.arange(2000) % 10)
    config = Config(
        nodes=nodes,
        pca_components=2,
        samples_per_node=samples,
        main_class_share=share,
        split=split,
        dirichlet_alpha=alpha,
        seed=seed,
    )
    main = round(share * samples)
    turns = (nodes - 1) // 10 + 1
    enough = turns * main <= 200 and (nodes if split == "disjoint" else turns) * (samples - main) <= 1800
    if not (nodes * samples <= 2000 if split == "dirichlet" else enough):
        with pytest.raises(UsageError, match="lower --nodes or --samples-per-node"):
            partition(labels, config)
        return
    held = partition(labels, config)
    assert held.shape == (nodes, samples)
    assert all(len(set(row)) == samples for row in held.tolist())
    if split == "dirichlet":
        assert len(np.unique(held)) == nodes * samples
    else:
        assert set((labels[held] == np.arange(nodes)[:, np.newaxis] % 10).sum(1)) == {main}
    np.testing.assert_array_equal(held, partition(labels, config))


PROGRAMS = ("main.py", "sweep.py", "report.py", "plots.py", "studies.routes", "studies.learners")


def test_damaged_runs(tmp_path, monkeypatch):
    """A small share of what `python -m studies.faults.fuzz` tries; one that would lose something is noticed."""
    monkeypatch.setattr(fuzz_tables, "FLAGS", fuzz_tables.FLAGS.replace("--threads 1", "--threads 2"))
    monkeypatch.setattr(fuzz_tables, "DRAWN_EVERY", 100)
    former = signal.signal(signal.SIGALRM, too_long)
    rng = np.random.default_rng(2)
    path, _ = write_data(tmp_path, "npz", small_arrays(rng, 300))
    fuzz_tables.make_run(tmp_path / "run", path)
    tried = [
        (name, outcome(attempt)) for name, attempt, _ in fuzz_tables.fuzz_tables(12, tmp_path / "run", mutate, rng)
    ]
    assert {result for _, result in tried} == {"taken", "refused"}
    assert len({name for name, _ in tried}) == 5

    def loses(config, engine, options):
        (options.run_dir / "rounds.csv").write_text("")
        raise UsageError("no")

    monkeypatch.setattr(fuzz_tables, "RunLog", loses)
    lost = [outcome(attempt) for name, attempt, _ in fuzz_tables.fuzz_tables(3, tmp_path / "run", mutate, rng)]
    assert any("a file was changed" in result for result in lost)
    signal.signal(signal.SIGALRM, former)


def test_damaged_files_and_random_command_lines(tmp_path, monkeypatch):
    """A small share of what `python -m studies.faults.fuzz` tries."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    results = [result for *_, result in fuzz_data(80, rng)] + [result for *_, result in fuzz_commands(80, rng)]
    assert set(results) == {"taken", "refused"}
    assert {program for program, *_ in fuzz_commands(9, rng)} == {f"{name}, command line" for name in PROGRAMS}
    assert outcome(lambda: [][0]).startswith("IndexError")  # which would be noticed

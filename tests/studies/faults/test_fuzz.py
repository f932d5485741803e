"""Properties that hold for all settings, rows and partitions, searched for counterexamples by Hypothesis."""

import signal

import numpy as np

from settings.errors import UsageError
from studies.faults import fuzz_tables
from studies.faults.fuzz import fuzz_commands, fuzz_data, mutate, outcome, small_arrays, too_long, write_data

PROGRAMS = ("main.py", "sweep.py", "report.py", "plots.py", "studies.learners")


def test_damaged_runs(tmp_path, monkeypatch, unrendered):
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

    def loses(config, nodes, options):
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

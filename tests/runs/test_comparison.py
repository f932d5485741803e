"""What is said of a run with --like: equal logs, other logs, other machines."""

import json
import types

import pandas as pd
import pytest
from helpers import write_run

from runs.comparison import compare_with, machine_differences, refuse_incomparable
from settings.errors import UsageError
from settings.machine import machine, numeric_environment

NODES = types.SimpleNamespace(evaluation="float32", name="mnist", sha256=lambda: "cafe")


def logged(tmp_path, name, rounds, accuracies):
    """Returns the folder of a run on this machine, with these rounds an episode and accuracies of all rounds."""
    folder = write_run(tmp_path / name, "random", 0, rounds, [0.5] * len(rounds))
    episodes = [number for number, count in enumerate(rounds, 1) for _ in range(count)]
    table = pd.DataFrame({"episode": episodes, "accuracy": accuracies, "train_seconds": range(len(episodes))})
    table.assign(train_seconds=table["train_seconds"] * len(name)).to_csv(folder / "rounds.csv", index=False)
    described = json.loads((folder / "run.json").read_text())
    described |= machine() | {"evaluation": "float32", "environment": numeric_environment(), "learns": False}
    (folder / "run.json").write_text(json.dumps(described))
    return folder


def test_logs_are_compared_in_the_episodes_of_both(tmp_path):
    like = logged(tmp_path, "like", [2, 1], [0.1, 0.2, 0.3])
    same = logged(tmp_path, "shorter", [2], [0.1, 0.2])
    expected, found = compare_with(like, same, NODES)
    assert expected
    assert "equal those" in found
    assert found.endswith("2 rounds of 1 episodes, on the same kind of machine.")
    other = logged(tmp_path, "other", [2, 1], [0.1, 0.2, 0.4])
    expected, found = compare_with(like, other, NODES)
    assert not expected
    assert "(commit 0123456): rounds.csv, row 3, accuracy: 0.3 before, 0.4 now, on the same kind of machine." in found


def test_another_kind_of_machine_may_have_other_digits(tmp_path):
    like, other = logged(tmp_path, "like", [1], [0.1]), logged(tmp_path, "other", [1], [0.2])
    described = json.loads((like / "run.json").read_text()) | {"processor": "abacus"}
    (like / "run.json").write_text(json.dumps(described))
    expected, found = compare_with(like, other, NODES)
    assert expected
    assert "differ from" in found
    assert f"another kind of machine (processor abacus, here {machine()['processor']})" in found


def test_what_makes_another_kind_of_machine(monkeypatch):
    described = machine() | {"evaluation": "float32", "environment": numeric_environment()}
    assert machine_differences(described | {"cores": 99, "python": "3.14.0"}, NODES) == []
    monkeypatch.setenv("XLA_FLAGS", "--fast")
    described |= {"evaluation": "bfloat16", "packages": described["packages"] | {"keras": "2.0", "rich": "1.0"}}
    found = machine_differences(described, NODES)
    assert [line.split()[0] for line in found] == ["evaluation", "keras", "XLA_FLAGS"]


def test_other_images_and_broken_tables_are_refused(tmp_path):
    like = logged(tmp_path, "like", [1], [0.1])
    refuse_incomparable(like, NODES)
    (like / "rounds.csv").write_text("episode,accuracy\n1,0.1,0.2,0.3\n2\n1,2,3,4,5\n")
    with pytest.raises(UsageError, match=r"rounds\.csv cannot be read \(Error tokenizing data"):
        refuse_incomparable(like, NODES)
    (like / "rounds.csv").write_text("round,accuracy\n1,0.1\n")
    with pytest.raises(UsageError, match=r"rounds\.csv lacks the column episode; it is not of a run"):
        refuse_incomparable(like, NODES)
    with pytest.raises(UsageError, match="ran on other data"):
        refuse_incomparable(like, types.SimpleNamespace(name="other", sha256=lambda: "tea"))

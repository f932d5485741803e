"""The command line of the ablation: its tables by hand, a whole small study, and what it refuses."""

import pandas as pd
import pytest
from helpers import THREE_NODES, exit_code

from config import Config
from runs.presets import PRESETS
from studies import tuning_command
from studies.ablation import __main__ as ablation
from studies.ablation.units import Ablation

SMALL = THREE_NODES | {"episodes": 3, "greedy_from": 3}


def lesson(agent, seed, episode, rounds, reached=True):
    means = {"rounds": rounds, "communication_cost": rounds / 10, "episode_return": -rounds, "final_accuracy": 0.8}
    row = {"part": "lessons", "seed": seed, "split": "disjoint", "agent": agent, "episode": episode}
    return row | means | {"reached_goal": reached, "best": "0x1 1x2"}


def test_tables_by_hand():
    """Greedy episodes alone count. 12 and 16 rounds against 9 and 11: 3 and 5, standard error 1, Student's t 12.7."""
    rows = [lesson("route-agent", 100, 1, 99), lesson("route-agent", 100, 2, 8), lesson("route-agent", 100, 3, 10)]
    rows += [lesson("route-agent", 101, 2, 10), lesson("route-agent", 101, 3, 12)]
    rows += [lesson("without model", 100, 2, 12), lesson("without model", 101, 2, 16, reached=False)]
    table = ablation.per_seed(pd.DataFrame(rows), greedy_from=2)
    assert table[["policy", "seed", "rounds"]].to_numpy().tolist() == [
        ["route-agent", 100, 9],
        ["route-agent", 101, 11],
        ["without model", 100, 12],
        ["without model", 101, 16],
    ]
    text = ablation.report(table, Config(greedy_from=2, episodes=3, evaluation_samples=2000))
    assert "trains for 1 episodes" in text
    assert "2 greedy episodes that follow, on 2000 test images" in text
    assert "| disjoint | route-agent | 2 | 10.0 (-2.7 to 22.7) |" in text
    assert "| 16.0 | 50% |" in text
    assert "| disjoint | without model | route-agent | 2 | 14.0 | 4.0 (-8.7 to 16.7) |" in text


def test_a_small_study(dataset, tmp_path, monkeypatch, capsys):
    """Every agent has its rows; the same command then measures nothing, and a packed study gives the same report."""
    monkeypatch.setattr(tuning_command, "load_dataset", lambda config: dataset)
    monkeypatch.setitem(PRESETS, tuning_command.PRESET, PRESETS[tuning_command.PRESET] | SMALL)
    flags = ["--splits", "disjoint", "--seeds", "100-101", "--threads", "2"]
    assert ablation.main([*flags, "--out", str(tmp_path / "study")]) == 0
    table = pd.read_csv(tmp_path / "study" / "per_seed.csv")
    assert table["policy"].value_counts().to_dict() == dict.fromkeys(Ablation.agents, 2)
    text = (tmp_path / "study" / "report.md").read_text()
    assert "nan" not in text
    assert ablation.main(["--pack", str(tmp_path / "study"), "--out", str(tmp_path / "packed")]) == 0
    monkeypatch.setattr(Ablation, "measure", None)
    assert ablation.main([*flags, "--out", str(tmp_path / "packed")]) == 0
    assert (tmp_path / "packed" / "report.md").read_text() == text
    assert "2 of them finished already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--seeds 99-101", "--seeds must be at least 100; those below are for reports"),
        ("--splits disjoint,even", "--split must be one of"),
        ("--evaluation-samples few", "invalid int value: 'few'"),
        ("--threads 0", "--threads must be at least 1"),
    ],
)
def test_what_it_refuses(arguments, says, tmp_path, capsys):
    assert exit_code(ablation.main, *arguments.split(), "--out", tmp_path / "study") == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "study").exists()

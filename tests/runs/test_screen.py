"""What a run shows at its end."""

import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from config import Config
from runs.screen import Screen


def test_the_table_of_a_finished_run_by_hand(capsys, monkeypatch):
    """Means of the first ten episodes, the last ten and all 22."""
    monkeypatch.setenv("COLUMNS", "200")
    nodes = SimpleNamespace(name="mnist", evaluation="float32", evaluation_reason="as asked for")
    log = SimpleNamespace(description={"preset": "paper", "learns": True}, episodes_done=0, folder=Path("run"))
    episodes = pd.DataFrame({"rounds": [30] * 10 + [20] * 2 + [10] * 10, "reached_goal": [False] * 11 + [True] * 11})
    episodes = episodes.assign(communication_cost=0.5, episode_return=-8.0, final_accuracy=0.8, seconds=2.0)
    Screen(Config(), nodes, log).summary(episodes, Path("run"))
    shown = capsys.readouterr().out
    assert re.search(r"first 10 episodes +last 10 episodes +all 22", shown)
    assert re.search(r"rounds +30\.0 +10\.0 +20\.0", shown)
    assert re.search(r"reached the goal +0\.00 +1\.00 +0\.50", shown)

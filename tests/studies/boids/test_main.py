"""The whole quick study in a process of its own."""

import re
import subprocess
import sys

import pandas as pd
import pytest
from helpers import PROJECT
from PIL import Image

from studies.boids.agents import OF_QUICK


@pytest.mark.slow
def test_quick_study(tmp_path):
    command = [sys.executable, "-m", "studies.boids", "--quick", "--seeds", "0", "--out", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"units 26/26 .* 100% left", ended.stdout)
    assert "A quick look, which proves nothing" in ended.stdout
    table = pd.read_csv(tmp_path / "per_seed.csv").set_index("agent")
    assert set(table.index) == set(OF_QUICK)
    assert table["polarisation"].between(0, 1).all()
    assert table.loc["no-force", "speed"] < 1 < table.loc["reynolds", "speed"] <= 4
    assert table.loc["reynolds", "flocks"] < table.loc["no-force", "flocks"]
    for name in OF_QUICK:
        path = tmp_path / "figures" / f"film-{name}-quick-seed0.gif"
        assert path.stat().st_size < 2_000_000
        assert Image.open(path).n_frames == 120 // 12 + 1
    assert {path.stem for path in (tmp_path / "figures").glob("*.png")} == {
        "over_time",
        "training",
        "imitation",
        "paths",
    }
    assert len(list((tmp_path / "figures").glob("*.pdf"))) == 4

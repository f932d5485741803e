"""The picture of a round: drawn from numbers that fit the specification, the same bytes every time."""

import json
import re

import pytest
from helpers import PROJECT

from config import Config
from environment import distance_matrix
from reporting import round_picture

FIGURES = PROJECT / "docs" / "figures"
PLAYED = json.loads((FIGURES / "round.json").read_text())


def texts(folder):
    """Returns the texts of the picture, which Matplotlib writes as comments where it draws their letters."""
    return re.findall(r"<!-- (.*?) -->", (folder / "round.svg").read_text(), re.DOTALL)


def test_the_picture_is_that_of_the_numbers_and_repeats(tmp_path):
    drawn = []
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "round.json").write_text(json.dumps(PLAYED))
        round_picture.draw(tmp_path / name)
        drawn.append((tmp_path / name / "round.svg").read_bytes())
    assert drawn[0] == drawn[1]
    assert texts(tmp_path / "once") == texts(FIGURES)
    assert f"from node {PLAYED['previous_node']} to node {PLAYED['node']}: distance {PLAYED['distance']:.3f}" in texts(
        FIGURES
    )


def test_the_numbers_are_those_of_a_round():
    distance = distance_matrix(Config())[PLAYED["previous_node"], PLAYED["node"]]
    assert PLAYED["distance"] == distance
    assert PLAYED["reward"] == pytest.approx(32 ** (PLAYED["accuracy"] - 0.8) - distance - 1)
    for node, counts in enumerate(PLAYED["label_counts"]):
        assert (sum(counts), counts[node]) == (500, 400)

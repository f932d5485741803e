"""What a sweep shows, of runs made up for it."""

from types import SimpleNamespace

import pytest
from helpers import write_run
from rich.console import Console

from settings.errors import UsageError
from sweeps import screen


def shown(renderable):
    console = Console(width=120)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


@pytest.fixture
def planned(tmp_path):
    """Two seeds of two policies, of which one run has not begun."""
    folders = [write_run(tmp_path, "dqn", seed, [30] * 5 + [10 + 2 * seed] * 20, [0.5] * 25) for seed in (0, 1)]
    folders += [write_run(tmp_path, "random", 0, [20, 24], [1.0, 1.0]), tmp_path / "random-seed1"]
    return [
        SimpleNamespace(name=folder.name, folder=folder, finished=folder.exists(), wanted=lambda: 25)
        for folder in folders
    ]


def test_the_runs_under_way_and_how_they_do(planned):
    episodes = {run.name: 25 for run in planned}
    assert screen.under_way(planned, episodes).splitlines() == [
        "dqn-paper--seed0  episode 25/25  rounds 10.0 in the last 10",
        "dqn-paper--seed1  episode 25/25  rounds 12.0 in the last 10",
        "random-paper--seed0  episode 25/25  rounds 22.0 in the last 2",
    ]
    many = screen.under_way(planned[:1] * 13, episodes).splitlines()
    assert len(many) == 11
    assert many[-1] == "and 3 more"


def test_a_row_that_is_being_written_does_not_count(planned):
    path = planned[2].folder / "episodes.csv"
    assert screen.recent(path.parent) == "rounds 22.0 in the last 2"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + lines[2][:1])
    assert screen.recent(path.parent) == "rounds 20.0 in the last 1"
    path.write_text(lines[0])
    assert screen.recent(path.parent) == ""
    path.write_text("")
    assert screen.recent(path.parent) == ""


@pytest.mark.parametrize(
    "content", [b"episode;rounds\n1;20\n2;", b"episode,rounds\n1,x\n2", b"episode,rounds\n1\n2", b"\xff\n"]
)
def test_a_damaged_table_of_a_run_ends_no_sweep(content, planned):
    (planned[2].folder / "episodes.csv").write_bytes(content)
    assert screen.under_way(planned[2:3], {planned[2].name: 1}) == "random-paper--seed0  episode 1/25"


def test_the_table_is_of_finished_runs(planned):
    """The mean of 10 and 12 rounds is 11; one seed has no interval."""
    text = shown(screen.results(planned))
    rows = [line.split() for line in text.splitlines() if line.strip().startswith("disjoint")]
    assert [row[:4] for row in rows] == [["disjoint", "dqn", "2", "11.0"], ["disjoint", "random", "1", "22.0"]]
    assert rows[0][-1] == "0.800"
    assert screen.results(planned[3:]) is None


def test_damaged_tables_of_a_finished_run_are_told_in_one_line(planned):
    path = planned[0].folder / "episodes.csv"
    path.write_text(path.read_text().replace("10,", "ten,"))
    with pytest.raises(UsageError, match="the tables differ from those that a run writes"):
        screen.results(planned)

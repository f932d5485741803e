"""The figures come from the CSV files alone, of one run or of several, long or short."""

import pandas as pd
import pytest

import plots
from reporting import run_figures
from runs import tables


@pytest.fixture
def copy(finished, tmp_path):
    """A folder with the CSV files of a finished run and nothing else."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in finished.glob("*.csv"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_redraws_several_runs_from_csv_files_alone(copy, tmp_path, capsys):
    assert plots.main([str(copy), str(copy), "--out", str(tmp_path / "out")]) == 0
    assert "7 figures of 2 run(s)" in capsys.readouterr().out
    files = list((tmp_path / "out").iterdir())
    assert len(files) == 14
    assert all(path.stat().st_size > 2000 for path in files)


def test_runs_without_node_models_are_left_out_of_their_figure(copy, finished, tmp_path, capsys, unrendered):
    (copy / "node_models.csv").unlink()
    assert plots.main([str(copy), str(finished), "--out", str(tmp_path / "out")]) == 0
    assert f"{copy} is left out of the figure node_models" in capsys.readouterr().out
    assert (tmp_path / "out" / "node_models.png").exists()
    assert plots.main([str(copy), "--out", str(tmp_path / "alone")]) == 0
    assert "6 figures of 1 run(s)" in capsys.readouterr().out
    assert not (tmp_path / "alone" / "node_models.png").exists()


def test_drawing_twice_gives_the_same_pictures(finished, copy, tmp_path):
    """Once by the run itself, once from a copy of its CSV files."""
    assert run_figures.draw([copy], tmp_path / "again") == len(run_figures.FIGURES)
    for path in (finished / "figures").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_a_run_of_one_episode_that_was_cut_short(copy, tmp_path):
    for name in ("rounds.csv", "episodes.csv"):
        table = pd.read_csv(copy / name)
        table[table["episode"] == 1].to_csv(copy / name, index=False)
        with open(copy / name, "a") as file:
            file.write("0,2,")
    run_figures.draw([copy], tmp_path / "out")
    assert len(tables.read_table(copy, "episodes.csv")) == 1


def test_what_the_curves_show(copy, dataset):
    """The lines' values against pandas; the window is on the axis, the data set in the legend."""
    episodes = pd.read_csv(copy / "episodes.csv")
    longer = pd.concat([episodes] * 4, ignore_index=True).assign(episode=range(1, 4 * len(episodes) + 1))
    longer.to_csv(copy / "episodes.csv", index=False)
    figure = run_figures.per_episode([copy], "episode_return", "episode return")
    thin, bold = figure.axes[0].lines
    assert thin.get_ydata().tolist() == longer["episode_return"].tolist()
    assert bold.get_ydata()[-1] == pytest.approx(longer["episode_return"][-10:].mean())
    assert "10-episode mean" in figure.axes[0].get_ylabel()
    assert f"other-{dataset.sha256()[:8]}" in figure.legends[0].get_texts()[0].get_text()


def test_routes_count_moves(copy):
    rounds = pd.read_csv(copy / "rounds.csv")
    early = run_figures.routes([copy]).axes[0].images[0].get_array()
    moves = rounds[rounds["round"] > 1]
    assert early.sum() == len(moves)
    first = moves.iloc[0]
    between = (moves["previous_node"] == first["previous_node"]) & (moves["node"] == first["node"])
    assert early[first["previous_node"], first["node"]] == between.sum()


def test_routes_of_a_run_that_began_late(copy):
    """A policy that does not learn meets only the last episodes' weights."""
    rounds = pd.read_csv(copy / "rounds.csv")
    rounds.assign(episode=rounds["episode"] + 100).to_csv(copy / "rounds.csv", index=False)
    axes = run_figures.routes([copy]).axes[0]
    assert axes.images[0].get_array().sum() == (rounds["round"] > 1).sum()
    assert axes.get_title().startswith("moves in episodes 101 to ")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("episodes.csv", None, "does not exist"),
        ("rounds.csv", "", "cannot be read"),
        ("rounds.csv", "seed,episode\n", "no finished row"),
        ("nodes.csv", '"', "cannot be read"),
        ("episodes.csv", "a,b\n1,2\n", "lacks the column"),
    ],
)
def test_unusable_files_are_refused_in_one_line(copy, tmp_path, capsys, name, content, says):
    if content is None:
        (copy / name).unlink()
    else:
        (copy / name).write_text(content)
    assert plots.main([str(copy), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_text_among_numbers_is_one_line(copy, tmp_path, capfd):
    path = copy / "episodes.csv"
    lines = path.read_text().splitlines(keepends=True)
    cells = lines[2].split(",")
    path.write_text("".join([*lines[:2], ",".join([*cells[:4], "much", *cells[5:]]), *lines[3:]]))
    assert plots.main([str(copy), "--out", str(tmp_path / "figures")]) == 2
    line = capfd.readouterr().err
    assert line.startswith("plots.py: error: the tables differ from those that a run writes")
    assert line.count("\n") == 1


def test_many_classes_are_drawn_without_a_legend_and_as_wide_as_few(copy):
    nodes, models = (pd.read_csv(copy / f"{name}.csv") for name in ("nodes", "node_models"))
    assert run_figures.nodes([copy]).axes[1].get_aspect() == 1  # "equal"
    assert run_figures.node_models([copy]).axes[0].get_legend()
    more = pd.DataFrame(0, nodes.index, [f"label_{label}" for label in range(10, 200)])
    pd.concat([nodes, more], axis=1).to_csv(copy / "nodes.csv", index=False)
    models.assign(main_class=range(len(models))).to_csv(copy / "node_models.csv", index=False)
    assert len(models) > run_figures.MOST_IN_LEGEND
    assert run_figures.nodes([copy]).axes[1].get_aspect() == "auto"
    assert not run_figures.node_models([copy]).axes[0].get_legend()

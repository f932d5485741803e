"""Packed runs hold what the run folders hold: the same text of every table, the same report, the same pictures."""

import gzip
import json
import shutil

import pytest
from helpers import drop_column, refuse, run

import plots
import report
from runs.description import read_description
from runs.packed import has_table, is_packed, read_packed_table
from runs.packing import pack
from settings.errors import UsageError


@pytest.fixture(scope="module")
def plain(finished, tiny, tmp_path_factory):
    """A study of three runs: an agent, one on more nodes some of which fail, and an average of several nodes."""
    folder = tmp_path_factory.mktemp("plain") / "study"
    shutil.copytree(finished, folder / "agent")
    flags = [*tiny, "--episodes", 2]
    failing = ["--drop-rate", 0.5, "--failed-attempts", "charged"]
    run(*flags, "--policy", "random", "--nodes", 12, *failing, "--run-dir", folder / "failing")
    run(*flags, "--policy", "fedavg", "--run-dir", folder / "several")
    return folder


@pytest.fixture(scope="module")
def packed(plain, tmp_path_factory):
    out = tmp_path_factory.mktemp("packed") / "study"
    pack(plain, out)
    return out


@pytest.fixture
def copy(packed, tmp_path):
    return shutil.copytree(packed, tmp_path / "copy")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_table_is_restored_as_the_run_wrote_it(plain, packed):
    paths = sorted(plain.glob("*/*.csv"))
    assert len(paths) == 3 * 4 + 1  # one run made models for its figures
    for path in paths:
        assert read_packed_table(packed / path.parent.name, path.name).encode() == path.read_bytes()
    for name in ("agent", "failing", "several"):
        assert read_description(packed / name) == read_description(plain / name)
    assert (packed / "agents" / "agent.npz").read_bytes() == (plain / "agent" / "agent.npz").read_bytes()


def test_runs_of_earlier_versions_are_packed_with_others(tiny, tmp_path):
    """One of them has no values of nodes."""
    run(*tiny, "--epsilon", 0.5, "--run-dir", tmp_path / "study" / "agent")
    shutil.copytree(tmp_path / "study" / "agent", tmp_path / "study" / "early")
    drop_column(tmp_path / "study" / "early" / "rounds.csv", "values")
    pack(tmp_path / "study", tmp_path / "out")
    for name in ("agent", "early"):
        written = (tmp_path / "study" / name / "rounds.csv").read_text()
        assert ("values" in written) == (name == "agent")
        assert read_packed_table(tmp_path / "out" / name, "rounds.csv") == written


def test_what_follows_is_not_stored(plain, tmp_path):
    """Where an agent walks between ten nodes that all answer, rounds.csv follows from few of its columns."""
    shutil.copytree(plain / "agent", tmp_path / "study" / "agent")
    pack(tmp_path / "study", tmp_path)
    header, *rows = gzip.decompress((tmp_path / "rounds.csv.gz").read_bytes()).decode().splitlines()
    stored = "run,episode,round,node,greedy,bytes_sent,gradient_steps,unreachable,accuracy"
    assert header == f"{stored},train_seconds,evaluate_seconds,round_seconds,loss,values"
    whole = (plain / "agent" / "rounds.csv").read_text().splitlines()[1].split(",")[14]
    assert len(rows[0].split(",")[-2]) < len(whole)  # as a float32 the loss has fewer digits


def test_packing_again_gives_the_same_bytes(plain, packed, tmp_path):
    before = contents(packed)
    pack(plain, packed)
    pack(plain, tmp_path)
    assert contents(packed) == contents(tmp_path) == before


def test_report_and_figures_are_the_same_bytes(plain, packed, tmp_path):
    made = []
    for folder in (plain, packed):
        out = tmp_path / folder.parent.name
        assert report.main([str(folder), "--out", str(out)]) == 0
        assert plots.main([str(folder / "agent"), "--out", str(out / "run")]) == 0
        made.append(contents(out))
    assert made[0] == made[1]
    assert {"report.md", "per_seed.csv", "figures/policies.png", "run/node_models.pdf"} <= set(made[0])


def test_packed_runs_are_packed_with_the_others(plain, packed, tmp_path):
    """A study whose runs are packed but for one, as where a seed was added; packing it is packing all of them."""
    for name in ("agent", "failing"):
        shutil.copytree(plain / name, tmp_path / "first" / name)
    pack(tmp_path / "first", tmp_path / "both")
    shutil.copytree(plain / "several", tmp_path / "both" / "several")
    with pytest.raises(UsageError, match="would be replaced; choose another --out"):
        pack(tmp_path / "both", tmp_path / "both")
    pack(tmp_path / "both", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(packed)


@pytest.mark.parametrize("flags", [(), ("--overwrite",), ("--resume",)])
def test_a_run_that_would_hide_a_packed_one_is_refused(copy, capfd, flags):
    before = contents(copy)
    assert "agent is a packed run, which cannot be" in refuse(capfd, "--run-dir", copy / "agent", *flags)
    assert contents(copy) == before


def test_node_models_without_rows_are_none(plain, tmp_path):
    """As a run leaves them that trained none for its figures."""
    for name in ("agent", "several"):
        shutil.copytree(plain / name, tmp_path / "study" / name)
    header = (plain / "agent" / "node_models.csv").read_text().splitlines()[0]
    (tmp_path / "study" / "several" / "node_models.csv").write_text(f"{header}\n")
    pack(tmp_path / "study", tmp_path / "out")
    assert has_table(tmp_path / "out" / "agent", "node_models.csv")
    assert not has_table(tmp_path / "out" / "several", "node_models.csv")


def test_a_run_folder_is_read_before_its_packed_form(packed, plain, copy):
    shutil.copytree(plain / "several", copy / "several")
    assert is_packed(packed / "several")
    assert not is_packed(copy / "several")


def test_the_study_of_another_program_is_none(plain, tmp_path):
    """A runs.json beside run folders that sweep.py did not write."""
    shutil.copytree(plain / "several", tmp_path / "several")
    (tmp_path / "runs.json").write_text("{}")
    assert report.main([str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    with pytest.raises(UsageError, match=r"runs\.json would be replaced"):
        pack(tmp_path, tmp_path)
    assert (tmp_path / "runs.json").read_text() == "{}"
    assert not (tmp_path / "rounds.csv.gz").exists()


def damage_index(folder, **changes):
    index = json.loads((folder / "runs.json").read_text())
    (folder / "runs.json").write_text(json.dumps(index | changes))


DAMAGE = {
    "an index cut short": lambda folder: (folder / "runs.json").write_text('{"packed": 1, "ru'),
    "a later form": lambda folder: damage_index(folder, packed=2),
    "no runs": lambda folder: damage_index(folder, runs=None),
    "no tables": lambda folder: damage_index(folder, tables={"episodes.csv": {}}),
    "no file": lambda folder: (folder / "episodes.csv.gz").unlink(),
    "no gzip": lambda folder: (folder / "episodes.csv.gz").write_text("run\n"),
    "half a file": lambda folder: cut(folder / "episodes.csv.gz"),
    "no rows of a run": lambda folder: (folder / "episodes.csv.gz").write_bytes(gzip.compress(b"run,episode\na,1\n")),
    "a column gone": lambda folder: (folder / "episodes.csv.gz").write_bytes(gzip.compress(b"run,rounds\nagent,1\n")),
}


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_files_are_one_line(damage, copy, capsys):
    damage(copy)
    for main, folder in ((report.main, copy), (plots.main, copy / "agent")):
        assert main([str(folder), "--out", str(copy / "out")]) == 2
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        assert "put the original back" in line
    assert not (copy / "out").exists() or not any((copy / "out").iterdir())


def test_a_table_that_a_run_did_not_write_is_one_line(copy, capsys):
    index = json.loads((copy / "runs.json").read_text())
    index["tables"]["episodes.csv"]["lacking"].append("agent")
    damage_index(copy, tables=index["tables"])
    assert plots.main([str(copy / "agent"), "--out", str(copy / "out")]) == 2
    assert "episodes.csv.gz has no rows of agent; that run wrote no episodes.csv\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("run.json", lambda text: text.replace('"end": "', '"end": null, "was": "'), "has not finished"),
        ("run.json", lambda text: text[:-9], "is damaged"),
        ("run.json", lambda text: text.replace('"goal"', '"gaol"'), "is damaged"),
        (
            "nodes.csv",
            lambda text: text.replace("0,0", '"0",0', 1),
            r"nodes\.csv of several differs from what a run writes",
        ),
        ("nodes.csv", lambda text: "", "differ from those that a run writes"),
        ("nodes.csv", lambda text: text.splitlines()[0] + "\n", "differ from those that a run writes"),
        ("nodes.csv", lambda text: text.replace("node", "run", 1), "differ from those that a run writes"),
    ],
)
def test_what_cannot_be_packed_or_restored_is_refused(plain, tmp_path, name, change, says):
    shutil.copytree(plain / "several", tmp_path / "study" / "several")
    path = tmp_path / "study" / "several" / name
    path.write_text(change(path.read_text()))
    with pytest.raises(UsageError, match=says):
        pack(tmp_path / "study", tmp_path / "out")
    assert not (tmp_path / "out").exists()

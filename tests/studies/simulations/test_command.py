"""The command line of a simulation on toy units."""

import dataclasses

import pytest

from studies.simulations import command
from studies.units import Unit, read_part


@dataclasses.dataclass(frozen=True, kw_only=True)
class Toy(Unit):
    part = "toy"
    steps: int

    def measure(self, folder):
        if (folder / "stop").exists() and self.seed == 1:
            raise KeyboardInterrupt
        return [{"value": self.seed / 7 + step} for step in range(self.steps)]


def plan(seeds, quick):
    return [Toy(seed=seed, steps=2 if quick else 3) for seed in seeds]


def report(folder):
    return f"mean {read_part(folder, 'toy')['value'].mean():.3f}"


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr("models.start_tensorflow", lambda threads: None)  # of the tests' own process
    return lambda *arguments: command.main("studies.toy", "Measures a toy.", plan, report, list(map(str, arguments)))


def test_interrupted_study_goes_on_and_packs(toy, tmp_path, capsys):
    out, packed = tmp_path / "out", tmp_path / "packed"
    out.mkdir()
    (out / "stop").touch()
    assert toy("--out", out) == 130
    assert "go on with: python -m studies.toy --out" in capsys.readouterr().err
    (out / "stop").unlink()
    assert toy("--out", out) == 0
    shown = capsys.readouterr().out
    assert "5 units" in shown
    assert "1 of them finished already" in shown
    assert f"mean {2 / 7 + 1:.3f}" in shown
    assert toy("--out", out, "--list") == 0
    assert capsys.readouterr().out.split()[::2] == ["finished"] * 5
    assert toy("--out", packed, "--pack", out) == 0
    assert [path.name for path in (packed / "runs").iterdir()] == ["toy.csv.gz"]
    assert report(packed) == report(out)


def test_quick_study_needs_a_folder_of_its_own(toy, tmp_path, capsys):
    assert toy("--out", tmp_path, "--quick") == 0
    assert len(read_part(tmp_path, "toy")) == 2 * 2
    assert toy("--out", tmp_path) == 2
    assert "was started with quick True, not False" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--threads", "0"], ["--seeds", "x"], ["--fast"], []])
def test_bad_command_line_is_one_line(toy, tmp_path, capsys, wrong):
    with pytest.raises(SystemExit) as ended:
        toy(*wrong, *(["--out", tmp_path] if wrong else []))
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1

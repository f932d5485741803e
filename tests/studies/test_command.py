"""The command line that studies and benchmarks share."""

import runpy

import pytest

import studies.command


@pytest.mark.parametrize("module", ["studies.interval_coverage", "benchmarks.main_job"])
def test_an_error_names_the_command_that_shows_the_help(module, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["as typed", "--threads", "x"])
    with pytest.raises(SystemExit):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    line = capsys.readouterr().err
    assert line.startswith(f"{module}: error: argument --threads")
    assert line.endswith(f"; see python -m {module} --help\n")


@pytest.mark.parametrize(
    ("module", "flag", "says"),
    [
        ("benchmarks.evaluation_count", "--rounds=-20", "--rounds must be at least 1, not -20"),
        ("studies.verdict_errors", "--seed=-1", "--seed must be at least 0, not -1"),
    ],
)
def test_numbers_out_of_range_are_refused_in_one_line(module, flag, says, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["as typed", flag, "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert exit_.value.code == 2
    assert says in capsys.readouterr().err


def test_a_folder_that_takes_no_file_is_refused_before_the_measurement(tmp_path, monkeypatch, capsys):
    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    measure, measured = lambda options: measured.append(1) or {".md": "text"}, []
    assert studies.command.run("name", "Docs.", measure, ["--out", str(tmp_path)], by_processor=False) == 2
    assert not measured
    assert f"Permission denied: '{tmp_path}'" in capsys.readouterr().err


def test_a_result_is_shown_even_where_it_cannot_be_written(tmp_path, capsys):
    (tmp_path / "name.md").mkdir()
    measure, arguments = lambda options: {".md": "what was measured"}, ["--out", str(tmp_path)]
    assert studies.command.run("name", "Docs.", measure, arguments, by_processor=False) == 2
    assert "what was measured" in capsys.readouterr().out

"""The command line that studies and benchmarks share."""

import runpy

import pytest


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

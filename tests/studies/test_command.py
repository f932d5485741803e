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

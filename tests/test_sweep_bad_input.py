"""What sweep.py refuses, in one line."""

import pytest
from helpers import exit_code

import sweep


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--seeds x", "argument --seeds"),
        ("--seeds 5-3", "names no seed"),
        ("--seeds 5-", "'5-' is no seed or range of seeds, like 7 or 0-9"),
        ("--seeds 0-99999999999999999999999", "names no seed, or more than 100000"),
        ("--splits disjoint,", "'disjoint,' has an empty value"),
        ("--vary help=1,2", "'help' is no setting of main.py"),
        ("--vary =0,1", "'' is no setting of main.py"),
        ("--vary route=0,1", "reports do not tell runs apart by route; give each value its own sweep"),
        ("--ray-address nowhere:1", "--ray-address needs --engine ray"),
        ("--seeds 0-999999999999", "or more than"),
        ("--seeds 0,4294967296", "4294967296 is above the last seed, 4294967295"),
        ("--policies dqn,other", "--policy must be one of"),
        ("--vary goal", "not like drop-rate"),
        ("--vary goal=2", "--goal must be at most 1"),
        ("--unknown 1", "unrecognized arguments"),
        ("--jobs 0", "--jobs must be at least 1"),
        ("--control-episodes 0", "--control-episodes must be at least 1"),
        ("--seed 7", "--seed is another one in every run; give --seeds"),
        ("--policy=random", "give --policies"),
        ("--vary split=disjoint,published", "give --splits"),
        ("--overwrite", "give another --out"),
        ("--resume", "give the same command again"),
        ("--vary goal=0.5,0.6 --goal 0.8", "--vary goal is contradicted"),
        ("--vary goal=0.5,0.6 --goal=0.8", "--vary goal is contradicted"),
        ("--vary goal=0.5 --vary goal=0.6", "--vary goal is contradicted"),
        ("--vary preset=paper,quick --preset quick", "--vary preset is contradicted"),
        ("--policies dqn --vary preset=paper,improved", "improved, which sets the policy; give --preset improved"),
        ("--vary greedy-from=5,6 --evaluate --load-agent x", "--vary greedy-from is contradicted"),
        ("--vary goal=0.5,0.5", "names a value twice"),
        ("--pack nowhere --goal 0.5", "--goal has no effect with --pack"),
        ("--pack nowhere --vary goal=0.5,0.6", "--vary has no effect with --pack"),
        ("--pack nowhere --seeds=0-9", "--seeds has no effect with --pack"),
        ("--pack nowhere", "--list has no effect with --pack"),
        ("--vary goal=0.5,0.50", "the same experiment"),
        ("--vary load-agent=a/b,a_b", "two different runs would be called"),
    ],
)
def test_bad_sweeps_are_refused_in_one_line(arguments, says, tmp_path, capsys):
    code = exit_code(sweep.main, *arguments.split(), "--out", tmp_path, "--list")
    error = capsys.readouterr().err
    assert code == 2
    assert says in error
    assert error.count("\n") == 1


def test_a_folder_without_runs_is_not_packed(tmp_path, capsys):
    assert sweep.main(["--pack", str(tmp_path)]) == 2
    assert f"{tmp_path} holds no run folders" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        sweep.main(["--pack", str(tmp_path), "extra"])
    assert "extra has no effect with --pack" in capsys.readouterr().err

"""The CSV files of a run, for rows that Hypothesis draws."""

import math
import types

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.logs import RunLog
from runs.options import parse
from runs.records import RUN_COLUMNS, RoundRecord, columns, round_record

ROW = {name: 0 for name in columns(RoundRecord) if name not in RUN_COLUMNS} | {"unreachable": (), "values": ()}


FLOATS = dict.fromkeys(("distance", "accuracy", "reward", "loss", "train_seconds"), st.floats())


OTHERS = {"node": st.lists(st.integers(0, 9999), min_size=1, unique=True).map(tuple), "greedy": st.booleans()}


@settings(max_examples=40)
@given(rows=st.lists(st.fixed_dictionaries(FLOATS | OTHERS), max_size=4))
def test_rounds_come_back_from_the_csv_file(rows, tmp_path):
    """All digits of a number, NaN as an empty field; of seconds four digits."""
    config, options = parse(["--run-dir", str(tmp_path), "--overwrite"])
    nodes = types.SimpleNamespace(name="tiny", sha256=lambda: "", evaluation="float32")
    log = RunLog(config, nodes, options)
    for row in rows:
        log.round(round_record(ROW | row, **log.run_columns), 0)
    log.finish()
    table = pd.read_csv(tmp_path / "rounds.csv", dtype={"node": str})
    assert len(table) == len(rows)
    for row, (_, back) in zip(rows, table.iterrows(), strict=True):
        assert back["node"] == "+".join(map(str, row["node"]))
        assert (back["greedy"], back["dataset"], back["policy"]) == (row["greedy"], "tiny", "dqn")
        for name in FLOATS:
            expected = round(row[name], 4) if name == "train_seconds" else row[name]
            assert back[name] == expected or (math.isnan(back[name]) and math.isnan(expected))

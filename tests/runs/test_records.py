"""Records: what is missing or unknown is refused, sums are those of the rounds, forms by hand."""

import dataclasses
import math

import pytest
from helpers import PROJECT

from runs.records import (
    RUN_COLUMNS,
    EpisodeRecord,
    RoundRecord,
    columns,
    csv_row,
    episode_record,
    round_record,
    scalars,
    shown,
)
from runs.tables import read_table

RUN = dict(zip(RUN_COLUMNS, ("dqn", "disjoint", "mnist", 0.8, "float32", "cnn", ""), strict=True))
INFO = {"round": 2, "node": (3, 1), "previous_node": 0, "distance": 0.25, "accuracy": 0.5, "reward": -0.5}
INFO |= {"loss": math.nan, "bytes_sent": 8, "gradient_steps": 4, "unreachable": (5,), "finite": True}
VALUES = {"seed": 0, "episode": 3, "epsilon": 1.0, "greedy": False, "done": True}
VALUES |= {"train_seconds": 0.12345, "evaluate_seconds": 2, "round_seconds": 3, "values": (-0.123456, 12345.6, 2e-7)}
REST = {"epsilon": 1.0, "loss": 0.5, "seconds": 1.0, "reached_goal": False, "ended": "round limit"}


def test_what_is_missing_or_unknown_is_refused():
    round_ = round_record(INFO, **VALUES, **RUN)
    with pytest.raises(KeyError, match="epsilon"):
        round_record(INFO, **{name: value for name, value in VALUES.items() if name != "epsilon"}, **RUN)
    with pytest.raises(TypeError, match="finite"):
        round_record(INFO, **VALUES, **RUN, finite=True)
    with pytest.raises(TypeError, match="ended"):
        episode_record([round_], **{name: value for name, value in REST.items() if name != "ended"})
    with pytest.raises(TypeError, match="cost"):
        episode_record([round_], **REST, cost=0.0)


def test_forms_of_a_round_by_hand():
    record = round_record(INFO, **VALUES, **RUN)
    first = ["0", "3", "2", "3+1", "0", "0.25", "0.5", "-0.5", "1.0", "False", "True", "0.1235", "2.0000", "3.0000"]
    rest = ["", "8", "4", "5", "-0.1235 1.235e+04 2e-07", "dqn", "disjoint", "mnist", "0.8", "float32", "cnn", ""]
    assert csv_row(record, list(columns(RoundRecord))) == first + rest
    assert csv_row(record, ["loss", "learner", "round"]) == ["", "cnn", "2"]
    assert csv_row(dataclasses.replace(record, values=()), ["values"]) == [""]
    assert shown(record) == "round 2  accuracy 0.500"
    assert scalars(record) == {"distance": 0.25, "accuracy": 0.5, "reward": -0.5, "round_seconds": 3.0}


def test_an_episode_sums_its_rounds():
    rounds = [round_record(INFO | {"round": number, "distance": number}, **VALUES, **RUN) for number in (1, 2, 3)]
    record = episode_record(rounds, **REST)
    assert (record.rounds, record.communication_cost, record.episode_return) == (3, 6, -1.5)
    assert (record.bytes_sent, record.gradient_steps, record.failed_attempts) == (24, 12, 3)
    assert (record.seed, record.episode, record.final_accuracy, record.policy) == (0, 3, 0.5, "dqn")


@pytest.mark.parametrize(("name", "kind"), [("rounds.csv", RoundRecord), ("episodes.csv", EpisodeRecord)])
def test_columns_are_those_of_published_runs(name, kind):
    table = read_table(PROJECT / "results" / "claims" / "dqn-disjoint-seed0", name)
    published = [column.replace("evaluation_dtype", "evaluation") for column in table]
    assert [name for name in columns(kind) if name in published] == published
    assert all(about["description"] for about in columns(kind).values())

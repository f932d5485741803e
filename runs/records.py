"""Declares the records of a round and of an episode, whose fields are the columns of the CSV files."""

import dataclasses
import functools
import operator
from collections.abc import Sequence

WINDOW = 10  # episodes whose mean shows how a run does


def column(
    description: str,
    *,
    show: str = "",
    tensorboard: bool = False,
    form: str = "",
    join: str = "+",
    sum_of: str = "",
) -> dataclasses.Field:
    """Declares a column.

    `description` says what it holds and in which unit. `show` is its form on the screen (empty: not shown), `form` that
    in the CSV file (empty: all digits), there `join` stands between the elements of a tuple. `tensorboard` tells
    whether TensorBoard gets it. A column of episodes may be the sum of the column `sum_of` of their rounds, where a
    tuple counts with its length.
    """
    about = {"description": description, "show": show, "tensorboard": tensorboard, "form": form, "join": join}
    about["sum_of"] = sum_of
    return dataclasses.field(metadata=about)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunColumns:
    """The last columns of every table: which run it is of."""

    policy: str = column("policy that picks the next node")
    split: str = column("which images the nodes hold")
    dataset: str = column(
        "data set that was loaded; the name of data of your own has the first digits of their SHA-256, and with "
        "`--evaluation-samples N` every name ends in `-N-test-images`"
    )
    goal: float = column("test accuracy that ends an episode")
    evaluation: str = column("how the test images were classified: `fused-checked` or `float32`")
    learner: str = column("local learner")
    learner_variant: str = column("variant of the local learner, empty for its first one")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoundRecord(RunColumns):
    """A row of rounds.csv."""

    seed: int = column("seed of the run")
    episode: int = column("episode, from 1")
    round: int = column("round of the episode, from 1", show="round {}")
    node: tuple = column("the node that trained; several are joined by `+`, and the first of them averages")
    previous_node: int = column("the node that held the model before")
    distance: float = column(
        "distance from `previous_node` to `node`, 0 when the model stays; with several nodes the sum of all distances "
        "(D2); with `--failed-attempts charged` the distances to nodes that did not answer are added",
        tensorboard=True,
    )
    accuracy: float = column(
        "share of the test images (all, or `--evaluation-samples`) classified correctly after the round",
        show="accuracy {:.3f}",
        tensorboard=True,
    )
    reward: float = column("`32 ** (accuracy - goal) - distance - 1`", tensorboard=True)
    epsilon: float = column(
        "probability of a random choice in this episode; 1 for `random`, `random-moving` and `shuffled-cycle`, 0 for "
        "other policies that do not learn"
    )
    greedy: bool = column("True where the policy took its best choice, False for a random node and in round 1")
    done: bool = column("True in the last round of an episode")
    train_seconds: float = column("seconds of training", form=".4f")
    evaluate_seconds: float = column("seconds of evaluating", form=".4f")
    round_seconds: float = column(
        "seconds of the whole round, choice and observation included", tensorboard=True, form=".4f"
    )
    loss: float = column("mean training loss over the round", tensorboard=True)
    bytes_sent: int = column(
        "bytes of the models sent, 0 when the model stays; a transfer of the default model for MNIST has 134,320"
    )
    gradient_steps: int = column("steps of gradient descent on images")
    unreachable: tuple = column("nodes that were asked first and did not answer, joined by `+`")
    values: tuple = column(
        "values of all nodes, from node 0 on, by which the policy chose (the agent: outputs of its Q-network), four "
        "significant digits, separated by spaces; empty in round 1, for random choices and for policies without values",
        form=".4g",
        join=" ",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class EpisodeRecord(RunColumns):
    """A row of episodes.csv."""

    seed: int = column("seed of the run")
    episode: int = column("episode, from 1")
    rounds: int = column(
        "rounds of the episode; the round limit where the goal was not reached", show="rounds {}", tensorboard=True
    )
    episode_return: float = column(
        "sum of all rewards, round 1 included, undiscounted", show="return {:.2f}", tensorboard=True, sum_of="reward"
    )
    communication_cost: float = column(
        "sum of the distances travelled", show="cost {:.3f}", tensorboard=True, sum_of="distance"
    )
    final_accuracy: float = column("accuracy after the last round", show="accuracy {:.3f}", tensorboard=True)
    reached_goal: bool = column(
        "True where `final_accuracy` is at least the goal", show="goal reached {}", tensorboard=True
    )
    epsilon: float = column("probability of a random choice in this episode", show="epsilon {:.3f}", tensorboard=True)
    loss: float = column("mean training loss of the Q-network, empty where it did not train", tensorboard=True)
    seconds: float = column("seconds of the episode, learning included", show="{:.1f} s", tensorboard=True, form=".3f")
    bytes_sent: int = column("bytes of the models sent", tensorboard=True, sum_of="bytes_sent")
    gradient_steps: int = column("steps of gradient descent on images", tensorboard=True, sum_of="gradient_steps")
    failed_attempts: int = column(
        "number of requests that a node did not answer", tensorboard=True, sum_of="unreachable"
    )
    ended: str = column("`goal`, `round limit` or `not finite`")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferRecord(RunColumns):
    """A row of transfers.csv: what nodes in processes of their own sent each other, beside what is modelled."""

    seed: int = column("seed of the run")
    episode: int = column("episode, from 1")
    round: int = column("round of the episode, from 1")
    distance: float = column("`distance` of the round")
    bytes_sent: int = column("`bytes_sent` of the round")
    bytes_moved: int = column("bytes of weights that processes sent each other")


Record = RoundRecord | EpisodeRecord | TransferRecord
RUN_COLUMNS = tuple(RunColumns.__dataclass_fields__)


def columns(kind: type[Record]) -> dict[str, dict]:
    """Returns what `column` declared of each column of a kind of record, in the order of the CSV file."""
    fields = sorted(dataclasses.fields(kind), key=lambda field: field.name in RUN_COLUMNS)  # a base class' come first
    return {field.name: field.metadata for field in fields}


TIMES = {name for kind in (RoundRecord, EpisodeRecord) for name in columns(kind) if name.endswith("seconds")}


def round_record(info: dict, **values: object) -> RoundRecord:
    """Returns the record of a round, whose columns are `values` and, for the rest, the environment's `info`."""
    return RoundRecord(**{name: info[name] for name in columns(RoundRecord) if name not in values}, **values)


def episode_record(rounds: list[RoundRecord], **values: object) -> EpisodeRecord:
    """Returns the record of an episode from those of its rounds and from `values`, which do not follow from them."""
    last = rounds[-1]
    of_run = {name: getattr(last, name) for name in ("seed", "episode", *RUN_COLUMNS)}
    sums = {name: total(rounds, about["sum_of"]) for name, about in columns(EpisodeRecord).items() if about["sum_of"]}
    return EpisodeRecord(rounds=len(rounds), final_accuracy=last.accuracy, **of_run, **sums, **values)


def total(rounds: list[RoundRecord], name: str) -> float:
    """Returns the sum of a column over rounds."""
    values = [getattr(record, name) for record in rounds]
    values = [len(value) if isinstance(value, tuple) else value for value in values]
    return functools.reduce(operator.add, values)  # as `sum` added up to Python 3.11; later ones round otherwise


def csv_row(record: Record, header: Sequence[str]) -> list[str]:
    """Returns a record's cells in the columns of `header`; what is not there (NaN, an empty tuple) is empty."""
    cells, declared = [], columns(type(record))
    for name in header:
        value, about = getattr(record, name), declared[name]
        values = value if isinstance(value, tuple) else (value,) if value == value else ()
        cells.append(about["join"].join(format(each, about["form"]) for each in values))
    return cells


def shown(record: Record) -> str:
    """Returns the line in which the screen shows a record."""
    parts = columns(type(record)).items()
    return "  ".join(about["show"].format(getattr(record, name)) for name, about in parts if about["show"])


def scalars(record: Record) -> dict[str, float]:
    """Returns what TensorBoard gets of a record, by column."""
    values = {name: getattr(record, name) for name, about in columns(type(record)).items() if about["tensorboard"]}
    return {name: float(value) for name, value in values.items() if value == value}

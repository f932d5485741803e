"""How often bfloat16 changes an accuracy: `python -m benchmarks.evaluation_dtype --out results/benchmarks`.

Lets a random policy run 1,000 rounds, half of them with each split, and evaluates the model after every round in
float32, in bfloat16 and in bfloat16 with the doubtful images checked in float32.
"""

import dataclasses
import sys
from pathlib import Path

import pandas as pd

from config import Config, Parser, UsageError, generator
from screen import import_tensorflow_quietly

DTYPES = ("float32", "bfloat16", "bfloat16-checked")


def measure(config, dataset, rounds):
    """Returns the images classified correctly in each arithmetic, one row a round."""
    from environment import HomogeneousLearningEnv
    from models import local_foundation_model
    from node import RandomPolicy

    environment, policy = HomogeneousLearningEnv(config, dataset), RandomPolicy(config)
    by_dtype = {dtype: local_foundation_model(dataclasses.replace(config, evaluation_dtype=dtype)) for dtype in DTYPES}
    rows, done = [], True
    while len(rows) < rounds:
        if done:
            environment.reset()
        action, _ = policy.choose(
            None, generator(config.seed, "exploration", environment.episode, environment.round + 1)
        )
        *_, terminated, truncated, _ = environment.step(action)
        done = terminated or truncated
        counts = (environment.count_correct(model) for model in by_dtype.values())
        rows.append((config.split, environment.episode, environment.round, *counts))
    return rows


def main(arguments=None):
    """Runs a command line; returns 0, or 2 where something has to be changed first."""
    parser = Parser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--threads", type=int, default=1, help="processor threads [1]")
    parser.add_argument("--rounds", type=int, default=1000, help="rounds [1000]")
    parser.add_argument("--seed", type=int, default=0, help="seed [0]")
    parser.add_argument("--out", type=Path, required=True, help="folder for evaluation_dtype.md and .csv")
    options = parser.parse_args(arguments)
    import_tensorflow_quietly()
    from data import load_dataset
    from models import start_tensorflow

    try:
        start_tensorflow(options.threads)
        configs = [Config(split=split, seed=options.seed, policy="random") for split in ("disjoint", "published")]
        dataset = load_dataset(configs[0])
        rows = [row for config in configs for row in measure(config, dataset, options.rounds // 2)]
        table = pd.DataFrame(rows, columns=["split", "episode", "round", *DTYPES])
        options.out.mkdir(parents=True, exist_ok=True)
        table.to_csv(options.out / "evaluation_dtype.csv", index=False)
        lines = ["| arithmetic | rounds with another accuracy | largest difference, images |", "| --- | --- | --- |"]
        for dtype in DTYPES[1:]:
            difference = (table[dtype] - table["float32"]).abs()
            lines.append(f"| {dtype} | {(difference > 0).sum()} of {len(table)} | {difference.max()} |")
        text = "\n".join(lines) + f"\n\nOf {len(dataset.y_test)} test images.\n"
        (options.out / "evaluation_dtype.md").write_text(text)
    except (UsageError, OSError) as error:
        print(f"evaluation_dtype: error: {error}", file=sys.stderr)
        return 2
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

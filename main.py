"""Homogeneous Learning: one model travels from node to node, and an agent learns where it should go next.

Sun & Ochiai, "Homogeneous Learning: Self-Attention Decentralized Deep Learning", IEEE Access 10 (2022).
`python main.py` runs 120 episodes with the authors' settings; `python main.py --help` lists what can be changed.
"""

import argparse
import os
import shlex
import sys
import time
from pathlib import Path

from config import PRESET_HELP, PRESETS, Config, UsageError, add_flags, generator
from logs import RunLog, holds_run, stored_config


def homogeneous_learning(config, environment, policy, log, screen):
    """Runs the episodes that are not done yet: the paper's algorithm."""
    from plots import draw

    for episode in range(log.episodes_done + 1, config.episodes + 1):
        observation, _ = environment.reset(seed=config.seed, options={"episode": episode})
        action, greedy = environment.starter_action, False
        rows, done = [], False
        episode_started = round_started = time.perf_counter()
        while not done:
            next_observation, reward, terminated, truncated, info = environment.step(action)
            done = terminated or truncated
            if info["round"] > 1:  # in round 1 nobody chose the starter
                policy.remember(observation, action, reward, next_observation, done)
            observation, was_greedy = next_observation, greedy
            if not done:
                rng = generator(config.seed, "exploration", episode, info["round"] + 1)
                action, greedy = policy.choose(observation, rng)
            row = {
                **info,
                "seed": config.seed,
                "episode": episode,
                "node": "+".join(map(str, info["node"])),
                "reward": reward,
                "epsilon": policy.epsilon,
                "greedy": was_greedy,
                "done": done,
                "round_seconds": time.perf_counter() - round_started,
            }
            round_started = time.perf_counter()
            rows.append(row)
            log.round(row)
            screen.round(row, sum(row["distance"] for row in rows))
        epsilon = policy.epsilon
        row = {
            "seed": config.seed,
            "episode": episode,
            "rounds": len(rows),
            "episode_return": sum(row["reward"] for row in rows),
            "communication_cost": sum(row["distance"] for row in rows),
            "final_accuracy": info["accuracy"],
            "reached_goal": terminated,
            "epsilon": epsilon,
            "loss": policy.learn(generator(config.seed, "replay", episode)),
            "seconds": time.perf_counter() - episode_started,
        }
        log.episode(row)
        log.checkpoint(episode, policy)
        screen.episode(row)
        if config.figure_every and episode % config.figure_every == 0 and episode < config.episodes:
            draw([log.folder], log.folder / "figures")


def run(config, options):
    """Prepares one run, runs it and shows its results; returns the exit code."""
    _import_tensorflow_quietly()
    from data import load_dataset
    from environment import HomogeneousLearningEnv
    from models import start_tensorflow
    from node import make_policy
    from plots import draw, read_table
    from screen import Screen

    start_tensorflow(config.threads)
    dataset = load_dataset(config)
    environment = HomogeneousLearningEnv(config, dataset)
    policy = make_policy(config)
    log = RunLog(config, dataset, options)
    if log.policy_state is not None:
        policy.restore(log.policy_state)
    with Screen(config, dataset, log) as screen:
        log.nodes(environment)
        homogeneous_learning(config, environment, policy, log, screen)
    log.finish()
    draw([log.folder], log.folder / "figures")
    screen.summary(read_table(log.folder, "episodes.csv"))
    return 0


def parse(arguments):
    """Returns (Config, options) of a command line; raises UsageError, or exits as argparse does."""
    presets = "; ".join(f"{name}: {text}" for name, text in PRESET_HELP.items())
    parser = Parser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--preset", choices=PRESETS, help=f"{presets} [paper]")
    parser.add_argument(
        "--run-dir", type=Path, help="the run's folder [results/runs/<time>-<policy>-<dataset>-seed<k>]"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in --run-dir, with its settings")
    parser.add_argument("--overwrite", action="store_true", help="replace the run in --run-dir")
    parser.add_argument("--tensorboard", action="store_true", help="also write TensorBoard events")
    add_flags(parser)
    flags = vars(parser.parse_args(arguments))
    names = ("preset", "run_dir", "resume", "overwrite", "tensorboard")
    options = argparse.Namespace(**{name: flags.pop(name) for name in names})
    options.command_line = shlex.join(["python", "main.py", *arguments])
    if options.resume and options.overwrite:
        raise UsageError("--resume and --overwrite exclude each other; choose one")
    if (options.resume or options.overwrite) and not options.run_dir:
        raise UsageError("--resume and --overwrite need --run-dir, the folder of the run they are for")
    if options.run_dir and holds_run(options.run_dir) and not (options.resume or options.overwrite):
        raise UsageError(f"{options.run_dir} holds a run; add --resume or --overwrite, or choose another --run-dir")
    if options.resume and not options.preset:
        base = vars(stored_config(options.run_dir))
    else:
        base = PRESETS[options.preset or "paper"]
    return Config(**{**base, **flags}), options


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage, which is long."""

    def error(self, message):
        self.exit(2, f"main.py: error: {message}; see python main.py --help\n")


def _import_tensorflow_quietly():
    """Imports TensorFlow with its start-up notes, which it writes past Python's stderr, turned off."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def main(arguments=None):
    """Runs a command line; returns 0, 2 where something has to be changed first, 130 when interrupted."""
    options = argparse.Namespace(run_dir=None)
    try:
        config, options = parse(sys.argv[1:] if arguments is None else arguments)
        return run(config, options)
    except UsageError as error:
        print(f"main.py: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"main.py: error: {error}; mend that, then {_resume_hint(options)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"main.py: interrupted; {_resume_hint(options)}", file=sys.stderr)
        return 130


def _resume_hint(options):
    return f"go on with: python main.py --resume --run-dir {options.run_dir}" if options.run_dir else "start again"


if __name__ == "__main__":
    sys.exit(main())

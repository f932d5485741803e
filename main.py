"""Homogeneous Learning: one model travels, and an RL agent picks the next node.

Sun & Ochiai, "Homogeneous Learning: Self-Attention Decentralized Deep Learning", IEEE Access 10 (2022).
`python main.py` runs 120 episodes with the authors' settings, except for the split (deviation D7).
`python main.py --help` shows what can be changed.
"""

import argparse
import dataclasses
import sys
import time
from typing import TYPE_CHECKING

from config import Config
from policies.rules import Policy, choose, read_loss
from runs.command_line import command
from runs.folder import CHECKPOINT, locked, new_folder, resume_hint
from runs.logs import RunLog
from runs.options import check_options, parse
from runs.records import RoundRecord, episode_record, round_record
from settings.errors import UsageError
from settings.random_streams import generator

if TYPE_CHECKING:
    from environment import HomogeneousLearningEnv
    from nodes.local import LocalNodes
    from nodes.ray_actors import RayNodes
    from runs.screen import Screen


def homogeneous_learning(
    config: Config, environment: "HomogeneousLearningEnv", policy: Policy, log: RunLog, screen: "Screen"
):
    """Runs the paper's algorithm: in every episode one model travels, then the agent learns from it.

    Goes on after the episodes that are logged already. Raises UsageError where training gives weights that are not
    finite.
    """
    for episode in range(log.episodes_done + 1, config.episodes + 1):
        started = time.perf_counter()
        rounds, ended = run_episode(episode, config, environment, policy, log, screen)
        epsilon = policy.epsilon  # that of the episode; learning lowers it
        loss = read_loss(policy.learn(generator(config.seed, "replay", episode), episode), config)
        record = episode_record(
            rounds,
            reached_goal=ended == "goal",
            epsilon=epsilon,
            loss=loss,
            seconds=time.perf_counter() - started,
            ended=ended,
        )
        log.episode(record)
        if ended == "not finite":
            raise UsageError(
                f"seed {config.seed}, episode {episode}, round {record.rounds}: training at node {environment.holder} "
                "gave weights that are not finite; start again with a lower --learning-rate"
            )
        log.saved_model.episode(record, environment)  # before the checkpoint, since an episode can be repeated
        log.checkpoint(episode, policy)
        screen.episode(record)
        if config.figure_every > 0 and episode % config.figure_every == 0 and episode < config.episodes:
            draw_figures(environment.nodes, log, screen)


def run_episode(
    episode: int, config: Config, environment: "HomogeneousLearningEnv", policy: Policy, log: RunLog, screen: "Screen"
) -> tuple[list[RoundRecord], str]:
    """Lets one fresh model travel until it reaches the goal, the rounds are used up, or its weights are not finite.

    Returns (its rounds, how it ended: "goal", "round limit" or "not finite"). Raises UsageError where a user's policy
    returns something else than it should.
    """
    observation, info = environment.reset(seed=config.seed, options={"episode": episode})
    rounds, done = [], False
    while not done:
        started = time.perf_counter()
        action, greedy, values = environment.starter_action, False, ()  # in round 1 the starter trains
        if rounds:
            rng = generator(config.seed, "exploration", episode, len(rounds) + 1)
            ranking, greedy, values = choose(policy, config, observation, info, rng)
            action = environment.reach(ranking)  # the first nodes of the ranking that answer
        next_observation, reward, terminated, truncated, info = environment.step(action)
        done = terminated or truncated
        if rounds:
            # Deviation D10, kept: as in the authors' code the round limit counts as a terminal state.
            policy.remember(observation, action, reward, next_observation, done, info)
        observation = next_observation
        record = round_record(
            info,
            **log.run_columns,
            seed=config.seed,
            episode=episode,
            reward=reward,
            epsilon=policy.epsilon,
            greedy=greedy,
            values=values,
            done=done,
            train_seconds=info["seconds"].train,
            evaluate_seconds=info["seconds"].evaluate,
            round_seconds=time.perf_counter() - started,
        )
        rounds.append(record)
        log.round(record, info["bytes_moved"])
        screen.round(record)
    return rounds, "goal" if terminated else "round limit" if info["finite"] else "not finite"


def draw_figures(nodes: "LocalNodes | RayNodes", log: RunLog, screen: "Screen"):
    """Draws what is logged so far, between two episodes."""
    from reporting.run_figures import try_to_draw

    log.node_models(nodes)
    screen.notice(try_to_draw(log.folder))
    log.figures()


def run(config: Config, options: argparse.Namespace) -> int:
    """Prepares one run, runs it and shows what came out; returns the exit code."""
    from runs.screen import Screen  # all that takes seconds to import waits for work to do
    from settings.quiet_import import import_tensorflow_quietly

    import_tensorflow_quietly()
    from baselines.references import make_environment
    from models import start_tensorflow
    from node import make_policy
    from nodes import make_nodes

    start_tensorflow(config.threads)
    nodes = make_nodes(config, options.engine, options.ray_address, options.ray_actors)
    if options.like:
        from runs.comparison import compare_with, refuse_incomparable  # pandas takes half a second

        refuse_incomparable(options.like, nodes)
    environment = make_environment(config, None, nodes)
    resumed = options.resume and (options.run_dir / CHECKPOINT).exists()  # and needs no other run's agent any more
    agent_config = dataclasses.replace(config, load_agent="") if resumed else config
    policy = make_policy(agent_config, environment.distances, nodes.label_counts())
    options.run_dir = options.run_dir or new_folder(config, nodes)
    with locked(options.run_dir):
        check_options(options.run_dir, options.resume, options.overwrite)  # another process may have finished meanwhile
        log = RunLog(config, nodes, options)
        options.begun = True
        if log.policy_state is not None:
            policy.restore(log.policy_state)
        with Screen(config, nodes, log) as screen:
            log.nodes(environment)
            homogeneous_learning(config, environment, policy, log, screen)
        log.finish(policy)
        if config.figure_every >= 0:
            draw_figures(nodes, log, screen)
        from runs.tables import read_table  # pandas takes half a second

        screen.summary(read_table(log.folder, "episodes.csv"), log.folder, log.saved_model.describe())
        if options.like:
            expected, found = compare_with(options.like, log.folder, nodes)
            screen.notice(found)
            return 0 if expected else 1
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns its exit code.

    It is 0, or 1 where the logs differ from those of `--like` on the same kind of machine, 2 where something has to be
    changed first, 130 when interrupted.
    """
    options = argparse.Namespace(begun=False, run_dir=None)

    def work() -> int:
        nonlocal options
        config, options = parse(sys.argv[1:] if arguments is None else arguments)
        return run(config, options)

    return command("main.py", work, lambda: resume_hint(options))


if __name__ == "__main__":
    sys.exit(main())

"""Plans the experiments of a sweep: one command line of main.py each."""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from config import Config
from data import is_stand_in
from learners import make_learner
from policies.rules import Policy, learns
from runs.description import read_description, settings_that_must_match
from runs.folder import holds_run, logged_episodes
from runs.options import parse
from runs.packed import is_packed
from runs.presets import CHANGES, concerns_agent_alone
from settings.errors import UsageError
from settings.names import PROJECT
from settings.quiet_import import import_tensorflow_quietly
from settings.user_classes import is_import_path, user_class

MAIN = PROJECT / "main.py"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Run:
    """One experiment of the sweep: a command line of main.py, its folder and its progress."""

    def __init__(self, name: str, arguments: list[str], out: Path):
        """Raises UsageError where main.py would refuse the command line, or the folder holds another experiment."""
        self.name, self.folder, self.log = name, out / name, out / "logs" / f"{name}.txt"
        self.arguments = [*arguments, "--run-dir", str(self.folder)]
        self.config, _ = parse(arguments)
        check_classes(self.config)
        self.look()

    def look(self):
        """Reads the progress of the run; raises UsageError where the folder holds another experiment."""
        self.resuming, self.finished, packed = holds_run(self.folder), False, is_packed(self.folder)
        self.log_begins = self.log.stat().st_size if self.log.exists() else 0  # where the next start writes on
        if self.resuming or packed:
            described = read_description(self.folder)
            if settings_that_must_match(described["config"]) != settings_that_must_match(self.config):
                raise UsageError(f"{self.folder} holds a run with other settings; choose another --out")
            if packed:
                self.finished = described["config"].episodes >= self.config.episodes
                if not self.finished:  # a new folder of its name would be read in its place
                    raise UsageError(f"{self.folder} is packed and cannot be continued; choose another --out")
            else:
                self.finished = described["end"] is not None and self.episodes() >= self.wanted()

    def episodes(self) -> int:
        """Returns the number of logged episodes."""
        return logged_episodes(self.folder)

    def wanted(self) -> int:
        """Returns the number of episodes of the finished run."""
        return self.config.episodes - self.config.first_episode + 1

    def state(self) -> str:
        """Returns "finished", "resume" or "new"."""
        return "finished" if self.finished else "resume" if self.resuming else "new"

    def command(self) -> list[str]:
        """Returns the command line that runs or resumes it."""
        return [sys.executable, str(MAIN), *self.arguments, *(["--resume"] if self.resuming else [])]

    def warning(self) -> str:
        """Returns a warning if a finished run used stand-in data, else an empty text."""
        data = read_description(self.folder)["dataset"]
        return f" [bold red](NOT MNIST but {data})[/bold red]" if is_stand_in(data) else ""

    def failure(self, code: int) -> str:
        """Returns a message on its failure: the exit code and the last line of its log since it was started."""
        log = self.log.read_bytes()[self.log_begins :] if self.log.exists() else b""
        lines = log.decode(errors="replace").splitlines()
        said = [line for line in lines if line.startswith(f"{MAIN.name}: ")] or lines or ["it said nothing"]
        return f"{self.name} ended with exit code {code}: {said[-1]} (all of it: {self.log})"


def check_classes(config: Config):
    """Raises UsageError where a run would refuse the user's policy or learner that `config` names."""
    if is_import_path(config.policy):
        user_class(config.policy, Policy, "rank")
    if is_import_path(config.learner):
        import_tensorflow_quietly()  # takes seconds, and the user's module imports it anyway
        make_learner(config.learner, config.learner_variant)


def runs(options: argparse.Namespace, shared: list[str]) -> list[Run]:
    """Returns the sweep's runs, seed after seed, so that finished seeds can be compared early."""
    for name, values in options.vary:
        if name == "preset" and (own := [value for value in values if "policy" in CHANGES.get(value, {})]):
            raise UsageError(f"--vary preset cannot name {own[0]}, which sets the policy; give --preset {own[0]}")
    grid = list(itertools.product(*([(name, value) for value in values] for name, values in options.vary)))
    episodes = {settings: parse([*_flags(settings), *shared])[0].episodes for settings in grid}
    policies = options.policies or dict.fromkeys([parse(shared)[0].policy, "random"])
    ways = itertools.product(options.seeds, grid, options.splits, policies)
    planned, named = {}, {}
    for seed, settings, split, policy in ways:
        new = run(policy, split, seed, settings, episodes, options, shared)
        if planned.setdefault(new.name, new).config != new.config:
            raise UsageError(f"two different runs would be called {new.name}; vary their settings in two sweeps")
        if (duplicate := named.setdefault(new.config, new.name)) != new.name:
            raise UsageError(f"{duplicate} and {new.name} are the same experiment; leave out one of the values")
    return list(planned.values())


def run(
    policy: str,
    split: str | None,
    seed: int,
    settings: Sequence[tuple[str, str]],
    episodes: dict[Sequence[tuple[str, str]], int],
    options: argparse.Namespace,
    shared: list[str],
) -> Run:
    """Returns one Run, named after its settings; without a `split`, the preset decides.

    Settings of the agent are left out for policies that do not learn. These run the last episodes of the longest
    learner with the same settings (`episodes`: their number by settings), which start from the same initial weights.
    """
    if not learns(policy):
        values = dict(options.vary)
        settings = [pair for pair in settings if not concerns_agent_alone(_field(pair[0]), values[pair[0]], policy)]
    arguments = ["--policy", policy, *(["--split", split] if split else []), "--seed", str(seed)]
    arguments += ["--threads", "1", "--figure-every", "-1"]
    arguments += [*_flags(settings), *shared]
    if not learns(policy):
        last = max(number for others, number in episodes.items() if set(settings) <= set(others))
        first = max(parse(arguments)[0].first_episode, last - options.control_episodes + 1)
        arguments += ["--episodes", str(last), "--first-episode", str(first)]
    config, _ = parse(arguments)
    name = "-".join([policy, config.split, *(f"{key}{value}" for key, value in settings), f"seed{seed}"])
    return Run(name.replace("/", "_").replace(":", "."), arguments, options.out)


def _field(name: str) -> str:
    return name.replace("-", "_")


def _flags(settings: Sequence[tuple[str, str]]) -> list[str]:
    return [text for name, value in settings for text in (f"--{name}", value)]

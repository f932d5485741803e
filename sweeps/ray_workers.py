"""Runs the experiments of a sweep as tasks of a Ray cluster whose machines share this folder."""

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nodes.ray_cluster import Pulse, connect
from settings.errors import first_line
from settings.names import PROJECT

if TYPE_CHECKING:
    from sweeps.experiments import Run


def run_experiment(arguments: list[str], log: str, folder: str) -> int:
    """Runs a command line of main.py in this worker's process, from `folder`, and returns its exit code.

    Its output goes to the file `log`. A task that Ray restarts after it lost the worker resumes the run.
    """
    os.chdir(folder)
    sys.path.insert(0, str(PROJECT))
    import main
    from runs.folder import holds_run

    run_dir = Path(arguments[arguments.index("--run-dir") + 1])
    with open(log, "a") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        try:
            return main.main([*arguments, *(["--resume"] if holds_run(run_dir) else [])])
        except SystemExit as error:
            return error.code


class RayWorkers:
    """Runs experiments as Ray tasks of one processor each."""

    jobs = sys.maxsize  # at once: the cluster knows its processors, those of machines that join later too

    def __init__(self, address: str | None = None):
        """Connects to the cluster at `address` (None: a new one on this machine)."""
        from sweeps.experiments import ONE_THREAD

        self._ray = connect(address)
        self._pulse = Pulse(self._ray)
        options = {"num_cpus": 1, "max_retries": 5, "max_calls": 1, "runtime_env": {"env_vars": ONE_THREAD}}
        self._experiment = self._ray.remote(**options)(run_experiment)
        self._tasks = {}  # run's name: its task

    def start(self, run: "Run"):
        """Submits a run to the cluster."""
        self._tasks[run.name] = self._experiment.remote(run.arguments, str(run.log), str(Path.cwd()))

    def ended(self, run: "Run") -> int | None:
        """Returns a run's exit code, None while it runs or waits; raises ConnectionError where the cluster is gone."""
        self._pulse.check()
        ready, _ = self._ray.wait([self._tasks[run.name]], timeout=0)
        if not ready:
            return None
        try:
            return self._ray.get(self._tasks[run.name])
        except self._ray.exceptions.RayError as error:
            with open(run.log, "a") as log:
                log.write(f"{type(error).__name__}: {first_line(error)}\n")
            return 1

    def stop(self, running: "list[Run]"):
        """Interrupts the runs and waits until they have finished their round.

        After a minute it kills those that are left; they resume from their last checkpoint.
        """
        tasks = [self._tasks[run.name] for run in running if run.name in self._tasks]
        if not tasks:
            return
        self._pulse.check()
        for task in reversed(tasks):  # first those that wait, so that none of them takes an interrupted one's place
            self._ray.cancel(task)
        _, left = self._ray.wait(tasks, num_returns=len(tasks), timeout=60)
        for task in left:
            self._ray.cancel(task, force=True)

"""Runs the experiments of a sweep in processes of this machine."""

import os
import signal
import subprocess

from runs.terminal import SWEEP
from settings.machine import processors
from sweeps.experiments import ONE_THREAD, Run


class LocalWorkers:
    """Runs experiments in processes of this machine."""

    def __init__(self):
        self.jobs = processors()  # at once
        self._processes = {}  # run's name: its process

    def start(self, run: Run):
        """Starts a run in a session of its own: Ctrl-C in this terminal reaches it only through `stop`."""
        with open(run.log, "a") as log:
            environment = os.environ | ONE_THREAD | {SWEEP: str(os.getpid())}
            self._processes[run.name] = subprocess.Popen(
                run.command(), stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def ended(self, run: Run) -> int | None:
        """Returns a run's exit code, None while it runs."""
        return self._processes[run.name].poll()

    def stop(self, running: list[Run]):
        """Interrupts the runs and waits until they have finished their round."""
        started = [self._processes[run.name] for run in running if run.name in self._processes]
        for process in started:
            process.send_signal(signal.SIGINT)
        for process in started:
            process.wait()

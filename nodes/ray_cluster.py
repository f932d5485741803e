"""Connects to a Ray cluster and detects its loss."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import ModuleType

from settings.errors import UsageError, first_line
from settings.machine import processors
from settings.names import PROJECT

INSTALL = "pip install -r requirements-ray.txt"
PATIENCE = 60  # seconds within which a cluster has to answer
QUIET = {"log_to_driver": False, "logging_level": logging.ERROR}
PROBE = f"import ray, sys; ray.init(sys.argv[1], **{QUIET})"


def connect(address: str | None) -> ModuleType:
    """Returns the ray module, connected to the cluster at `address` ("auto": the one that runs on this machine), or
    with None to a new one here, which has as many processors as this process may use.

    The variable RAY_ADDRESS counts in neither case. Raises UsageError where Ray is not installed, does not start, or
    the cluster is not found.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # of several actors that fail alike, one is told of
    os.environ.pop("RAY_ADDRESS", None)
    # Ray lets workers look for modules in the present folder first, where a user may have a config.py.
    with signals_kept(), contextlib.chdir(PROJECT):
        try:
            import ray
        except ImportError as error:
            raise UsageError(f"--engine ray needs Ray; install it with: {INSTALL}") from error
        if ray.is_initialized():
            there = ray.get_runtime_context().gcs_address
            if address not in (None, "auto", there):
                raise UsageError(f"this process is on the Ray cluster at {there}; give that as --ray-address")
        elif address in (None, "local"):
            start_here(ray)
        else:
            join(ray, address)
    return ray


def start_here(ray: ModuleType):
    """Starts a new Ray on this machine; raises UsageError where it does not start."""
    settings = {"include_dashboard": False, "_node_ip_address": "127.0.0.1", "num_cpus": processors()}
    try:
        ray.init(address="local", **QUIET, **settings)
    except Exception as error:  # of many kinds, as Ray's settings, files and processes are
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise UsageError(f"Ray does not start here ({reason}); fix this, or unset the variables RAY_...") from error


def join(ray: ModuleType, address: str):
    """Connects to a running cluster; raises UsageError where there is none that answers."""
    try:
        check_cluster(address)
        ray.init(address, **QUIET)
    except Exception as error:
        raise UsageError(
            f"no Ray cluster at {address} ({first_line(error)}); start one first, and set RAY_AUTH_MODE=token if it "
            "was started with a token"
        ) from error


def check_cluster(address: str):
    """Raises OSError unless another process can connect to the cluster at `address`: in this one Ray would wait for
    minutes, without reacting to Ctrl-C, and write its warnings past Python's stderr."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()
    try:
        done = subprocess.run([sys.executable, "-c", PROBE, address], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise ConnectionError(f"no answer within {PATIENCE} seconds") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ConnectionError(said[-1].partition(" Please ")[0])  # what Ray asks for are flags of its own


@contextlib.contextmanager
def signals_kept() -> Iterator[None]:
    """Keeps the handling of SIGTERM, for which Ray's import and start put an exit of their own, and lets the processes
    that Ray starts survive the end of the terminal (SIGHUP), so that runs can finish their round."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which processes inherit
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)


class Pulse:
    """Tells whether the cluster is still there; without its first process Ray ends this one after a minute, with no
    word on how to go on, and without this machine's part of it some calls never return."""

    EVERY = 5  # seconds between two looks

    def __init__(self, ray: ModuleType):
        context = ray.get_runtime_context()
        self._ray, self._address, self._here = ray, context.gcs_address, context.get_node_id()
        self._looked = time.monotonic()

    def check(self):
        """Raises ConnectionError where the cluster is gone; looks every few seconds only."""
        if time.monotonic() < self._looked + self.EVERY:
            return
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except OSError as error:
            raise ConnectionError(f"the Ray cluster at {self._address} is gone ({error})") from error
        if self._here not in {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}:
            raise ConnectionError(f"this machine is no part of the Ray cluster at {self._address} any more")
        self._looked = time.monotonic()

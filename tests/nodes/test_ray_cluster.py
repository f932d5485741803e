"""Which Ray cluster a process connects to, and what it says where there is none."""

import os
import signal
import socket
import sys
import time

import pytest

import sweep
from settings.errors import UsageError

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-ray.txt")

from nodes import ray_cluster  # noqa: E402
from nodes.ray_cluster import connect  # noqa: E402


@pytest.fixture
def alone(monkeypatch):
    """A process that is on no cluster yet; returns what `ray.init` is called with, which as Ray's takes SIGTERM."""
    calls = []

    def init(address, **settings):
        calls.append(settings | {"address": address, "hang-up": signal.getsignal(signal.SIGHUP)})
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    return calls


def test_a_new_ray_is_started_here_whatever_the_environment_says(alone, monkeypatch):
    """With the processors that this process may use, deaf to the end of the terminal; signals stay the process' own."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    may_use = os.sched_getaffinity(0)
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    os.sched_setaffinity(0, {min(may_use)})
    try:
        connect(None)
        assert sweep.LocalWorkers().jobs == 1
    finally:
        os.sched_setaffinity(0, may_use)
    assert (alone[0]["address"], alone[0]["num_cpus"]) == ("local", 1)
    assert alone[0]["hang-up"] is signal.SIG_IGN
    assert "RAY_ADDRESS" not in os.environ
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == handlers


def test_a_ray_that_does_not_start_is_told_in_one_line(alone, monkeypatch):
    def fail(*arguments, **settings):
        raise ModuleNotFoundError("No module named 'hook'\nin two lines")

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(
        UsageError, match=r"^Ray does not start here \(ModuleNotFoundError: No module named 'hook'\); .*$"
    ):
        connect(None)


@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_told_in_time(alone, monkeypatch):
    """Nobody there, somebody who says nothing, no address at all."""
    monkeypatch.setattr(ray_cluster, "PATIENCE", 3)
    started = time.perf_counter()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(UsageError, match=f"no Ray cluster at 127.0.0.1:{port} .*no answer within 3 seconds"):
            connect(f"127.0.0.1:{port}")
    with pytest.raises(UsageError, match=f"no Ray cluster at 127.0.0.1:{port} .*refused.*start one first"):
        connect(f"127.0.0.1:{port}")
    assert time.perf_counter() - started < 60  # Ray itself would wait for minutes
    monkeypatch.setattr(ray_cluster, "PATIENCE", 60)
    with pytest.raises(UsageError, match=r"no Ray cluster at nonsense .*Invalid address"):
        connect("nonsense")
    assert not alone


@pytest.mark.slow
def test_a_process_is_on_one_cluster_only(cluster):
    connect(cluster.address)
    assert connect("auto") is connect(None) is ray
    with pytest.raises(UsageError, match=f"this process is on the Ray cluster at {cluster.address}"):
        connect("127.0.0.1:1")


@pytest.mark.slow
def test_the_end_of_a_cluster_is_noticed(cluster, monkeypatch):
    connect(cluster.address)
    pulse, nodes = ray_cluster.Pulse(ray), ray.nodes()
    monkeypatch.setattr(pulse, "EVERY", 0)
    pulse.check()
    monkeypatch.setattr(ray, "nodes", lambda: [node | {"Alive": False} for node in nodes])
    with pytest.raises(ConnectionError, match="this machine is no part of the Ray cluster"):
        pulse.check()
    pulse._address = "127.0.0.1:1"
    with pytest.raises(ConnectionError, match=r"the Ray cluster at 127\.0\.0\.1:1 is gone"):
        pulse.check()

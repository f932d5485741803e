"""Keeps what happens to the terminal from ending or damaging a run: closed pipes, hang-ups, streams of ASCII only."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TextIO

SWEEP = "HOMOGENEOUS_LEARNING_SWEEP"  # environment variable: the process of the sweep that started this run


class Output:
    """A text stream on which writing never fails.

    Characters that its encoding lacks are replaced. Once it cannot be written to any more (a pipe or a terminal was
    closed, a disk is full), everything later is dropped.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes what can be written; returns the length of the text."""
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self.write(text.encode(encoding, "replace").decode(encoding))
        except (OSError, ValueError):
            self._drop()
        return len(text)

    def flush(self):
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._drop()

    def _drop(self):
        """Redirects the stream to os.devnull, so that flushing its buffer at the end of the process cannot fail."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def guarded_output() -> Iterator[None]:
    """Makes stdout and stderr Outputs; where one of the three standard streams is closed, opens it to os.devnull.

    The next file that is opened, such as a log, would get the number of a closed stream.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w") as nowhere:
        sys.stdout, sys.stderr = (Output(stream or nowhere) for stream in before)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = before


@contextlib.contextmanager
def stop_signals(handler: Callable[[int, FrameType | None], None] = signal.default_int_handler) -> Iterator[list[int]]:
    """Lets `handler` take Ctrl-C, SIGTERM and the SIGHUP of a terminal that is closed; by default KeyboardInterrupt.

    Yields the list of the signals that have come: libraries may turn a KeyboardInterrupt into an error of another kind.
    A SIGHUP that is ignored, as under nohup, stays ignored. Outside the main thread, which alone may change handlers,
    nothing changes.
    """
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    received = []

    def take(number: int, frame: FrameType | None):
        received.append(number)
        handler(number, frame)

    before = {number: signal.signal(number, take) for number in numbers}
    try:
        yield received
    finally:
        for number, former in before.items():
            signal.signal(number, former or signal.SIG_DFL)


def orphaned() -> bool:
    """Tells whether the sweep that started this process has ended without stopping it."""
    return os.environ.get(SWEEP, str(os.getppid())) != str(os.getppid())

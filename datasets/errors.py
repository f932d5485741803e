"""Turns the errors of damaged and unreadable files into one line."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from settings.errors import UsageError, first_line


@contextlib.contextmanager
def one_line(path: Path) -> Iterator[None]:
    """Turns every error of reading `path` into a UsageError."""
    try:
        yield
    except UsageError:
        raise
    except OSError as error:
        if error.strerror is None:  # not the system's: gzip's, Pillow's
            raise UsageError(f"{path} cannot be read: it is damaged ({error}); get a fresh copy") from error
        raise UsageError(f"{path} cannot be read ({error.strerror}); check the file and who may read it") from error
    except MemoryError as error:
        raise UsageError(f"{path} cannot be read: it asks for more memory than there is; get a fresh copy") from error
    except Exception as error:  # a damaged file raises a dozen different errors
        raise UsageError(f"{path} cannot be read: it is damaged ({first_line(error)}); get a fresh copy") from error

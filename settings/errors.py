"""Defines the error that a user can fix."""


class UsageError(Exception):
    """Something the user has to change; the message is one line that says what."""


def first_line(error: BaseException) -> str:
    """Returns the first line of what an error says, the name of its class where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

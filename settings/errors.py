"""Defines the error that a user can fix."""


class UsageError(Exception):
    """Something the user has to change; the message is one line that says what."""

"""The error that a user can mend."""


class UsageError(Exception):
    """Something the user has to change; the message is one line that says what."""

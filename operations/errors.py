"""The one exception that users see."""


class OperationError(Exception):
    """Says what is wrong, the value, what is allowed and what to do; the command line prints it and exits with 1."""

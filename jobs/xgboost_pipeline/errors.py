"""The one exception that users see, as one sentence."""


class PipelineError(Exception):
    """Says what is wrong, the value, what is allowed and what to do; the command line prints it and exits with 1."""

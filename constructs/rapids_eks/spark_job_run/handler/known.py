"""The runs of a resource, whoever started them: those of EMR, and those that a state machine is about to start."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

from . import runs, workflow
from .runs import Run
from .submission import Clients, Wanted


def of_content(clients: Clients, wanted: Wanted) -> list[Run]:
    """Return the runs of what is wanted, the newest first."""
    found = runs.named(clients.emr, wanted.cluster, wanted.name)
    return _sorted([*found, *workflow.named(clients.machine, wanted.workflow, wanted.name, found)])


def live(clients: Clients, wanted: Wanted) -> list[Run]:
    """Return the runs of the resource that are not over, whatever their content, the newest first."""
    found = runs.live(clients.emr, wanted.cluster, wanted.resource)
    waiting = [run for run in workflow.starting(clients.machine, wanted.workflow) if not _has_run(clients, wanted, run)]
    return _sorted([*found, *waiting])


def _has_run(clients: Clients, wanted: Wanted, waiting: Run) -> bool:
    """Return whether EMR has a run of an execution: it goes on for up to five minutes after its run has ended.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-eks.html
    """
    there = runs.named(clients.emr, wanted.cluster, waiting.name)
    return any(run.execution == waiting.execution for run in there)


def cancel(clients: Clients, wanted: Wanted, at_work: Sequence[Run]) -> None:
    """Have runs cancelled, by Step Functions and by EMR itself: the former is a best effort.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
    """
    workflow.stop(clients.machine, wanted.workflow, at_work)
    runs.cancel(clients.emr, wanted.cluster, at_work)


def _sorted(found: Iterable[Run]) -> list[Run]:
    return sorted(found, key=attrgetter("created"), reverse=True)

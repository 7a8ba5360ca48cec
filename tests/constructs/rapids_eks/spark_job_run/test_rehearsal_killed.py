"""Functions of a run that are killed at each of their calls of AWS, before and after: one run a request, none left."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

import pytest

from tests.constructs.rapids_eks.spark_job_run.site import Site
from tests.rehearsal.live.account import Outcome, Resources

EVERY = "EVERY_RESOURCE" in os.environ  # as `make faults` has it
WAYS = ("start", "wait", "state_machine") if EVERY else ("start",)
STARTS, CANCELS = ":StartJobRun", ":CancelJobRun"
Plant = Callable[..., None]
pytestmark = pytest.mark.usefixtures("no_stack_is_left")


@dataclass
class Mortal:
    """A stack with a run, whose functions are killed while it is made, changed and deleted."""

    site: Site
    plant: Plant
    wait: str
    contents: int = 0

    def __post_init__(self) -> None:
        self.assembly = self.site.wanted(wait=self.wait)
        self.outputs = self.assembly.template("Job")["Outputs"]

    def made(self, killed_at: str = "") -> Outcome:
        return self._ends(
            "CREATE", killed_at, lambda: self.site.account.create(self._next(), "Job", outputs=self.outputs)
        )

    def changed(self, stack: Outcome, killed_at: str = "") -> None:
        """Have another content run, and the run of the last one cancelled."""
        self._ends("UPDATE", killed_at, lambda: self.site.account.update(stack, self._next(), outputs=self.outputs))

    def gone(self, stack: Outcome, killed_at: str = "") -> None:
        self._ends("DELETE", killed_at, lambda: self.site.account.delete(stack))
        assert not self.site.live()

    def calls(self) -> list[str]:
        """Return what the functions of the stack have called since the last time, whatever they are named."""
        page = self.site.account.world.page
        named = [each.split("@") for each in page("calls")["calls"]]
        page("calls", method="DELETE")
        return [f"{name.rpartition('-')[0]}-*@{call}" for name, call in named if name.startswith("Job-")]

    def _next(self) -> Resources:
        """Return the resources with another content: another physical id is all that tells it."""
        self.contents += 1
        resources = self.assembly.resources("Job")
        (run,) = [each for each in resources.values() if each["Type"] == "Custom::SparkJobRun"]
        run["Properties"]["PhysicalId"] = f"spark-job-run/tiny/{self.wait}-{self.contents}"
        return resources

    def _deaths(self, what: str, killed_at: str) -> tuple[str, ...]:
        """Return how functions die: twice, unless an execution that was stopped first spares EMR the second call."""
        if self.wait == "state_machine" and killed_at.endswith(CANCELS):
            return ("kill-before",) if what == "UPDATE" else ("kill-after",)
        return ("kill-before", "kill-after") if killed_at else ()

    def _ends(self, what: str, killed_at: str, work: Callable[[], Outcome]) -> Outcome:
        """See that a request ends well though a function dies before a call and, tried again, after it."""
        before, kinds = len(self.site.runs()), self._deaths(what, killed_at)
        for kind in kinds:
            self.plant(kind, killed_at)
        stack = work()
        assert stack.status == f"{what}_COMPLETE", f"killed at {killed_at}: {stack.reasons}"
        left = [each["kind"] for each in self.site.account.world.page("faults")["planted"]]
        assert not set(left) & set(kinds), f"not killed at {killed_at}"
        states = [run["state"] for run in self.site.runs()]
        assert len(states) == before + (what != "DELETE"), f"killed at {killed_at}: {states}"
        assert len(self.site.live()) <= 1, f"killed at {killed_at}: {states}"
        return stack


@pytest.mark.timeout(7200 if EVERY else 1200)
@pytest.mark.parametrize("wait", WAYS)
def test_functions_killed_at_any_call_start_no_second_run_and_leave_none(ready: Site, plant: Plant, wait: str) -> None:
    if wait != "wait":
        plant("job-hang", "*", always=True)
    mortal = Mortal(ready, plant, wait)
    mortal.calls()
    stack = mortal.made()
    creation = mortal.calls()
    mortal.changed(stack)
    update = mortal.calls()
    assert {each.partition("@")[0] for each in creation} == {each.partition("@")[0] for each in update}
    for call in update:
        mortal.changed(stack, call)
    mortal.calls()
    mortal.gone(stack)
    deletion = mortal.calls()
    if not EVERY:  # of creation and deletion only what differs most
        creation = [call for call in creation if call.endswith(STARTS)]
        deletion = [call for call in deletion if call.endswith(CANCELS)]
        assert (len(creation), len(deletion)) == (1, 1)
    for at_first, at_last in zip_longest(creation, deletion, fillvalue=""):
        mortal.gone(mortal.made(at_first), at_last)

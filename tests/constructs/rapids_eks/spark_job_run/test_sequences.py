"""Every sequence of four requests, with a look repeated or lost at each point: how often StartJobRun is called."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

import pytest

from rapids_eks.spark_job_run.handler.runs import run_name
from tests.constructs.rapids_eks.spark_job_run.emr import ENDED
from tests.constructs.rapids_eks.spark_job_run.world import WORKFLOW, Request, World, request

IDS = {"a": "spark-job-run/loans/a", "b": "spark-job-run/loans/b", "?": "stack-Run-1ABC"}
EVENTS = ("Create a", "Update a", "Update b", "Delete a", "Delete b", "Delete ?")
SEQUENCES = [
    ("Create a", *more)
    for length in range(4)
    for more in product(EVENTS, repeat=length)
    if "Delete b" not in more or "Update b" in more[: more.index("Delete b")]  # nobody deletes what never was
]
MODES = {"wait": {}, "start": {"Wait": "start"}, "report": {"OnFailure": "report"}, "state_machine": WORKFLOW}
# What becomes of a run once it is RUNNING; one that goes on for ever is never waited for.
ENDS = {
    "wait": ("COMPLETED", "FAILED"),
    "start": ("COMPLETED", "FAILED", "RUNNING"),
    "report": ("COMPLETED", "FAILED"),
    "state_machine": ("COMPLETED", "FAILED", "RUNNING"),
}
UNWATCHED = ("start", "state_machine")  # modes
NEXT = {"PENDING": "SUBMITTED", "SUBMITTED": "RUNNING", "CANCEL_PENDING": "CANCELLED"}
MOST = 30  # looks that any request may take


@dataclass
class Account:
    """The account of one sequence: its runs all end the same way; the answer of look number `lost` does not arrive."""

    mode: str
    end: str
    lost: int = 0
    patient: bool = False
    world: World = field(default_factory=World)
    looks: int = 0
    requests: int = 0
    deaths: int = 0  # of functions, each of which may have lost an answer

    def __post_init__(self) -> None:
        self.world.emr.late = self.world.machine.hasty = True

    def carry_out(self, event: str) -> None:
        """Send a request and look until it is done."""
        kind, _, target = event.partition(" ")
        self.requests += 1
        wanted = request(kind, IDS[target], f"r{self.requests}", **MODES[self.mode])
        for _ in range(MOST):
            self.looks += 1
            after = self.world.next(wanted)
            self.check()
            if self.looks == self.lost:  # the function has done its work, and ended before it could answer
                if self.patient:  # the next attempt comes later, or at once
                    self.pass_time()
                continue
            if after.found["done"]:
                return
            wanted = after
            self.pass_time()
        raise AssertionError(f"{event} never ends: {wanted.found}")

    def pass_time(self) -> None:
        """Let every run come one state further."""
        self.world.emr.unlisted.clear()
        self.world.machine.end()
        for each in self.world.emr.live():
            state = NEXT.get(each["state"], self.end)
            self.world.emr.becomes(each, state)
            if state == "COMPLETED":
                self.world.s3.objects[f"output/{each['name']}/report/metrics.json"] = b"{}"
        self.world.machine.begin()

    def check(self) -> None:
        names = [each["name"] for each in self.world.emr.live()]
        names += [json.loads(each["input"])["Name"] for each in self.world.machine.waiting()]
        assert len(set(names)) == len(names), "two runs of one content at a time"
        requests = [each["tags"]["spark-job-run:request"] for each in self.world.emr.records]
        assert len(set(requests)) == len(requests), "two runs for one request"
        # asked again for the same run only where the first answer was lost
        assert self.world.emr.calls.count("start") <= len(requests) + (0 < self.lost <= self.looks) + self.deaths


def expected(sequence: tuple[str, ...], mode: str, end: str) -> int:
    """Return how many runs a sequence is worth."""
    state: dict[str, str] = {}  # of each content's last run
    order: list[str] = []  # of contents, by their last start
    started = 0
    for event in sequence:
        kind, _, target = event.partition(" ")
        if kind == "Delete":
            state |= {each: "CANCELLED" for each in state if target in (each, "?") and state[each] == "RUNNING"}
            continue
        good = ("COMPLETED", "RUNNING") + (("FAILED",) if kind == "Update" and mode != "wait" else ())
        if state.get(target) in good:
            later = order[order.index(target) + 1 :]
            state |= {each: "CANCELLED" for each in later if kind == "Update" and state[each] == "RUNNING"}
            continue
        started += 1
        state[target] = end
        order = [*(each for each in order if each != target), target]
    return started


def cases() -> Iterator[tuple[str, str]]:
    yield from ((mode, end) for mode, ends in ENDS.items() for end in ends)


@pytest.mark.parametrize(("mode", "end"), cases())
def test_each_content_is_run_as_often_as_is_due_whichever_look_is_lost(mode: str, end: str) -> None:
    for sequence in SEQUENCES:
        wanted, lost = expected(sequence, mode, end), 0
        looks = counted(sequence, Account(mode, end, lost), wanted)
        for lost in range(1, looks + 1):
            counted(sequence, Account(mode, end, lost, patient=len(sequence) % 2 == 0), wanted)


def counted(sequence: tuple[str, ...], account: Account, wanted: int) -> int:
    """Carry out a sequence, and delete what it has made; return how many looks it took without the deletions."""
    for event in sequence:
        account.carry_out(event)
        for _ in range(3 if account.mode in UNWATCHED else 0):
            account.pass_time()
    assert len(account.world.emr.records) == wanted, (sequence, account.lost)
    looks = account.looks
    for content in ("a", "b"):
        account.carry_out(f"Delete {content}")
    account.world.machine.begin()
    assert not account.world.emr.live(), (sequence, account.lost)
    return looks


# What CloudFormation gives up, and sends next: another resource of the stack failed, or somebody cancelled the update.
GIVEN_UP: list[tuple[tuple[str, ...], str, str]] = [
    ((), "Create a", "Delete ?"),
    ((), "Create a", "Delete a"),
    (("Create a",), "Update b", "Update a"),
    (("Create a", "Update b", "Delete a"), "Update a", "Update b"),
]


@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize(("mode", "end"), cases())
@pytest.mark.parametrize(("before", "given_up", "after"), GIVEN_UP)
def test_what_cloudformation_gives_up_leaves_no_run_behind(
    before: tuple[str, ...], given_up: str, after: str, mode: str, end: str, delay: int
) -> None:
    """Guards against a creation that is cancelled, whose function goes on beside the deletion's."""
    for looks in range(8 if mode == "state_machine" or not delay else 0):
        account = Account(mode, end)
        for event in before:
            account.carry_out(event)
        account.world.machine.delay = delay
        overlap(account, given_up, after, looks)
        for _ in range(delay + 1):
            account.world.machine.begin()
        kept = {name(after.partition(" ")[2])} if after.startswith("Update") else set()
        assert {each["name"] for each in account.world.emr.live()} <= kept, looks


def name(content: str) -> str:
    return run_name("loans", IDS[content])


def overlap(account: Account, given_up: str, after: str, looks: int) -> None:
    """Look so often for one request, then for two in turn, until both are done; if never, the second began first."""
    machine, asked = account.world.machine, []
    for number, event in (("x1", given_up), ("x2", after)):
        kind, _, target = event.partition(" ")
        asked.append(request(kind, IDS[target], number, **MODES[account.mode]))
    asked[1] = replace(asked[1], same=after.startswith("Update"))
    machine.running = {asked[0].execution: 2}
    for turn in range(MOST):
        machine.running |= {asked[1].execution: 3 if looks else 1} if turn == looks else {}
        asked = [in_turn(account, each) for each in reversed(asked)][::-1]
        account.pass_time()
        if turn >= looks and not machine.running:
            return
    raise AssertionError("they never end")


def in_turn(account: Account, asked: Request) -> Request:
    """Look for a request if it is under way; take it off the list when it is done."""
    if asked.execution not in account.world.machine.running:
        return asked
    after = account.world.next(asked)
    account.check()
    if after.found["done"]:
        del account.world.machine.running[asked.execution]
    return after


def test_the_sequences_are_all() -> None:
    assert len(SEQUENCES) == 172
    assert "RUNNING" not in ENDED

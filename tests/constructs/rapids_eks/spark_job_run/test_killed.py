"""The function is killed at each of its calls of AWS, before AWS has the call and after: what is left of it."""

import pytest

from tests.constructs.rapids_eks.spark_job_run.mortal import Death, MortalWorld
from tests.constructs.rapids_eks.spark_job_run.test_sequences import Account, cases, counted, expected

# Each kind of request, to each kind of state; all end with the deletion of both contents.
SEQUENCES = [
    ("Create a",),
    ("Create a", "Delete ?"),
    ("Create a", "Update b", "Delete a"),
    ("Create a", "Update b", "Update a"),
    ("Create a", "Create a", "Update a"),
]


def lived(sequence: tuple[str, ...], mode: str, end: str, death: Death, *, patient: bool) -> None:
    """Carry out a sequence in a world where the function dies, and see that nothing is started twice or left."""
    world = MortalWorld(death=death)
    account = Account(mode, end, deaths=1, world=world)
    world.afterwards = account.pass_time if patient else account.check
    counted(sequence, account, expected(sequence, mode, end))


@pytest.mark.parametrize(("mode", "end"), cases())
@pytest.mark.parametrize("sequence", SEQUENCES, ids=" ".join)
def test_a_function_that_dies_at_any_call_starts_no_second_run_and_leaves_none(
    sequence: tuple[str, ...], mode: str, end: str
) -> None:
    quiet = Death()
    lived(sequence, mode, end, quiet, patient=False)
    for at in range(1, len(quiet.calls) + 1):
        lived(sequence, mode, end, Death(at), patient=False)
        for patient in (False, True):
            lived(sequence, mode, end, Death(at, answered=True), patient=patient)


def test_all_calls_that_change_something_are_among_those_at_which_it_dies() -> None:
    calls = set()
    for mode, end in cases():
        for sequence in SEQUENCES:
            death = Death()
            lived(sequence, mode, end, death, patient=False)
            calls |= set(death.calls)
    changing = {"start_job_run", "cancel_job_run", "start_execution", "stop_execution", "copy_object", "put_object"}
    assert changing <= calls, calls

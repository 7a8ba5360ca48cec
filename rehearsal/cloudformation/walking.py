"""Work on many resources at once, each as soon as what it needs is done."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from rehearsal.cloudformation.events import Operation, StepFailed, emit
from rehearsal.cloudformation.templates import Sorter

AT_ONCE: Final = 32  # resources of one stack handled at the same time


def walk(
    op: Operation, sorter: Sorter, work: Callable[[str], None], until: float | None = None, *, stop_early: bool = False
) -> list[str]:
    """Do `work` on every name once what it waits for is done; return the names that failed."""
    failures: list[str] = []
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix=op.stack.name) as pool:
        while True:
            if stop_early and (failures or _ended(op, until)) and not op.stop.is_set():
                _cancel(op, running.values())
            if not op.stop.is_set():
                running |= {pool.submit(work, name): name for name in sorter.get_ready()}
            if not running:
                return failures
            ended = [(running.pop(future), future) for future in wait(running, 0.2, FIRST_COMPLETED).done]
            sorter.done(*[name for name, future in ended if _succeeded(future)])
            failures += [name for name, future in ended if not _succeeded(future)]


def _ended(op: Operation, until: float | None) -> bool:
    return op.stack.cancel.is_set() or (until is not None and op.engine.world.clock.patience() > until)


def _succeeded(future: "Future[None]") -> bool:
    error = future.exception()
    if error is not None and not isinstance(error, StepFailed):
        raise error
    return error is None


def _cancel(op: Operation, names: Iterable[str]) -> None:
    """Stop after a failure: nothing new starts, and what is under way is reported as cancelled."""
    with op.lock:
        for name in names:
            resource = op.stack.resources.get(name)
            if resource and resource.status.endswith("_IN_PROGRESS"):
                op.cancelled.add(name)
                verb = resource.status.split("_")[0]
                emit(
                    op, f"{verb}_FAILED", f"Resource {'creation' if verb == 'CREATE' else 'update'} cancelled", resource
                )
        op.stop.set()

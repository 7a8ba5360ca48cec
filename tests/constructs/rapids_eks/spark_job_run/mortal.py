"""A function that dies at one of its calls of AWS: before AWS has it, or before the answer is there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

from rapids_eks.spark_job_run.handler.submission import Clients
from tests.constructs.rapids_eks.spark_job_run.world import Request, World


class Killed(BaseException):
    """The process is gone: nothing that the function could catch."""


@dataclass
class Death:
    """Counts calls and ends the process at number `at`; 0 is never."""

    at: int = 0
    answered: bool = False  # AWS has done what the call is about
    calls: list[str] = field(default_factory=list)

    def call(self, name: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - an answer of AWS
        self.calls.append(name)
        dies = len(self.calls) == self.at
        if dies and not self.answered:
            raise Killed(name)
        answer = work()
        if dies:
            raise Killed(name)
        return answer


@dataclass(frozen=True)
class Client:
    """A client of AWS, each of whose calls may be the last."""

    real: Any
    death: Death

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto3's own
        found = getattr(self.real, name)
        if name == "exceptions":
            return found
        if name == "get_paginator":
            return lambda operation: Pages(found(operation), operation, self.death)
        return lambda **given: self.death.call(name, lambda: found(**given))


@dataclass(frozen=True)
class Pages:
    """Pages, each of which is a call."""

    real: Any
    operation: str
    death: Death

    def paginate(self, **given: Any) -> Iterator[Any]:  # noqa: ANN401 - boto3's own
        yield from self.death.call(self.operation, lambda: list(self.real.paginate(**given)))


def mortal(clients: Clients, death: Death) -> Clients:
    """Return clients of a process that dies."""
    names = [each.name for each in fields(Clients) if each.name != "region"]
    wrapped: dict[str, Any] = {name: Client(getattr(clients, name), death) for name in names}
    return replace(clients, **wrapped)


@dataclass
class MortalWorld(World):
    """AWS, looked at by a function that dies once; Step Functions then has it look again, with the same event."""

    death: Death = field(default_factory=Death)
    afterwards: Callable[[], None] = lambda: None

    @property
    def clients(self) -> Clients:
        return mortal(super().clients, self.death)

    def look(self, request: Request, clients: Clients | None = None) -> dict[str, Any]:
        try:
            return super().look(request, clients)
        except Killed:
            self.afterwards()
            return super().look(request, clients)

"""A function that dies at one of its calls of AWS: before AWS has it, or before the answer is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from rapids_eks.spark_job_run.handler.submission import Clients
from tests.constructs.rapids_eks.spark_job_run.clients import Client
from tests.constructs.rapids_eks.spark_job_run.world import Request, World


class Killed(BaseException):
    """The process is gone: nothing that the function could catch."""


@dataclass
class Death:
    """Counts calls and ends the process at number `at`; 0 is never."""

    at: int = 0
    answered: bool = False  # AWS has done what the call is about
    calls: list[str] = field(default_factory=list)

    def call(self, name: str, _: Mapping[str, Any], work: Callable[[], Any]) -> Any:  # noqa: ANN401 - an answer of AWS
        self.calls.append(name)
        dies = len(self.calls) == self.at
        if dies and not self.answered:
            raise Killed(name)
        answer = work()
        if dies:
            raise Killed(name)
        return answer


@dataclass
class MortalWorld(World):
    """AWS, looked at by a function that dies once; Step Functions then has it look again, with the same event."""

    death: Death = field(default_factory=Death)
    afterwards: Callable[[], None] = lambda: None

    @property
    def clients(self) -> Clients:
        there = super().clients
        names = [each.name for each in fields(Clients) if each.name != "region"]
        mortal: dict[str, Any] = {name: Client(getattr(there, name), self.death.call) for name in names}
        return replace(there, **mortal)

    def look(self, request: Request, clients: Clients | None = None) -> dict[str, Any]:
        try:
            return super().look(request, clients)
        except Killed:
            self.afterwards()
            return super().look(request, clients)

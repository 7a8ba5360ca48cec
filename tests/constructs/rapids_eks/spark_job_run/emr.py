"""EMR's runs in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

CLUSTER = "0abc"
ENDED = ("COMPLETED", "FAILED", "CANCELLED")


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


class MissingError(ClientError):  # type: ignore[misc] # botocore has no types
    """What EMR and Service Quotas raise for what they do not know."""


def missing(what: str) -> MissingError:
    return MissingError(
        {"Error": {"Code": "ResourceNotFoundException", "Message": f"{what} doesn't exist."}}, "Operation"
    )


@dataclass(frozen=True)
class Pages:
    """One page of a list, whatever is asked for."""

    page: Any

    def paginate(self, **given: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3's own
        yield self.page(**given)


@dataclass
class Emr:
    """Runs of one virtual cluster, the oldest first; `started` counts what StartJobRun was asked for anew."""

    now: datetime = datetime(2025, 1, 1, tzinfo=UTC)
    records: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    gone: bool = False  # the virtual cluster
    refuses: ClientError | None = None  # what StartJobRun answers
    late: bool = False  # what has just been started is not listed before time has passed
    unlisted: list[str] = field(default_factory=list)
    exceptions = SimpleNamespace(ResourceNotFoundException=MissingError)

    def start_job_run(self, **given: Any) -> dict[str, str]:  # noqa: ANN401
        self.calls.append("start")
        if self.refuses:
            raise self.refuses
        for known in self.records:
            if known["clientToken"] == given["clientToken"]:
                assert {name: known[name] for name in given} == given, "one token, two requests"
                return {"id": known["id"]}
        made = {**given, "id": str(len(self.records)), "state": "PENDING", "createdAt": self.tick()}
        self.records.append(made)
        self.unlisted += [made["id"]] if self.late else []
        return {"id": made["id"]}

    def tick(self) -> datetime:
        """Return a moment that is later than all before."""
        self.now += timedelta(seconds=1)
        return self.now

    def describe_job_run(self, **given: str) -> dict[str, Any]:
        return {"jobRun": dict(self._known(given))}

    def cancel_job_run(self, **given: str) -> None:
        self.calls.append("cancel")
        found = self._known(given)
        if found["state"] in ENDED:
            raise refused("ValidationException", f"Job run {found['id']} is not in a cancellable state")
        found["state"] = "CANCEL_PENDING"

    def get_paginator(self, name: str) -> Pages:
        assert name == "list_job_runs"
        return Pages(self._listed)

    def _listed(self, **given: Any) -> dict[str, Any]:  # noqa: ANN401
        if self.gone:
            raise refused("ValidationException", f"Virtual cluster {CLUSTER} doesn't exist.")
        assert given["virtualClusterId"] == CLUSTER
        chosen = [
            {name: value for name, value in each.items() if name != "tags"}  # a list need not tell them
            for each in reversed(self.records)
            if each["id"] not in self.unlisted
            and each["state"] in given.get("states", (each["state"],))
            and each["name"] == given.get("name", each["name"])
        ]
        return {"jobRuns": chosen}

    def _known(self, given: dict[str, str]) -> dict[str, Any]:
        found = next((each for each in self.records if each["id"] == given["id"]), None)
        if found is None or self.gone:
            raise missing(f"Job run {given['id']}")
        return found

    def becomes(self, record: dict[str, Any], state: str, details: str = "") -> None:
        """Let a run be in a state."""
        record["state"] = state
        if state in ENDED:
            record |= {"finishedAt": record["createdAt"] + timedelta(minutes=12)}
        if state == "FAILED":
            record |= {"failureReason": "USER_ERROR", "stateDetails": details or "Jobrun failed."}

    def live(self) -> list[dict[str, Any]]:
        return [each for each in self.records if each["state"] not in ENDED]

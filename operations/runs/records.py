"""Virtual clusters and job runs, as EMR on EKS tells them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import config
from operations.account import Clients
from operations.errors import OperationError

COMPLETED, ENDED = "COMPLETED", ("COMPLETED", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class Runs:
    """The runs of one team's virtual cluster; `team` is its name."""

    team: str
    virtual_cluster: str
    client: Clients

    def newest(self, states: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
        """Yield the runs that are in one of the states, or all, from the newest on."""
        chosen = {"states": list(states)} if states else {}
        pages = self.client("emr-containers").get_paginator("list_job_runs")
        found = pages.paginate(virtualClusterId=self.virtual_cluster, **chosen)
        runs = [run for page in found for run in page["jobRuns"]]
        yield from sorted(runs, key=lambda run: run["createdAt"], reverse=True)

    def chosen(self, wanted: str | None, states: Sequence[str] = ()) -> Mapping[str, Any]:
        """Return the run of an id, or the newest; raise OperationError where there is none."""
        if wanted is None:
            newest = next(self.newest(states), None)
            if newest is None:
                kind = f"{' or '.join(states)} run" if states else "run"
                raise OperationError(f"{self.team} has no {kind} yet: `python -m operations start` starts one")
            wanted = str(newest["id"])
        return self.run(wanted)

    def run(self, run_id: str) -> Mapping[str, Any]:
        """Return all of one run; raise OperationError where there is none such."""
        emr = self.client("emr-containers")
        try:
            answer = emr.describe_job_run(id=run_id, virtualClusterId=self.virtual_cluster)
        except (emr.exceptions.ResourceNotFoundException, emr.exceptions.ValidationException):
            raise OperationError(
                f'{self.team} has no run "{run_id}": `python -m operations list --team {self.team}` shows them'
            ) from None
        found: Mapping[str, Any] = answer["jobRun"]
        return found


def runs_of(client: Clients, blueprint: config.Blueprint, team: str | None) -> Runs:
    """Return the runs of a team: of the pipeline's unless one is named, or of the only one; raise OperationError."""
    names = [each.name for each in blueprint.teams]
    usual = blueprint.pipeline_team
    if not team and not usual and len(names) > 1:
        raise OperationError(f"which team? There are {', '.join(names)}: add --team NAME")
    name = team or (usual.name if usual else names[0])
    if name not in names:
        raise OperationError(f'"{name}" is no team of the blueprint: use one of {", ".join(names)}')
    for runs in teams_of(client, blueprint.name):
        if runs.team == name:
            return runs
    raise OperationError(f"{name} has no virtual cluster on {blueprint.name}: deploy first (`make deploy`)")


def teams_of(client: Clients, cluster: str) -> list[Runs]:
    """Return the runs of each team that has a virtual cluster on an EKS cluster, whatever the blueprint says now."""
    pages = client("emr-containers").get_paginator("list_virtual_clusters")
    found = pages.paginate(containerProviderId=cluster, containerProviderType="EKS", states=["RUNNING"])
    there = [each for page in found for each in page["virtualClusters"]]
    return [Runs(each["containerProvider"]["info"]["eksInfo"]["namespace"], str(each["id"]), client) for each in there]


def seconds(run: Mapping[str, Any], now: datetime | None = None) -> float:
    """Return how long a run has lasted, or lasts so far."""
    end = run.get("finishedAt") or now or datetime.now(UTC)
    return float((end - run["createdAt"]).total_seconds())


def argument(run: Mapping[str, Any], name: str) -> str | None:
    """Return what a run was given for an option of its command line, like `--output`."""
    given = run["jobDriver"].get("sparkSubmitJobDriver", {}).get("entryPointArguments", [])
    return next((value for option, value in pairwise(given) if option == name), None)


def reason(run: Mapping[str, Any]) -> str:
    """Return what EMR says of how a run ended."""
    return ": ".join(filter(None, (run.get("failureReason"), run.get("stateDetails"))))

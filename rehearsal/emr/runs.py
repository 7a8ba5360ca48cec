"""EMR on EKS: job runs, from StartJobRun to their end."""

import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import urllib3

from rehearsal.access.guard import Guard
from rehearsal.emr import admission, validation
from rehearsal.emr import job as jobs
from rehearsal.emr.job import Job
from rehearsal.emr.lifecycle import Halted, Lifecycle
from rehearsal.emr.namespace import Api, Namespace
from rehearsal.emr.pod_log import Keys
from rehearsal.emr.service_accounts import DIGITS
from rehearsal.emr.sizes import BadSetting
from rehearsal.emr.validation import Failed
from rehearsal.functions.credentials import session_keys
from rehearsal.services.eks.records import Cluster
from rehearsal.services.emr_containers import VirtualClusters
from rehearsal.wire.call import Call, Handler, Refused
from rehearsal.world import World

log = logging.getLogger(__name__)
Record = dict[str, Any]
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
PAGE = 100  # runs in one answer of ListJobRuns
ACCESS = 300.0  # seconds that an access entry may take to be in force
JOIN = 10.0  # wall seconds that a run gets to end with the rehearsal
EMR_ROLE = "role/aws-service-role/emr-containers.amazonaws.com/AWSServiceRoleForAmazonEMRContainers"


@dataclass
class Run:
    """One run: its record as DescribeJobRun answers it, and the call that started it."""

    record: Record
    call: Call
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.record["state"] in ENDED

    def enter(self, state: str, attempt: int) -> None:
        """Note a new state, and where the run has a retry policy, which attempt that is."""
        if not self.cancelled.is_set():
            self.record["state"] = state
        if attempt and "retryPolicyConfiguration" in self.record:
            self.record["retryPolicyExecution"] = {"currentAttemptCount": attempt}

    def end(self, state: str, at: datetime, **more: str) -> None:
        """Note how and when it ended."""
        self.record |= {"state": state, "finishedAt": at, **more}


@dataclass
class JobRuns:
    """All runs of the account; `api_of` gives the Kubernetes API of a running cluster."""

    world: World
    guard: Guard
    clusters: VirtualClusters
    api_of: Callable[[Cluster], Api]
    runs: dict[str, Run] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def operations(self) -> dict[str, Handler]:
        """Return the handlers of job runs, and those of tags, which virtual clusters have too."""
        tagging = {
            name: self._tagging(other) for name, other in self.clusters.operations().items() if "tag" in name.lower()
        }
        return {
            **tagging,
            "StartJobRun": self.start,
            "DescribeJobRun": lambda call: {"jobRun": self._named(call).record},
            "ListJobRuns": self.matching,
            "CancelJobRun": self.cancel,
        }

    def listed(self) -> dict[str, Callable[[], list[str]]]:
        """Return the runs that have not ended; the others are records of the past."""
        return {"emr-containers JobRun": lambda: [key for key, run in list(self.runs.items()) if not run.ended]}

    def active(self, virtual_cluster_id: str) -> list[str]:
        """Return the runs of a virtual cluster that have not ended."""
        mine = [run for run in list(self.runs.values()) if run.record["virtualClusterId"] == virtual_cluster_id]
        return [run.record["id"] for run in mine if not run.ended]

    def start(self, call: Call) -> Record:
        """Accept a run; the same token with the same request means the run that it started before."""
        given = call.parameters
        with self._lock:
            if known := self._of_token(given):
                return _brief(known.record)
            virtual = self.clusters.named(given["virtualClusterId"])
            admission.check(given, virtual, self.world.account)
            run = self._add(call)
        cluster = virtual["containerProvider"]["id"]
        namespace = virtual["containerProvider"].get("info", {}).get("eksInfo", {}).get("namespace", "default")
        thread = threading.Thread(
            target=self._carry_out, args=(run, (cluster, namespace)), name=f"emr {run.record['id']}", daemon=True
        )
        self.world.closing.append(partial(thread.join, JOIN))
        thread.start()
        return _brief(run.record)

    def cancel(self, call: Call) -> Record:
        """Ask for the end of a run that has not ended."""
        run = self._named(call)
        if run.ended:
            raise admission.invalid(f"Job run {run.record['id']} is not in a cancellable state")
        run.record["state"] = "CANCEL_PENDING"
        run.cancelled.set()
        return {"id": run.record["id"], "virtualClusterId": run.record["virtualClusterId"]}

    def matching(self, call: Call) -> Record:
        """Return the runs of a virtual cluster, the newest first, a page at a time."""
        given = call.parameters
        wanted = [run.record for run in reversed(list(self.runs.values())) if _matches(run.record, given)]
        first, count = int(given.get("nextToken", "0")), min(given.get("maxResults", PAGE), PAGE)
        more = {"nextToken": str(first + count)} if len(wanted) > first + count else {}
        return {"jobRuns": wanted[first : first + count], **more}

    def _tagging(self, other: Handler) -> Handler:
        """Return the handler of a tag operation, which `other` is where the ARN is not a run's."""

        def handle(call: Call) -> Record:
            given = call.parameters
            run = self.runs.get(given["resourceArn"].partition("/jobruns/")[2])
            if run is None:
                return other(call)
            tags = {**run.record["tags"], **given.get("tags", {})}
            run.record["tags"] = {key: value for key, value in tags.items() if key not in given.get("tagKeys", ())}
            return {"tags": run.record["tags"]} if call.operation == "ListTagsForResource" else {}

        return handle

    def _of_token(self, given: Record) -> Run | None:
        found = [run for run in list(self.runs.values()) if run.record["clientToken"] == given["clientToken"]]
        if found and found[0].call.parameters != given:
            message = f"The client token {given['clientToken']} was used before, with other parameters"
            raise admission.invalid(f"{message}: give each request a token of its own")
        return found[0] if found else None

    def _add(self, call: Call) -> Run:
        made_id = "0000000" + "".join(secrets.choice(DIGITS) for _ in range(12))
        virtual_id = call.parameters["virtualClusterId"]
        arn = f"arn:aws:emr-containers:{call.region}:{call.account}:/virtualclusters/{virtual_id}/jobruns/{made_id}"
        record = {
            "tags": {},
            **call.parameters,
            "id": made_id,
            "arn": arn,
            "state": "PENDING",
            "createdAt": self.world.clock.now(),
            "createdBy": call.principal.arn,
        }
        self.runs[made_id] = Run(record, call)
        return self.runs[made_id]

    def _carry_out(self, run: Run, place: tuple[str, str]) -> None:
        """Take a run to its end, whatever that is."""
        now = self.world.clock.now
        try:
            self._follow(run, place)
            run.end("COMPLETED", now())
        except Failed as failed:
            run.end("FAILED", now(), stateDetails=failed.details, failureReason=failed.reason)
        except Halted:
            run.end("CANCELLED", now())
        except urllib3.exceptions.HTTPError:
            details = f"Trouble monitoring your JobRun. Cluster {place[0]} is currently not reachable."
            run.end("FAILED", now(), stateDetails=details, failureReason="CLUSTER_UNAVAILABLE")
        except Exception as error:  # a defect of the rehearsal must not look like a run that goes on
            if not self.world.stopped.is_set():
                log.exception("job run %s", run.record["id"])
            details = f"the rehearsal broke: {type(error).__name__}: {error}"[: validation.LONGEST]
            run.end("FAILED", now(), stateDetails=details, failureReason="INTERNAL_ERROR")

    def _follow(self, run: Run, place: tuple[str, str]) -> None:
        given = run.call.parameters
        cluster = self.clusters.eks.clusters.get(place[0])
        if cluster is None or cluster.plane is None or cluster.record["status"] == "DELETING":
            raise Failed("CLUSTER_UNAVAILABLE", f"Cluster {place[0]} does not exist.")
        validation.check_request(given)
        try:
            job = jobs.read(run.record["id"], given, place, run.call.account)
        except BadSetting as bad:
            raise Failed("USER_ERROR", f"JobRun submission failed. {bad}") from bad
        space = Namespace(self.api_of(cluster), job)
        emr_role = f"arn:aws:iam::{self.world.account}:{EMR_ROLE}"
        if not self.world.clock.wait(ACCESS, lambda: space.lets_in(emr_role)):
            raise Failed("CLUSTER_UNAVAILABLE", f"Cluster {place[0]} does not have sufficient permissions.")
        arn, associations = cluster.record["arn"], cluster.associations.values()
        validation.check_role(job, run.call, self.guard, arn, associations)
        validation.check_agent(cluster.addons)
        keys = session_keys(self.world, job.role_arn, f"eks-{job.cluster}-{job.run_id}"[:64])
        validation.check_access(self.world, job, run.call, self.guard, keys)
        self._live(run, job, space, keys)

    def _live(self, run: Run, job: Job, space: Namespace, keys: Keys) -> None:
        def halted() -> bool:
            return run.cancelled.is_set() or self.world.stopped.is_set()

        life = Lifecycle(self.world, job, space, keys, halted, run.enter)
        try:
            life.carry_out()
        except Exception:
            if not self.world.stopped.is_set():
                life.clear()
            raise

    def _named(self, call: Call) -> Run:
        wanted, virtual_id = call.parameters["id"], call.parameters["virtualClusterId"]
        run = self.runs.get(wanted)
        if run is None or run.record["virtualClusterId"] != virtual_id:
            raise Refused("ResourceNotFoundException", f"Job run {wanted} doesn't exist.", 404)
        return run


def _matches(record: Record, given: Mapping[str, Any]) -> bool:
    created = record["createdAt"]
    return bool(
        record["virtualClusterId"] == given["virtualClusterId"]
        and record.get("name") == given.get("name", record.get("name"))
        and record["state"] in (given.get("states") or [record["state"]])
        and created <= _in_utc(given.get("createdBefore", created))
        and created >= _in_utc(given.get("createdAfter", created))
    )


def _in_utc(given: datetime) -> datetime:
    return given if given.tzinfo else given.replace(tzinfo=UTC)  # as it comes from the wire


def _brief(record: Record) -> Record:
    return {key: record[key] for key in ("id", "name", "arn", "virtualClusterId") if key in record}

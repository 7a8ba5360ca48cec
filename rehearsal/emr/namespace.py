"""One run's objects in the team's namespace."""

from dataclasses import dataclass
from typing import Any, Protocol

from rehearsal.emr import pods
from rehearsal.emr.job import Job
from rehearsal.kubernetes.api import CONFLICT, ApiError
from rehearsal.kubernetes.pod_status import EXIT_CODE
from rehearsal.kubernetes.tokens import group_of

Item = dict[str, Any]
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Api(Protocol):
    """The Kubernetes API of the cluster, in paths and dictionaries."""

    def get(self, path: str) -> Item | None:
        """Return an object, or None where there is none."""

    def items(self, path: str) -> list[Item]:
        """Return the objects of a list."""

    def create(self, path: str, body: Item) -> Item:
        """Add an object to a collection; raise ApiError where it is refused."""

    def patch(self, path: str, body: Item) -> Item | None:
        """Merge into an object; return None where it has gone."""

    def delete(self, path: str, **options: object) -> None:
        """Remove an object; one that is not there is no error."""


@dataclass(frozen=True)
class Namespace:
    """What EMR and Spark do for one run in the namespace of its virtual cluster."""

    api: Api
    job: Job

    @property
    def pods(self) -> str:
        """Path of the pods."""
        return self._path("pods")

    def exists(self) -> bool:
        """Return whether the namespace is there."""
        return self.api.get(f"/api/v1/namespaces/{self.job.namespace}") is not None

    def lets_in(self, emr_role: str) -> bool:
        """Return whether EMR's own role may make Jobs here, which its access entry decides."""
        attributes = {"namespace": self.job.namespace, "verb": "create", "group": "batch", "resource": "jobs"}
        spec = {"user": "emr-containers", "groups": [group_of(emr_role)], "resourceAttributes": attributes}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        return bool(self.api.create(REVIEWS, review)["status"]["allowed"])

    def submit(self) -> None:
        """Make the submitter's Job with what it needs; raise ApiError where the cluster refuses one of them."""
        for account in pods.accounts(self.job):
            try:
                self.api.create(self._path("serviceaccounts"), account)
            except ApiError as refused:
                if refused.status != CONFLICT:  # they are there since the role's first run
                    raise
        made = self.api.create(self._jobs, pods.submitter(self.job))
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": self.job.run_id, "uid": made["metadata"]["uid"]}
        for each in pods.config_maps(self.job):
            each["metadata"]["ownerReferences"] = [owner]
            self.api.create(self._path("configmaps"), each)

    def submitter(self) -> Item | None:
        """Return the submitter's pod, None while there is none."""
        found = self.api.items(f"{self.pods}?labelSelector=job-name%3D{self.job.run_id}")
        return found[0] if found else None

    def start(self, pod: Item) -> Item:
        """Add a pod; raise ApiError where the cluster refuses it."""
        return self.api.create(self.pods, pod)

    def phase(self, name: str) -> str:
        """Return a pod's phase, empty where it has gone or is going."""
        pod = self.api.get(f"{self.pods}/{name}")
        return "" if pod is None or "deletionTimestamp" in pod["metadata"] else str(pod["status"]["phase"])

    def running(self) -> set[str]:
        """Return the names of the run's pods that run."""
        found = self.api.items(f"{self.pods}{self._mine}")
        return {pod["metadata"]["name"] for pod in found if pod["status"]["phase"] == "Running"}

    def why_pending(self, name: str) -> str:
        """Return the scheduler's own words on a pod that waits, empty where it has none."""
        pod = self.api.get(f"{self.pods}/{name}") or {}
        conditions = pod.get("status", {}).get("conditions", [])
        return next((each.get("message", "") for each in conditions if each["type"] == "PodScheduled"), "")

    def end(self, name: str, code: int) -> None:
        """End the containers of a pod with a status."""
        self.api.patch(f"{self.pods}/{name}", {"metadata": {"annotations": {EXIT_CODE: str(code)}}})

    def remove(self, *names: str) -> None:
        """Remove pods."""
        for name in names:
            self.api.delete(f"{self.pods}/{name}")

    def remove_all(self) -> None:
        """Remove everything of the run but the service accounts, which belong to the role."""
        self.remove(*(pod["metadata"]["name"] for pod in self.api.items(f"{self.pods}{self._mine}")))
        self.api.delete(f"{self._jobs}/{self.job.run_id}", propagationPolicy="Background")

    @property
    def _mine(self) -> str:
        return f"?labelSelector=emr-containers.amazonaws.com%2Fjob.id%3D{self.job.run_id}"

    @property
    def _jobs(self) -> str:
        return f"/apis/batch/v1/namespaces/{self.job.namespace}/jobs"

    def _path(self, kind: str) -> str:
        return f"/api/v1/namespaces/{self.job.namespace}/{kind}"

"""EMR on EKS: virtual clusters. Job runs join through `active_runs` and `running`."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rehearsal.access.guard import Guard
from rehearsal.services.eks import access_entries
from rehearsal.services.eks.records import Cluster, Eks
from rehearsal.wire.call import Call, Handler, Refused

TERMINATION = 20.0  # seconds
JOB_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEMRJobPolicy"
# What CreateVirtualCluster does with the caller's own permissions:
# https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/setting-up-enable-IAM.html
NEEDED = ("CreateAccessEntry", "DescribeAccessEntry", "ListAssociatedAccessPolicies", "AssociateAccessPolicy")
Record = dict[str, Any]


@dataclass
class VirtualClusters:
    """All virtual clusters, also those that ended; `active_runs` tells the runs of one that have not."""

    eks: Eks
    guard: Guard
    active_runs: Callable[[str], list[str]] = lambda _: []
    records: dict[str, Record] = field(default_factory=dict)
    _changing: threading.Lock = field(default_factory=threading.Lock)  # EMR's access entry, which all of them share

    def operations(self) -> dict[str, Handler]:
        """Return the handlers of virtual clusters."""
        return {
            "CreateVirtualCluster": self.create,
            "DescribeVirtualCluster": lambda call: {"virtualCluster": self._named(call)},
            "ListVirtualClusters": self.matching,
            "DeleteVirtualCluster": self.delete,
            "TagResource": lambda call: self._tag(call, call.parameters["tags"], ()),
            "UntagResource": lambda call: self._tag(call, {}, call.parameters["tagKeys"]),
            "ListTagsForResource": lambda call: {"tags": self._by_arn(call)["tags"]},
        }

    def listed(self) -> dict[str, Callable[[], list[str]]]:
        """Return what exists, by kind: one that is ARRESTED is still there to be deleted."""
        records = self.records
        return {
            "emr-containers VirtualCluster": lambda: [
                key for key, row in records.items() if row["state"] != "TERMINATED"
            ]
        }

    def create(self, call: Call) -> Record:
        """Make a virtual cluster in a namespace that is there, with the access entry that EMR's own role needs."""
        provider = call.parameters["containerProvider"]
        namespace = provider.get("info", {}).get("eksInfo", {}).get("namespace", "default")
        cluster = self.eks.clusters.get(provider["id"])
        if cluster is None or cluster.plane is None:
            raise _invalid(f"EKS cluster {provider['id']} does not exist or is not active")
        if cluster.record["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
            raise _invalid("aws-auth is not rehearsed: set the cluster's authentication mode to API_AND_CONFIG_MAP")
        if cluster.plane.api.get(f"/api/v1/namespaces/{namespace}") is None:
            raise _invalid(f"Unauthorized to perform read namespace {namespace} of cluster {cluster.name}")
        if any(_place(each) == (cluster.name, namespace) for each in list(self.records.values()) if self.running(each)):
            raise _invalid("A virtual cluster already exists in the given namespace")
        for action in NEEDED:
            self.guard.demand(call, f"eks:{action}", cluster.record["arn"])
        made_id = uuid.uuid4().hex[:25]
        arn = f"arn:aws:emr-containers:{call.region}:{call.account}:/virtualclusters/{made_id}"
        given = {name: value for name, value in call.parameters.items() if name != "clientToken"}
        started = {"id": made_id, "arn": arn, "state": "RUNNING", "createdAt": self.eks.now(), "tags": {}}
        with self._changing:
            self._let_emr_in(cluster, namespace)
            self.records[made_id] = started | given
        return {"id": made_id, "name": given["name"], "arn": arn}

    def running(self, record: Record) -> bool:
        """Return whether a virtual cluster is RUNNING; one whose namespace or cluster has gone is ARRESTED now."""
        name, namespace = _place(record)
        cluster = self.eks.clusters.get(name)
        plane = cluster.plane if cluster and cluster.record["status"] != "DELETING" else None
        there = plane is not None and plane.api.get(f"/api/v1/namespaces/{namespace}") is not None
        if record["state"] == "RUNNING" and not there:
            record["state"] = "ARRESTED"
        return bool(record["state"] == "RUNNING")

    def matching(self, call: Call) -> Record:
        """Return the virtual clusters, of the states and of the cluster that were asked for."""
        given = call.parameters
        for record in list(self.records.values()):
            self.running(record)
        rows = [
            record
            for record in list(self.records.values())
            if record["state"] in given.get("states", [record["state"]])
            and record["containerProvider"]["id"] == given.get("containerProviderId", record["containerProvider"]["id"])
        ]
        return {"virtualClusters": rows}

    def delete(self, call: Call) -> Record:
        """Begin to end a virtual cluster, which must have no runs that have not ended."""
        record = self._named(call)
        if record["state"] not in ("RUNNING", "ARRESTED"):
            raise _invalid(f"Virtual cluster {record['id']} is not in a deletable state: {record['state']}")
        if runs := self.active_runs(record["id"]):
            raise _invalid(f"Virtual cluster {record['id']} has active job runs: {', '.join(runs)}")
        record["state"] = "TERMINATING"
        self.eks.later(f"terminate {record['id']}", lambda: self._terminate(record))
        return {"id": record["id"]}

    def _terminate(self, record: Record) -> None:
        self.eks.world.clock.sleep(TERMINATION)
        name, _ = _place(record)
        with self._changing:
            record["state"] = "TERMINATED"
            if name in self.eks.clusters:
                self._let_emr_in(self.eks.clusters[name])

    def _let_emr_in(self, cluster: Cluster, *more: str) -> None:
        """Make EMR's access entry say the namespaces of the running virtual clusters, and `more`."""
        role = f"arn:aws:iam::{self.eks.world.account}:role/aws-service-role/emr-containers.amazonaws.com/"
        principal = role + "AWSServiceRoleForAmazonEMRContainers"
        places = [_place(record) for record in list(self.records.values()) if record["state"] == "RUNNING"]
        namespaces = sorted({namespace for name, namespace in places if name == cluster.name} | set(more))
        if not namespaces:
            cluster.entries.pop(principal, None)
            cluster.policies.pop(principal, None)
            return
        if principal not in cluster.entries:
            access_entries.put(self.eks, cluster, principal, {})
        access_entries.grant(self.eks, cluster, principal, JOB_POLICY, {"type": "namespace", "namespaces": namespaces})

    def named(self, virtual_cluster_id: str) -> Record:
        """Return a virtual cluster; refuse an id that is not known."""
        if virtual_cluster_id not in self.records:
            message = f"Virtual cluster {virtual_cluster_id} doesn't exist."
            raise Refused("ResourceNotFoundException", message, 404)
        record = self.records[virtual_cluster_id]
        self.running(record)
        return record

    def _named(self, call: Call) -> Record:
        return self.named(call.parameters["id"])

    def _by_arn(self, call: Call) -> Record:
        return self.named(call.parameters["resourceArn"].rsplit("/", 1)[-1])

    def _tag(self, call: Call, tags: dict[str, str], gone: tuple[str, ...]) -> Record:
        record = self._by_arn(call)
        record["tags"] = {key: value for key, value in {**record["tags"], **tags}.items() if key not in gone}
        return {}


def _place(record: Record) -> tuple[str, str]:
    provider = record["containerProvider"]
    return provider["id"], provider.get("info", {}).get("eksInfo", {}).get("namespace", "default")


def _invalid(message: str) -> Refused:
    return Refused("ValidationException", message)

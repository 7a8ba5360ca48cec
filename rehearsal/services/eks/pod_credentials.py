"""Which role a pod acts as: its own by Pod Identity, else its node's where it reaches the instance's metadata.

https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import CredentialRetrievalError
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from rehearsal.access.guard import Guard, role_may
from rehearsal.functions.credentials import session_keys
from rehearsal.services.eks.node_group_rules import BOOT, lead_out
from rehearsal.services.eks.records import Cluster, Eks, Objects, Record, launch_template
from rehearsal.wire.call import Call, Principal

AGENT, SERVICE = "eks-pod-identity-agent", "pods.eks.amazonaws.com"
FROM_PODS = 2  # hops to the metadata from a pod's own network; from the host's it is one
SECOND = timedelta(seconds=1)  # the resolution of a pod's creationTimestamp


@dataclass
class PodCredentials:
    """Gives the pods of one cluster what they sign their calls with."""

    eks: Eks
    cluster: Cluster
    _roles: dict[str, str] = field(default_factory=dict)  # by pod's uid
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)  # by pod's uid, service

    def client(self, pod: Record, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """Return a boto3 client as a program in `pod` makes it; raise CredentialRetrievalError where it cannot."""
        role, uid = self.role(pod), pod["metadata"]["uid"]
        if (uid, service) not in self._clients:
            keys = session_keys(self.eks.world, role, f"eks-{self.cluster.name}-{pod['metadata']['name']}"[:64])
            self._clients[uid, service] = self.eks.world.client(service, *keys)
        return self._clients[uid, service]

    def role(self, pod: Record) -> str:
        """Return the ARN of the role, which a pod that once had it keeps; raise CredentialRetrievalError for none."""
        uid = pod["metadata"]["uid"]
        if uid not in self._roles:
            self._roles[uid] = self._found_role(pod)
        return self._roles[uid]

    def _found_role(self, pod: Record) -> str:
        association, node = self._association(pod), self.node_of(pod)
        if association is None:
            return self._by_metadata(pod, node)
        for problem in self._obstacles(pod, node, association["roleArn"]):
            raise CredentialRetrievalError(provider="Pod Identity", error_msg=problem)
        return str(association["roleArn"])

    def may(self, role_arn: str, action: str, resource: str = "*") -> bool:
        """Return whether a role may do something by its own policies."""
        return role_may(self.eks.world, role_arn, action, resource)

    def node_role(self, node: Record) -> str | None:
        """Return the ARN of a node's role, None where its instance has none."""
        group = self._group(node)
        instance = node.get("spec", {}).get("providerID", "").rpartition("/")[2]
        return str(group["nodeRole"]) if group else self._by_profile(instance)

    def _association(self, pod: Record) -> Record | None:
        """Return the association that the pod was given when it was created: a later one does not reach it."""
        meta, account = pod["metadata"], pod["spec"].get("serviceAccountName", "default")
        created = datetime.fromisoformat(meta["creationTimestamp"]) + SECOND
        wanted = (meta["namespace"], account)
        found = (
            each
            for key, each in list(self.cluster.associations.items())
            if (each["namespace"], each["serviceAccount"]) == wanted and self.cluster.associated[key] <= created
        )
        return next(found, None)

    def node_of(self, pod: Record) -> Record:
        """Return the node that a pod is on; one without labels where that has gone."""
        name = pod["spec"].get("nodeName", "")
        found = self._api.get(f"/api/v1/nodes/{name}") if name else None
        return found or {"metadata": {"name": name, "labels": {}}}

    @property
    def _api(self) -> Objects:
        if self.cluster.plane is None:
            raise CredentialRetrievalError(provider="Pod Identity", error_msg=f"{self.cluster.name} has gone")
        return self.cluster.plane.api

    def _obstacles(self, pod: Record, node: Record, role_arn: str) -> Iterator[str]:
        """Yield what keeps the agent from giving the role: itself, its node's role, or the role's trust policy."""
        name = node["metadata"]["name"]
        if not self._agent_runs(name):
            yield f"no pod of the add-on {AGENT} runs on node {name}"
        own, action = self.node_role(node), "eks-auth:AssumeRoleForPodIdentity"
        if own is None or not self.may(own, action, self.cluster.record["arn"]):
            yield f"AccessDeniedException: the node's role {own} is not authorized to perform: {action}"
        meta = pod["metadata"]
        keys = {"aws:sourceaccount": (self.eks.world.account,), "aws:sourcearn": (self.cluster.record["arn"],)}
        tags = {"kubernetes-namespace": meta["namespace"], "eks-cluster-name": self.cluster.name}
        keys |= {f"aws:requesttag/{key}": (value,) for key, value in tags.items()}
        world, guard = self.eks.world, Guard(self.eks.world)
        call = Call("sts", "AssumeRole", {}, Principal(SERVICE), "", world.region, world.account, "")
        for action in ("sts:AssumeRole", "sts:TagSession"):
            if not guard.service_may(SERVICE, action, role_arn, call, keys):
                yield f"AccessDeniedException: the trust policy of {role_arn} does not allow {SERVICE} {action}"

    def get(self, path: str) -> Record | None:
        """Return an object of the cluster; None where there is none."""
        return self._api.get(path)

    def runs_beside(self, pod: Record, prefix: str) -> bool:
        """Return whether a pod whose name begins so runs on the same node, in whichever namespace."""
        pods = self._api.items(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{pod['spec'].get('nodeName', '')}")
        return any(each["metadata"]["name"].startswith(prefix) and _running(each) for each in pods)

    def _agent_runs(self, node_name: str) -> bool:
        there = f"/api/v1/namespaces/kube-system/pods?fieldSelector=spec.nodeName%3D{node_name}"
        pods = self._api.items(there)
        return any(each["metadata"]["name"].startswith(AGENT) and each["status"]["phase"] == "Running" for each in pods)

    def _by_metadata(self, pod: Record, node: Record) -> str:
        meta, role = pod["metadata"], self.node_role(node)
        reaches = pod["spec"].get("hostNetwork") or self._hops(node) >= FROM_PODS
        if role is None or not reaches:
            account = f"{meta['namespace']}/{pod['spec'].get('serviceAccountName', 'default')}"
            problem = f"no EC2 IMDS role found, and {account} had no Pod Identity association when the pod was created"
            raise CredentialRetrievalError(provider="the instance's metadata", error_msg=problem)
        return role

    def _group(self, node: Record) -> Record | None:
        return self.cluster.node_groups.get(node["metadata"]["labels"].get("eks.amazonaws.com/nodegroup", ""))

    def _hops(self, node: Record) -> int:
        """Return how far the metadata answers: EKS sets two hops where no template of the user's says otherwise.

        https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html
        """
        given = (self._group(node) or {}).get("launchTemplate")
        if given is None:
            return FROM_PODS if self._group(node) else 1  # Karpenter's own default is one
        settings = launch_template(self.eks.world, given)
        return int(settings.get("MetadataOptions", {}).get("HttpPutResponseHopLimit", FROM_PODS))

    def joins(self, instance_id: str) -> bool:
        """Return whether an instance that is of no node group gets into the cluster: by its role's access entry.

        https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html
        """
        world, role = self.eks.world, self._by_profile(instance_id)
        subnet = str(ec2_backends[world.account][world.region].get_instance(instance_id).subnet_id)
        return role in self.cluster.entries and role_may(world, role, BOOT) and lead_out(world, [subnet])

    def _by_profile(self, instance_id: str) -> str | None:
        """Return the role in the profile of an instance."""
        world = self.eks.world
        held = ec2_backends[world.account][world.region].iam_instance_profile_associations.get(instance_id)
        profiles = iam_backends[world.account]["aws"].instance_profiles.values()
        own = next((each for each in profiles if held and each.arn == held.iam_instance_profile.arn), None)
        return str(own.roles[0].arn) if own and own.roles else None


def _running(pod: Record) -> bool:
    return bool(pod["status"]["phase"] == "Running")

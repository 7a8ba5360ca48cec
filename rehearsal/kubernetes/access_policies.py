"""EKS's access policies as RBAC objects of the control plane."""

import fnmatch
import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rehearsal.kubernetes.api import FORBIDDEN, NOT_FOUND, Api, ApiError, Item
from rehearsal.kubernetes.tokens import group_of

ARN = "arn:aws:eks::aws:cluster-access-policy/"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
MARK = "rehearsal/access-policy"
# EKS's policies are "similar to the permissions in the Kubernetes user-facing cluster roles", and grow no rules from
# custom resources, as those roles do. https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
COPIED = {
    "AmazonEKSClusterAdminPolicy": "cluster-admin",
    "AmazonEKSAdminPolicy": "admin",
    "AmazonEKSEditPolicy": "edit",
    "AmazonEKSViewPolicy": "view",
}
_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "update", "patch", "delete", "deletecollection"]
WRITTEN: dict[str, list[Item]] = {
    "AmazonEKSAdminViewPolicy": [{"apiGroups": ["*"], "resources": ["*"], "verbs": _READ}],
    # What the service asked for by a Role of its own before there were access entries:
    # https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/setting-up-cluster-access.html
    "AmazonEMRJobPolicy": [
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
        {
            "apiGroups": [""],
            "resources": ["serviceaccounts", "services", "configmaps", "events", "pods", "pods/log"],
            "verbs": _WRITE,
        },
        {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": _WRITE},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "patch", "delete", "watch"]},
        {"apiGroups": ["apps"], "resources": ["statefulsets", "deployments"], "verbs": _WRITE},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": _WRITE},
        {"apiGroups": ["extensions", "networking.k8s.io"], "resources": ["ingresses"], "verbs": _WRITE},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": _WRITE},
    ],
}


@dataclass(frozen=True)
class Association:
    """One access policy of one access entry, for the whole cluster or for namespaces (`*` is a wildcard)."""

    principal_arn: str
    policy_arn: str
    namespaces: tuple[str, ...] = ()  # none: the whole cluster

    @property
    def policy(self) -> str:
        """Name of the policy."""
        return self.policy_arn.removeprefix(ARN)

    def binding(self, namespace: str) -> Item:
        """Return the object that grants it in `namespace`, or in the cluster for ''."""
        digest = hashlib.sha256(f"{self.principal_arn} {self.policy_arn}".encode()).hexdigest()[:12]
        kind = "RoleBinding" if namespace else "ClusterRoleBinding"
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group_of(self.principal_arn)}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"eks:{self.policy}"}
        place = {"namespace": namespace} if namespace else {}
        labels = {MARK: self.policy}
        return {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": f"eks:access:{digest}", "labels": labels, **place},
            "subjects": [subject],
            "roleRef": role,
        }


def known(policy_arn: str) -> bool:
    """Return whether the rehearsal can grant this policy."""
    return policy_arn.startswith(ARN) and policy_arn.removeprefix(ARN) in {*COPIED, *WRITTEN}


class AccessPolicies:
    """Keeps the RBAC objects of one control plane equal to the associations that it was last given."""

    def __init__(self, api: Api, associations: Callable[[], Iterable[Association]]) -> None:
        """Take a function that returns the associations as they are now; it is asked at each `reconcile`."""
        self._api = api
        self._associations = associations
        self._lock = threading.Lock()
        for name, role in COPIED.items():
            self._write_role(name, (api.get(f"{RBAC}/clusterroles/{role}") or {}).get("rules") or [])
        for name, rules in WRITTEN.items():
            self._write_role(name, rules)

    def _write_role(self, policy: str, rules: list[Item]) -> None:
        meta = {"name": f"eks:{policy}", "labels": {MARK: policy}}
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules}
        self._api.apply(f"{RBAC}/clusterroles/eks:{policy}", role)

    def reconcile(self) -> None:
        """Make the bindings what the associations say, in the namespaces that there are."""
        with self._lock:
            present = [item["metadata"]["name"] for item in self._api.items("/api/v1/namespaces")]
            pairs = [(each, place) for each in self._associations() for place in _places(each, present)]
            wanted = {_path(binding): binding for binding in (each.binding(place) for each, place in pairs)}
            have = self._bound()
            for path in have - wanted.keys():
                self._api.delete(path)
            for path in wanted.keys() - have:
                self._bind(path.rpartition("/")[0], wanted[path])

    def _bound(self) -> set[str]:
        query = f"?labelSelector={quote(MARK)}"
        kinds = ("rolebindings", "clusterrolebindings")
        return {_path(item) for kind in kinds for item in self._api.items(f"{RBAC}/{kind}{query}")}

    def _bind(self, collection: str, binding: Item) -> None:
        try:
            self._api.create(collection, binding)
        except ApiError as refusal:
            # A namespace that is on its way out takes no new object: there is nothing to bind in it.
            if refusal.status not in (FORBIDDEN, NOT_FOUND):
                raise

    def follow(self, stopped: threading.Event) -> None:
        """Reconcile whenever a namespace appears or goes, until `stopped`; run it in a thread."""
        self._api.follow("/api/v1/namespaces", stopped, self._on_namespace)

    def _on_namespace(self, event: str, _: dict[str, Any]) -> None:
        if event != "MODIFIED":
            self.reconcile()


def _places(association: Association, present: list[str]) -> list[str]:
    if not association.namespaces:
        return [""]
    return [name for name in present if any(fnmatch.fnmatchcase(name, wanted) for wanted in association.namespaces)]


def _path(binding: Item) -> str:
    meta = binding["metadata"]
    if "namespace" in meta:
        return f"{RBAC}/namespaces/{meta['namespace']}/rolebindings/{meta['name']}"
    return f"{RBAC}/clusterrolebindings/{meta['name']}"

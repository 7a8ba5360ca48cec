"""The EKS cluster."""

from collections.abc import Iterator
from datetime import date
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.add_ons import AddOns
from config.addresses import Range
from config.errors import Problem
from config.instance_types import GeneralType, vcpus
from config.names import ImageRelease, Principal
from config.section import RetentionDays, Section
from rapids_eks.node_image import AL2023_RELEASE

# End of standard support, after which the control plane costs six times as much:
# https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html
# A version stands here once its kubectl layer is pinned and the charts and add-ons are chosen for it.
SUPPORT_ENDS = {"1.35": date(2027, 3, 27)}
ANYWHERE = IPv4Network("0.0.0.0/0")


def _supported(version: str) -> str:
    if version not in SUPPORT_ENDS:
        raise ValueError(f'"{version}" is not supported here; use one of: {", ".join(SUPPORT_ENDS)}')
    return version


def _public(network: IPv4Network) -> IPv4Network:
    # https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html: no reserved addresses
    if network != ANYWHERE and not network.is_global:
        raise ValueError(
            f"{network} is not a public range, and private ones reach the API without being listed: "
            "give the address that the internet sees, like your office's"
        )
    return network


class CoreNodes(Section):
    """On-demand nodes for system pods, operators and EMR's submitter pods; always there."""

    instance_types: Annotated[tuple[GeneralType, ...], Field(min_length=1, max_length=20)] = ("m5.xlarge", "m6i.xlarge")
    """EC2 types, in order of preference; x86_64, no GPU."""
    count: Annotated[int, Field(ge=1, le=100)] = 2
    """How many, spread over the zones; Karpenter's two replicas need two, Prometheus' and Grafana's volumes one in each
    zone."""
    root_volume_gib: Annotated[int, Field(ge=30, le=16384)] = 80
    """Size of each node's encrypted gp3 root volume in GiB; a submitter may run in the job's image, which has 25 GB."""
    al2023_release: ImageRelease = AL2023_RELEASE
    """Release of the Amazon Linux 2023 image for EKS, never older than the one before. When it changes EKS replaces the
    nodes, a new one in the same zone before an old one is drained as disruption budgets allow."""

    @property
    def most_vcpus(self) -> int:
        """How many vCPUs they have if all are of the largest type."""
        return self.count * max(map(vcpus, self.instance_types))


class Cluster(Section):
    """The control plane, who may reach and administer it, what it logs, and the core nodes."""

    version: Annotated[
        Annotated[str, AfterValidator(_supported)], Field(json_schema_extra={"enum": [*SUPPORT_ENDS]})
    ] = "1.35"
    """Kubernetes version, in quotes; an update goes one minor version at a time and never back."""
    authentication_mode: Literal["API_AND_CONFIG_MAP", "API"] = "API_AND_CONFIG_MAP"
    """How EKS knows callers. EMR on EKS documents API_AND_CONFIG_MAP; a change to API cannot be undone."""
    public_access_cidrs: Annotated[tuple[Annotated[Range, AfterValidator(_public)], ...], Field(max_length=40)] = ()
    """From where the API can be reached over the internet; 0.0.0.0/0 is everywhere. Without any the API is private:
    kubectl then needs a way into the VPC, for which an output has the command of a tunnel."""
    admins: Annotated[tuple[Principal, ...], Field(max_length=100)] = ()
    """ARNs of the IAM roles and users that administer the cluster (AmazonEKSClusterAdminPolicy)."""
    log_types: tuple[Literal["api", "audit", "authenticator", "controllerManager", "scheduler"], ...] = (
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    )
    """The control plane's logs that go to CloudWatch Logs; an empty list is none."""
    log_retention_days: RetentionDays = 30
    """Days for which those logs are kept while the cluster is there; they are deleted with it."""
    key_deletion_days: Annotated[int, Field(ge=7, le=30)] = 7
    """Days that AWS waits before it deletes the key of the cluster's secrets, once the cluster is gone."""
    add_ons: AddOns = AddOns()
    """The versions of EKS's add-ons."""
    core_nodes: CoreNodes = CoreNodes()
    """The managed node group that is always there."""

    @property
    def support_ends(self) -> date:
        """The last day of the version's standard support."""
        return SUPPORT_ENDS[self.version]

    def problems(self) -> Iterator[Problem]:
        """Yield entries that are given twice, and what is made for another version of Kubernetes."""
        if not self.add_ons.kube_proxy.startswith(f"v{self.version}."):
            text = f"{self.add_ons.kube_proxy} is not for Kubernetes {self.version}: use a version v{self.version}.*"
            yield Problem(("add_ons", "kube_proxy"), text)
        for name in ("admins", "log_types", "public_access_cidrs"):
            given = getattr(self, name)
            for index, value in enumerate(given):
                if value in given[:index]:
                    yield Problem((name, index), f"{value} is given twice: keep one of them")

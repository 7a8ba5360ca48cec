"""Which nodes Karpenter may start."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from rapids_eks.job_pools import Lifetime, Pool

EMPTY_ONLY = [
    {"nodes": "100%", "reasons": ["Empty"]},
    # A job must not lose a node to a newer image: its nodes are replaced when it has ended and they are empty.
    {"nodes": "0", "reasons": ["Drifted", "Underutilized"]},
]


@dataclass(frozen=True)
class Place:
    """Where nodes of all pools run, as whom, and from which release of the Amazon Linux 2023 images for EKS."""

    subnet_ids: Sequence[str]
    security_group_id: str
    instance_profile: str
    image_release: str
    tags: Mapping[str, str] = field(default_factory=dict)


class NodePools(Construct):
    """A NodePool and an EC2NodeClass of its own for each of the pools. All must go before Karpenter does."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        pools: Sequence[Pool],
        place: Place,
        lifetime: Lifetime,
    ) -> None:
        super().__init__(scope, id)
        classes = eks.KubernetesManifest(
            self,
            "Classes",
            cluster=cluster,
            manifest=[node_class(each, place) for each in pools],
            overwrite=True,
        )
        made = eks.KubernetesManifest(
            self,
            "Pools",
            cluster=cluster,
            manifest=[node_pool(each, lifetime) for each in pools],
            overwrite=True,
        )
        made.node.add_dependency(classes)


def node_class(pool: Pool, place: Place) -> dict[str, object]:
    """Return the EC2NodeClass of a pool: https://karpenter.sh/docs/concepts/nodeclasses/."""
    root = {
        "volumeSize": f"{pool.root_volume_gib}Gi",
        "volumeType": "gp3",
        "encrypted": True,
        "deleteOnTermination": True,
    }
    spec = {
        "amiSelectorTerms": [{"alias": f"al2023@{place.image_release}"}],  # GPU types get the image with the driver
        "instanceProfile": place.instance_profile,
        "subnetSelectorTerms": [{"id": each} for each in place.subnet_ids],
        "securityGroupSelectorTerms": [{"id": place.security_group_id}],
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "rootVolume": True, "ebs": root}],
        "instanceStorePolicy": "RAID0",  # types that have NVMe disks keep images and shuffled data there
        # As on the core nodes, only the host's network reaches the metadata and with them the node's credentials.
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        "tags": dict(place.tags),
    }
    return _object("karpenter.k8s.aws/v1", "EC2NodeClass", pool.name, spec)


def node_pool(pool: Pool, lifetime: Lifetime) -> dict[str, object]:
    """Return the NodePool of a pool: https://karpenter.sh/docs/concepts/nodepools/."""
    hours = lifetime.expire_after_hours
    template = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": pool.name},
        "requirements": [
            _among("node.kubernetes.io/instance-type", pool.instance_types),
            _among("karpenter.sh/capacity-type", pool.capacity_types),
        ],
        "taints": [dict(each) for each in pool.taints],
        "expireAfter": "Never" if hours is None else f"{hours}h",
        "terminationGracePeriod": f"{lifetime.termination_grace_minutes}m",
    }
    spec = {
        "template": {"metadata": {"labels": dict(pool.labels)}, "spec": template},
        "limits": {name: str(most) for name, most in pool.limits.items()},
        "disruption": {
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": f"{lifetime.consolidate_after_minutes}m",
            "budgets": EMPTY_ONLY,
        },
    }
    return _object("karpenter.sh/v1", "NodePool", pool.name, spec)


def _among(key: str, values: Iterable[str]) -> dict[str, object]:
    return {"key": key, "operator": "In", "values": list(values)}


def _object(version: str, kind: str, name: str, spec: Mapping[str, object]) -> dict[str, object]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}

"""Which versions of add-ons there are: as with charts, one that the rehearsal does not know is refused."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from rehearsal.services.eks.records import Record, invalid
from rehearsal.wire.call import Call

FORM = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")
KUBERNETES = "1.35"
# EKS's defaults for that Kubernetes in August and September 2026, which only EKS itself lists in full:
# aws eks describe-addon-versions --kubernetes-version 1.35 --addon-name coredns
KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
        "aws-secrets-store-csi-driver-provider": "v3.1.1-eksbuild.1",
        "coredns": "v1.13.2-eksbuild.21",
        "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
        "kube-proxy": "v1.35.3-eksbuild.21",
        "metrics-server": "v0.9.0-eksbuild.5",
        "vpc-cni": "v1.22.4-eksbuild.3",
    }
)
UNRECORDED = "v1.0.0-eksbuild.1"  # for add-ons whose versions nobody has looked up: each that is one will do


def default(name: str) -> str:
    """Return the version of an add-on that EKS takes where none is named."""
    return KNOWN.get(name, UNRECORDED)


def refuse(given: Record) -> None:
    """Refuse a version that is not known, or can be none."""
    name, version = given["addonName"], given.get("addonVersion")
    if version is None or version == KNOWN.get(name) or (name not in KNOWN and FORM.fullmatch(version)):
        return
    known = f"; the rehearsal knows {KNOWN[name]} for Kubernetes {KUBERNETES}" if name in KNOWN else ""
    raise invalid(f"Addon version specified is not supported: {version}{known}")


def listed(call: Call, names: list[str]) -> Record:
    """Return DescribeAddonVersions' answer of add-ons."""
    wanted, kubernetes = call.parameters.get("addonName"), call.parameters.get("kubernetesVersion", KUBERNETES)
    fits = [{"clusterVersion": KUBERNETES, "defaultVersion": True}]
    found = [name for name in names if wanted in (None, name) and kubernetes == KUBERNETES]
    versions = {name: [{"addonVersion": default(name), "compatibilities": fits}] for name in found}
    return {"addons": [{"addonName": name, "type": "addon", "addonVersions": versions[name]} for name in found]}

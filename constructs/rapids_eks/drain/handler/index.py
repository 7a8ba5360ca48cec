"""One look at how far the nodes of Karpenter's pools are gone; the first look has the pools deleted."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from .controller import absence
from .holders import claim_line, instance_lines
from .kubernetes import Item, Objects, connect, token_for

PATIENT = Config(retries={"mode": "adaptive", "max_attempts": 10})
KARPENTER = "/apis/karpenter.sh/v1"
ALIVE = ["pending", "running", "stopping", "stopped", "shutting-down"]
MOST = 20  # lines that are told


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Drain a step further; done is when neither a claim nor an instance is left, or the cluster is gone."""
    name, session = event["properties"]["ClusterName"], boto3.Session()
    cluster = usable(session.client("eks", config=PATIENT), name)
    left = (
        drain(connect(cluster, token_for(session, name)), session.client("ec2", config=PATIENT), name)
        if cluster
        else []
    )
    for line in left:
        print(line)  # noqa: T201 - the function's log
    return {"done": not left, "left": left[:MOST]}


def usable(eks: Any, name: str) -> Mapping[str, Any] | None:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the cluster, or None where it is gone, on its way out, or never came up: nothing can be drained then."""
    try:
        cluster = eks.describe_cluster(name=name)["cluster"]
    except eks.exceptions.ResourceNotFoundException:
        return None
    return cluster if cluster["status"] in ("ACTIVE", "UPDATING") else None


def drain(api: Objects, ec2: Any, name: str) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Have all pools and claims deleted, and return what is left of them; nothing where Karpenter never was."""
    pools, claims = (api.items(f"{KARPENTER}/{kind}") for kind in ("nodepools", "nodeclaims"))
    if pools is None and claims is None:
        return []
    # A claim of a pool goes with it; one that somebody made by hand has no pool.
    for kind, found in (("nodepools", pools), ("nodeclaims", claims)):
        for each in found or []:
            delete(api, kind, each)
    left = [
        *(f"NodePool {each['metadata']['name']} (being deleted)" for each in pools or []),
        *(claim_line(api, each) for each in claims or []),
        *instances(ec2, name),
    ]
    return [*absence(api), *left] if left else []


def delete(api: Objects, kind: str, item: Item) -> None:
    """Have an object deleted, unless it is being deleted."""
    if "deletionTimestamp" not in item["metadata"]:
        api.delete(f"{KARPENTER}/{kind}/{item['metadata']['name']}")


def instances(ec2: Any, cluster: str) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the instances that Karpenter started for a cluster and that are not terminated.

    https://karpenter.sh/docs/concepts/nodeclasses/#spectags
    """
    filters = [
        {"Name": f"tag:kubernetes.io/cluster/{cluster}", "Values": ["owned"]},
        {"Name": "tag-key", "Values": ["karpenter.sh/nodepool"]},
        {"Name": "instance-state-name", "Values": ALIVE},
    ]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters)
    return instance_lines(reservation for page in pages for reservation in page["Reservations"])

"""One round of sweeping up after a cluster: deletes what can be deleted now, and tells what there was."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from . import ec2, load_balancers, names, security_groups

PATIENT = Config(retries={"mode": "adaptive", "max_attempts": 10})
MOST = 30  # lines that are told


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Sweep once; done is a round that finds nothing, so that whatever was deleted is seen to be gone."""
    clients = {name: boto3.client(name, config=PATIENT) for name in ("ec2", "eks", "elb", "elbv2", "iam", "logs")}
    left = sweep(clients, event["properties"], event["waited"])
    for line in left:
        print(line)  # noqa: T201 - the function's log
    return {"done": not left, "left": left[:MOST]}


def sweep(clients: Mapping[str, Any], asked: Mapping[str, Any], waited: int) -> list[str]:
    """Return what was found, a line for each; RuntimeError tells what was not allowed, after all the rest was done."""
    status = cluster(clients["eks"], asked["ClusterName"])
    if status == "DELETING":
        return [f"cluster {asked['ClusterName']} (being deleted)"]
    if status:  # not the stack's, whose own would be gone: what carries its tags is in use
        return []
    left, refused = [], []
    for kind in kinds(clients, asked, waited):
        try:
            left += kind()
        except ClientError as error:
            refused.append(str(error))
    if refused:
        raise RuntimeError("; ".join(refused))
    return left


def cluster(eks: Any, name: str) -> str:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the state of the cluster of this name, or nothing where there is none."""
    try:
        return str(eks.describe_cluster(name=name)["cluster"]["status"])
    except eks.exceptions.ResourceNotFoundException:
        return ""


def kinds(clients: Mapping[str, Any], asked: Mapping[str, Any], waited: int) -> list[Callable[[], list[str]]]:
    """Return the sweeps by kind, those first that others wait for."""
    vpc, tags, compute = asked["VpcId"], asked["Tags"], clients["ec2"]
    old, new = clients["elb"], clients["elbv2"]
    return [
        partial(ec2.instances, compute, vpc, tags["Instances"]),
        partial(load_balancers.classic, old, vpc, tags["LoadBalancers"]),
        partial(load_balancers.modern, new, vpc, tags["LoadBalancers"]),
        partial(load_balancers.vanishing, compute, old, new, vpc),
        partial(ec2.interfaces, compute, vpc, tags["NetworkInterfaces"]),
        partial(ec2.volumes, compute, tags["Volumes"]),
        partial(security_groups.security_groups, compute, vpc, tags["SecurityGroups"]),
        partial(ec2.launch_templates, compute, tags["LaunchTemplates"]),
        partial(names.instance_profiles, clients["iam"], asked["ProfilePath"]),
        partial(names.log_groups, clients["logs"], asked["LogGroups"], waited, int(asked["QuietSeconds"])),
    ]

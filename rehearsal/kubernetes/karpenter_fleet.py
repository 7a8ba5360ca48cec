"""AWS as Karpenter's controller uses it: whatever a node needs is asked with the credentials of the controller's pod.

Calls and conditions: https://github.com/aws/karpenter-provider-aws/tree/v1.14.1/pkg/controllers/nodeclass
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from botocore.exceptions import ClientError

from rehearsal.kubernetes.api import Item
from rehearsal.kubernetes.fleet import Ec2Fleet, Fleet, LaunchError, Order, Subnet, request, tag_specifications

CLASS = "karpenter.k8s.aws/ec2nodeclass"
IMAGES = "/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/x86_64/standard/recommended/image_id"
FLEET = ("fleet", "instance", "volume")  # what Karpenter tags by CreateFleet; its template tags the interfaces
STARTED = ("instance", "network-interface", "volume")


class KarpenterFleet(Fleet, Protocol):
    """Where Karpenter's instances come from."""

    def problems(self, node_class: Item, tags: Mapping[str, str]) -> dict[str, str]:
        """Return what keeps instances of a class from being started with `tags`, by the condition that tells it."""

    def label(self, instance_id: str, tags: Mapping[str, str]) -> None:
        """Tag an instance; raise ClientError where that is denied."""

    def forget(self, node_class: str) -> None:
        """Remove what was made for a class; raise ClientError where that is denied."""


class Ec2KarpenterFleet(Ec2Fleet):
    """The account as a pod of the controller sees it, whose clients `client` makes."""

    def __init__(self, client: Callable[[str], Any], version: str) -> None:
        """Take a maker of boto3 clients by service, and the cluster's Kubernetes version."""
        super().__init__(client("ec2"))
        self._of, self._version = client, version

    def problems(self, node_class: Item, tags: Mapping[str, str]) -> dict[str, str]:
        """Ask, by calls that change nothing, for all that a start takes."""
        looks: dict[str, Callable[[], object]] = {
            "AMIsReady": self._look_for_images,
            "InstanceProfileReady": lambda: _profile(node_class),
            "ValidationSucceeded": lambda: self._validate(node_class, tags),
        }
        return {kind: problem for kind, look in looks.items() for problem in _refusal(look)}

    def _look_for_images(self) -> None:
        try:
            self._of("ssm").get_parameter(Name=IMAGES.format(version=self._version))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":  # AWS's own are not in the rehearsal
                raise
        self._client.describe_images(Owners=["self"])

    def _validate(self, node_class: Item, tags: Mapping[str, str]) -> None:
        """Dry-run the three calls of a start, as Karpenter does before it calls a class ready."""
        self._client.describe_instance_type_offerings()
        subnet = Subnet(node_class["status"]["subnets"][0]["id"], "")
        order = Order("m5.large", subnet, tags=tags, profile=_profile(node_class))
        dry = {"DryRun": True}
        _allowed(lambda: self._client.create_launch_template(**_template(order), **dry))
        _allowed(lambda: self._client.create_fleet(**_fleet(order), **dry))
        _allowed(lambda: self._client.run_instances(**request(order, STARTED), **dry))

    def launch(self, order: Order) -> str:
        """Start an instance as CreateFleet does it, from a launch template of its own; raise LaunchError."""
        try:
            template = self._launch_template(order)
            _allowed(lambda: self._client.create_fleet(**_fleet(order), DryRun=True))
        except ClientError as error:
            raise LaunchError(str(error), shortage=False) from error
        return self._run({**request(order, STARTED), "LaunchTemplate": {"LaunchTemplateId": template}})

    def terminate(self, instance_id: str) -> None:
        """End an instance that is still to be seen."""
        own = [{"Name": "instance-id", "Values": [instance_id]}]
        if self._client.describe_instances(Filters=own)["Reservations"]:
            super().terminate(instance_id)

    def _launch_template(self, order: Order) -> str:
        """Return the id of the template for orders like this, made if there is none."""
        wanted = _template(order)
        name = wanted["LaunchTemplateName"]
        found = self._client.describe_launch_templates(Filters=[{"Name": "launch-template-name", "Values": [name]}])
        for each in found["LaunchTemplates"]:
            return str(each["LaunchTemplateId"])
        return str(self._client.create_launch_template(**wanted)["LaunchTemplate"]["LaunchTemplateId"])

    def label(self, instance_id: str, tags: Mapping[str, str]) -> None:
        """Tag an instance by CreateTags."""
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._client.create_tags(Resources=[instance_id], Tags=pairs)

    def forget(self, node_class: str) -> None:
        """Look for the profiles that Karpenter may have made for a class, and delete its launch templates."""
        self._of("iam").list_instance_profiles(PathPrefix="/karpenter/")
        mine = [{"Name": f"tag:{CLASS}", "Values": [node_class]}]
        for each in self._client.describe_launch_templates(Filters=mine)["LaunchTemplates"]:
            self._client.delete_launch_template(LaunchTemplateId=each["LaunchTemplateId"])


def _profile(node_class: Item) -> str:
    profile = node_class["spec"].get("instanceProfile")
    if not profile:
        message = "spec.role is not rehearsed: make an instance profile, and name it in spec.instanceProfile"
        raise ClientError({"Error": {"Code": "NotRehearsed", "Message": message}}, "CreateInstanceProfile")
    return str(profile)


def _refusal(look: Callable[[], object]) -> Iterator[str]:
    try:
        look()
    except ClientError as error:
        yield str(error)


def _allowed(call: Callable[[], object]) -> None:
    """Make a dry run; raise ClientError where the call itself would be refused."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != "DryRunOperation":
            raise


def _template(order: Order) -> dict[str, Any]:
    content = request(replace(order, tags={}), ())
    kept = {name: content[name] for name in ("ImageId", "IamInstanceProfile") if name in content}
    told = [order.tags.get(CLASS, ""), *order.security_groups, order.profile]
    digest = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    return {
        "LaunchTemplateName": f"karpenter.k8s.aws/{digest}",
        "LaunchTemplateData": kept,
        "TagSpecifications": tag_specifications(order.tags, ["launch-template"]),
    }


def _fleet(order: Order) -> dict[str, Any]:
    market = "spot" if order.spot else "on-demand"
    named = {"LaunchTemplateName": _template(order)["LaunchTemplateName"], "Version": "$Latest"}
    return {
        "Type": "instant",
        "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": named}],
        "TargetCapacitySpecification": {"TotalTargetCapacity": 1, "DefaultTargetCapacityType": market},
        "TagSpecifications": tag_specifications(order.tags, FLEET),
    }

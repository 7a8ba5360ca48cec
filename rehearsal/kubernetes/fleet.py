"""EC2 as node groups and Karpenter use it: subnets and groups that selectors name, instances that come and go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import ClientError

IMAGE = "ami-12c6146b"  # one that moto knows; nothing of it is run


# What another type, zone or market may not lack: all other errors would come again with those.
# https://github.com/aws/karpenter-provider-aws/blob/v1.14.1/pkg/errors/errors.go
SHORTAGES = (
    "InsufficientFreeAddressesInSubnet",
    "InsufficientInstanceCapacity",
    "MaxSpotInstanceCountExceeded",
    "SpotMaxPriceTooLow",
    "Unsupported",
    "VcpuLimitExceeded",
)


class LaunchError(Exception):
    """EC2 gave no instance; the message is EC2's own, and `shortage` says that another choice may be to be had."""

    def __init__(self, message: str, *, shortage: bool) -> None:
        """Take EC2's message."""
        super().__init__(message)
        self.shortage = shortage


@dataclass(frozen=True)
class Subnet:
    """A subnet, and the zone it lies in."""

    id: str
    zone: str


@dataclass(frozen=True)
class Order:
    """One instance to launch; `spot` asks for the market of that name."""

    type_name: str
    subnet: Subnet
    spot: bool = False
    security_groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""  # name of an instance profile
    template: Mapping[str, str] = field(default_factory=dict)  # a launch template as EKS gives it: id or name, version


class Fleet(Protocol):
    """Where instances come from."""

    def subnets(self, terms: Iterable[Mapping[str, Any]]) -> list[Subnet]:
        """Return the subnets that any of the selector terms (`id`, or `tags`) matches."""

    def security_groups(self, terms: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the ids of the security groups that any of the terms (`id`, `name` or `tags`) matches."""

    def launch(self, order: Order) -> str:
        """Start an instance and return its id; raise LaunchError."""

    def terminate(self, instance_id: str) -> None:
        """End an instance; one that has gone is no error."""

    def launch_template_type(self, specification: Mapping[str, str]) -> str:
        """Return the instance type of a launch template, given as EKS does: by id or name, and version."""

    def create_volume(self, zone: str, gib: int, kind: str, tags: Mapping[str, str]) -> str:
        """Make a volume and return its id."""

    def grow_volume(self, volume_id: str, gib: int) -> None:
        """Make a volume larger."""

    def delete_volume(self, volume_id: str) -> None:
        """Delete a volume."""


class Ec2Fleet:
    """The account's EC2, through a boto3 client: what that client's credentials may not do fails here too."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
        """Take a boto3 client of `ec2`."""
        self._client = client

    def subnets(self, terms: Iterable[Mapping[str, Any]]) -> list[Subnet]:
        """Return the matching subnets; raise ClientError where they may not be described."""
        found = [each for term in terms for each in self._matching("describe_subnets", "Subnets", "subnet-id", term)]
        return [Subnet(each["SubnetId"], each["AvailabilityZone"]) for each in found]

    def security_groups(self, terms: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the ids of the matching groups; raise ClientError where they may not be described."""
        call, members = "describe_security_groups", "SecurityGroups"
        return [each["GroupId"] for term in terms for each in self._matching(call, members, "group-id", term)]

    def _matching(self, call: str, members: str, id_filter: str, term: Mapping[str, Any]) -> list[dict[str, Any]]:
        filters = [_tag_filter(key, value) for key, value in term.get("tags", {}).items()]
        for key, name in (("id", id_filter), ("name", "group-name")):
            filters += [{"Name": name, "Values": [term[key]]}] if key in term else []
        found: list[dict[str, Any]] = getattr(self._client, call)(Filters=filters)[members]
        return found

    def launch(self, order: Order) -> str:
        """Start an instance by RunInstances, with its tags on the volume too; raise LaunchError."""
        asked = request(order, ("instance", "volume"))
        return self._run(_with(self._template(order.template), asked) if order.template else asked)

    def _run(self, request: Mapping[str, Any]) -> str:
        try:
            answer = self._client.run_instances(**request)
        except ClientError as error:
            raise LaunchError(str(error), shortage=error.response["Error"]["Code"] in SHORTAGES) from error
        return str(answer["Instances"][0]["InstanceId"])

    def terminate(self, instance_id: str) -> None:
        """End an instance by TerminateInstances."""
        try:
            self._client.terminate_instances(InstanceIds=[instance_id])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
                raise

    def launch_template_type(self, specification: Mapping[str, str]) -> str:
        """Return the instance type that the template gives, t3.medium where it gives none, as EKS does."""
        return str(self._template(specification).get("InstanceType", "t3.medium"))

    def _template(self, specification: Mapping[str, str]) -> dict[str, Any]:
        names = {"id": "LaunchTemplateId", "name": "LaunchTemplateName"}
        which = {names[key]: value for key, value in specification.items() if key in names}
        version = specification.get("version", "$Default")
        found = self._client.describe_launch_template_versions(**which, Versions=[version])["LaunchTemplateVersions"]
        return dict(found[0]["LaunchTemplateData"])

    def create_volume(self, zone: str, gib: int, kind: str, tags: Mapping[str, str]) -> str:
        """Make a volume by CreateVolume."""
        tagged = tag_specifications(tags, ["volume"])
        made = self._client.create_volume(AvailabilityZone=zone, Size=gib, VolumeType=kind, TagSpecifications=tagged)
        return str(made["VolumeId"])

    def grow_volume(self, volume_id: str, gib: int) -> None:
        """Make a volume larger by ModifyVolume."""
        self._client.modify_volume(VolumeId=volume_id, Size=gib)

    def delete_volume(self, volume_id: str) -> None:
        """Delete a volume by DeleteVolume."""
        self._client.delete_volume(VolumeId=volume_id)


def request(order: Order, tagged: Iterable[str]) -> dict[str, Any]:
    """Return RunInstances' parameters for an order, whose tags go to every kind of resource in `tagged`."""
    groups: dict[str, Any] = {"SecurityGroupIds": list(order.security_groups)} if order.security_groups else {}
    return {
        "ImageId": IMAGE,
        "InstanceType": order.type_name,
        "SubnetId": order.subnet.id,
        "MinCount": 1,
        "MaxCount": 1,
        **groups,
        **({"InstanceMarketOptions": {"MarketType": "spot"}} if order.spot else {}),
        **({"IamInstanceProfile": {"Name": order.profile}} if order.profile else {}),
        **({"TagSpecifications": tag_specifications(order.tags, tagged)} if order.tags else {}),
    }


def _with(template: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return RunInstances' parameters with what EKS takes over from a group's template, which the emulator forgets."""
    kept = {name: template[name] for name in ("BlockDeviceMappings", "MetadataOptions") if name in template}
    tags = {each["ResourceType"]: each["Tags"] for each in template.get("TagSpecifications", [])}
    tagged = [
        {**each, "Tags": [*tags.get(each["ResourceType"], []), *each["Tags"]]} for each in asked["TagSpecifications"]
    ]
    return {**asked, **kept, "TagSpecifications": tagged}


def tag_specifications(tags: Mapping[str, str], kinds: Iterable[str]) -> list[dict[str, Any]]:
    """Return the tags for resources of those kinds, as EC2 takes them."""
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": kind, "Tags": pairs} for kind in kinds]


def _tag_filter(key: str, value: str) -> dict[str, Any]:
    return {"Name": "tag-key", "Values": [key]} if value == "*" else {"Name": f"tag:{key}", "Values": [value]}


@dataclass
class PaperFleet:
    """Instances on paper, in zones that are given: for a cluster without an account around it."""

    zones: Sequence[str] = ("us-west-2a", "us-west-2b", "us-west-2c")
    running: dict[str, Order] = field(default_factory=dict)
    volumes: dict[str, str] = field(default_factory=dict)  # their zones, by id
    grown: dict[str, int] = field(default_factory=dict)  # the GiB to which volumes were made larger, by id
    short_of: set[str] = field(default_factory=set)  # instance types, or `spot`, of which there are none just now
    launched: int = 0  # instances in all

    def subnets(self, terms: Iterable[Mapping[str, Any]]) -> list[Subnet]:
        """Return one subnet for each zone, whatever the terms."""
        return [Subnet(f"subnet-{zone}", zone) for zone in self.zones if list(terms)]

    def security_groups(self, terms: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return one group, whatever the terms."""
        return ["sg-paper"] if list(terms) else []

    def launch(self, order: Order) -> str:
        """Note an instance; raise LaunchError for what it is short of."""
        if order.type_name in self.short_of or (order.spot and "spot" in self.short_of):
            message = f"InsufficientInstanceCapacity: no {order.type_name} in {order.subnet.zone} just now"
            raise LaunchError(message, shortage=True)
        self.launched += 1
        instance_id = f"i-{self.launched:017x}"
        self.running[instance_id] = order
        return instance_id

    def terminate(self, instance_id: str) -> None:
        """Strike an instance off."""
        self.running.pop(instance_id, None)

    def launch_template_type(self, specification: Mapping[str, str]) -> str:
        """Raise LookupError: there are no templates on paper."""
        raise LookupError(f"there is no launch template {dict(specification)}")

    def create_volume(self, zone: str, gib: int, kind: str, tags: Mapping[str, str]) -> str:
        """Note a volume; of its size, kind and tags nothing is kept."""
        del gib, kind
        volume_id = f"vol-{len(self.volumes):017x}-{tags['kubernetes.io/created-for/pvc/name']}"
        self.volumes[volume_id] = zone
        return volume_id

    def grow_volume(self, volume_id: str, gib: int) -> None:
        """Note that a volume was made larger."""
        self.grown[volume_id] = gib

    def delete_volume(self, volume_id: str) -> None:
        """Strike a volume off."""
        del self.volumes[volume_id]

    def problems(self, node_class: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, str]:
        """Return none, whatever the class."""
        del node_class, tags
        return {}

    def label(self, instance_id: str, tags: Mapping[str, str]) -> None:
        """Do nothing: of tags nothing is kept."""

    def forget(self, node_class: str) -> None:
        """Do nothing: nothing is made for a class."""

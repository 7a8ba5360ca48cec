"""Whether a VPC that is taken as it is, and its subnets, are what the blueprint says and what a cluster needs."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from config.existing_network import KINDS, ExistingNetwork, ExistingSubnet
from operations.findings import Finding, ok, problem, warning
from operations.preflight.question import Question

SUBJECT = "existing network"
FIX = "correct `network.existing` in the blueprint"
DNS = {  # attribute -> its name in the answer, and the option that sets it
    "enableDnsSupport": ("EnableDnsSupport", "--enable-dns-support"),
    "enableDnsHostnames": ("EnableDnsHostnames", "--enable-dns-hostnames"),
}
LEAST_FREE = 16  # addresses that EKS recommends for the control plane's interfaces in each subnet
ANYWHERE = "0.0.0.0/0"
TAGS = {"public_subnets": "kubernetes.io/role/elb", "private_subnets": "kubernetes.io/role/internal-elb"}
TARGETS = ("GatewayId", "NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId")  # of a route
Found = Mapping[str, Any]  # as EC2 describes it


def existing_network(question: Question) -> Iterator[Finding]:
    """Yield what differs from the blueprint, and what nodes or load balancers would lack; nothing for a new VPC.

    https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
    """
    given = question.blueprint.network.existing
    if given is None:
        return
    found = list(_looked_at(question, given))
    yield from found or [ok(SUBJECT, f"{given.vpc_id} and its subnets are as the blueprint says")]


def _looked_at(question: Question, given: ExistingNetwork) -> Iterator[Finding]:
    ec2 = question.client("ec2")
    vpc = _vpc(ec2, given.vpc_id)
    if vpc is None:
        yield problem(SUBJECT, f"there is no VPC {given.vpc_id} in {question.region}", FIX)
        return
    yield from _of_vpc(question, given, str(vpc["CidrBlock"]))
    inside = [{"Name": "vpc-id", "Values": [given.vpc_id]}]
    tables = ec2.describe_route_tables(Filters=inside)["RouteTables"]
    subnets = {each["SubnetId"]: each for each in ec2.describe_subnets(Filters=inside)["Subnets"]}
    for kind in KINDS:
        for subnet in getattr(given, kind):
            there = subnets.get(subnet.id)
            if there is None:
                yield problem(SUBJECT, f"{given.vpc_id} has no subnet {subnet.id}", FIX)
            else:
                yield from _of_subnet(kind, subnet, there, _way_out(tables, subnet.id))


def _of_vpc(question: Question, given: ExistingNetwork, cidr: str) -> Iterator[Finding]:
    if str(given.cidr) != cidr:
        yield problem(SUBJECT, f"{given.vpc_id} has {cidr}, not {given.cidr}", FIX)
    for attribute, (key, option) in DNS.items():
        answer = question.client("ec2").describe_vpc_attribute(VpcId=given.vpc_id, Attribute=attribute)
        if not answer[key]["Value"]:
            command = f"aws ec2 modify-vpc-attribute --region {question.region} --vpc-id {given.vpc_id} {option}"
            yield problem(SUBJECT, f"{given.vpc_id} has {attribute} off", command)


def _of_subnet(kind: str, given: ExistingSubnet, there: Found, way_out: str) -> Iterator[Finding]:
    for what, key, told in (("zone", "AvailabilityZone", given.zone), ("range", "CidrBlock", str(given.cidr))):
        if there[key] != told:
            yield problem(SUBJECT, f"the {what} of {given.id} is {there[key]}, not {told}", FIX)
    if there["AvailableIpAddressCount"] < LEAST_FREE:
        text = f"{given.id} has {there['AvailableIpAddressCount']} free addresses, fewer than {LEAST_FREE}"
        yield problem(SUBJECT, text, "free some, or give another subnet")
    yield from _routed(kind, given.id, way_out)
    tags = {tag["Key"]: tag["Value"] for tag in there.get("Tags", [])}
    if kind in TAGS and tags.get(TAGS[kind]) != "1":
        command = f"aws ec2 create-tags --resources {given.id} --tags Key={TAGS[kind]},Value=1"
        yield warning(SUBJECT, f"{given.id} has no tag {TAGS[kind]}=1, so load balancers do not find it", command)


def _routed(kind: str, subnet: str, way_out: str) -> Iterator[Finding]:
    public = kind == "public_subnets"
    if way_out.startswith("igw-") != public:
        is_way = f"leads to {way_out}" if way_out else "is not there"
        want = "an internet gateway" if public else "a NAT gateway"
        text = f"{subnet} is one of {kind}, and its route to {ANYWHERE} {is_way}"
        yield problem(SUBJECT, text, f"route it to {want}, or give the subnet as what it is")
    elif not way_out:
        text = f"{subnet} has no route to {ANYWHERE}, and charts and images come from public registries"
        yield warning(SUBJECT, text, "route it to a NAT gateway, unless a proxy or mirrors serve them")


def _vpc(ec2: Any, wanted: str) -> Found | None:  # noqa: ANN401 - boto3's
    """Return what EC2 tells of a VPC, or None where there is none such."""
    try:
        found: Found = ec2.describe_vpcs(VpcIds=[wanted])["Vpcs"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidVpcID.NotFound":
            raise
        return None
    return found


def _way_out(tables: list[Found], subnet: str) -> str:
    """Return the id of what a subnet's traffic to the internet goes to; empty where there is no such route."""
    own = [table for table in tables if any(each.get("SubnetId") == subnet for each in table["Associations"])]
    main = [table for table in tables if any(each.get("Main") for each in table["Associations"])]
    for route in [route for table in (own or main)[:1] for route in table["Routes"]]:
        if route.get("DestinationCidrBlock") == ANYWHERE and route.get("State") != "blackhole":
            return next((str(route[target]) for target in TARGETS if route.get(target)), "")
    return ""

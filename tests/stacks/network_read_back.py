"""What EC2 tells of a network that was made: which traffic is recorded, and which ways lead to AWS's services."""

from collections.abc import Iterable
from typing import Any

from tests.rehearsal.live.account import Account

# Written here anew, so that a service that the construct forgets is missed.
CALLED = {
    *("aps-workspaces", "autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "monitoring"),
    *("secretsmanager", "sqs", "ssm", "ssmmessages", "sts"),
}
NODES, PRIVATE = "karpenter.sh/discovery", "kubernetes.io/role/internal-elb"  # tags of subnets


def _of(vpc: str) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [vpc]}]


def subnets_with(account: Account, vpc: str, tag: str) -> set[str]:
    """Return the ids of the subnets that have a tag."""
    found = account.client("ec2").describe_subnets(Filters=[*_of(vpc), {"Name": "tag-key", "Values": [tag]}])
    return {each["SubnetId"] for each in found["Subnets"]}


def tables_of(account: Account, vpc: str, subnets: Iterable[str]) -> set[str]:
    """Return the ids of the route tables of subnets."""
    found, wanted = account.client("ec2").describe_route_tables(Filters=_of(vpc))["RouteTables"], set(subnets)
    return {
        each["RouteTableId"] for each in found if wanted & {one.get("SubnetId") for one in each.get("Associations", [])}
    }


def records_all_traffic(account: Account, vpc: str, *, days: int) -> None:
    """Assert that all traffic is recorded, in a group that keeps it that long, by a role that may write there only."""
    (log,) = account.client("ec2").describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"]
    assert (log["FlowLogStatus"], log["TrafficType"]) == ("ACTIVE", "ALL")
    assert log["LogDestinationType"] == "cloud-watch-logs"
    groups = account.client("logs").describe_log_groups(logGroupNamePrefix=log["LogGroupName"])["logGroups"]
    (group,) = [each for each in groups if each["logGroupName"] == log["LogGroupName"]]
    assert group["retentionInDays"] == days
    iam, name = account.client("iam"), log["DeliverLogsPermissionArn"].rsplit("/", 1)[-1]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert [each["Principal"] for each in trust] == [{"Service": "vpc-flow-logs.amazonaws.com"}]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    (allowed,) = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]
    assert allowed["Resource"] == group["arn"]


def endpoints(account: Account, vpc: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return the available endpoints of a kind, by their service's short name."""
    all_of_them = account.client("ec2").describe_vpc_endpoints(Filters=_of(vpc))["VpcEndpoints"]
    found = [each for each in all_of_them if each["State"] != "deleted"]  # which EC2 shows for a while
    assert {each["State"] for each in found} <= {"available"}
    start = f"com.amazonaws.{account.world.region}."
    return {each["ServiceName"].removeprefix(start): each for each in found if each["VpcEndpointType"] == kind}


def leads_to_s3(account: Account, vpc: str) -> None:
    """Assert that nodes and private subnets reach S3 by its gateway: their tables, and no other, lead there."""
    gateways = endpoints(account, vpc, "Gateway")
    assert gateways.keys() == {"s3"}
    inside = subnets_with(account, vpc, NODES) | subnets_with(account, vpc, PRIVATE)
    assert set(gateways["s3"]["RouteTableIds"]) == tables_of(account, vpc, inside)


def leads_to_services(account: Account, vpc: str, ranges: set[str]) -> None:
    """Assert that every service is reached under its own name, in each zone, by HTTPS from the ranges and no more."""
    found, ec2 = endpoints(account, vpc, "Interface"), account.client("ec2")
    assert found.keys() == CALLED
    private = subnets_with(account, vpc, PRIVATE)
    for each in found.values():
        assert each["PrivateDnsEnabled"]
        assert set(each["SubnetIds"]) == private
    ids = {one["GroupId"] for each in found.values() for one in each["Groups"]}
    (group,) = ec2.describe_security_groups(GroupIds=[*ids])["SecurityGroups"]
    allowed = group["IpPermissions"]
    assert {(each["IpProtocol"], each["FromPort"], each["ToPort"]) for each in allowed} == {("tcp", 443, 443)}
    assert {one["CidrIp"] for each in allowed for one in each["IpRanges"]} == ranges
    assert not any(each["UserIdGroupPairs"] for each in allowed)
    out = [one["CidrIp"] for each in group["IpPermissionsEgress"] for one in each["IpRanges"]]
    assert out == ["255.255.255.255/32"], "which is nobody"

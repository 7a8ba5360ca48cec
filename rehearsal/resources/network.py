"""EC2: the network, and launch templates."""

from collections.abc import Mapping
from typing import Any

from rehearsal.cloudformation.provider import Provider
from rehearsal.resources.kind import Ask, Context, Kind, Name, Part, Ready
from rehearsal.resources.lifecycle import Lifecycle, ask


def _tagging(key: str) -> tuple[Ask, Ask]:
    resource = {"Resources": [f"${key}"]}
    untag = Ask("DeleteTags", resource | {"Tags": lambda context: [{"Key": name} for name in context["Keys"]]})
    return Ask("CreateTags", resource | {"Tags": "$Tags"}), untag


def _flag(operation: str, key: str, attribute: str) -> Part:
    """Return the part of an attribute that EC2 takes one at a time, wrapped as a value."""
    return Part(
        Ask(operation, {key: f"${key}", attribute: {"Value": "$Item"}}),
        Ask(operation, {key: f"${key}", attribute: {"Value": False}}),
    )


def _permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule of a security group as the API nests it: ports, then lists of each kind of peer."""
    said = {"Description": rule["Description"]} if rule.get("Description") else {}
    group = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    prefixes = rule.get("SourcePrefixListId") or rule.get("DestinationPrefixListId")
    permission = {
        "IpProtocol": rule["IpProtocol"],
        "FromPort": rule.get("FromPort"),
        "ToPort": rule.get("ToPort"),
        "IpRanges": [{"CidrIp": rule["CidrIp"], **said}] if rule.get("CidrIp") else None,
        "Ipv6Ranges": [{"CidrIpv6": rule["CidrIpv6"], **said}] if rule.get("CidrIpv6") else None,
        "UserIdGroupPairs": [{"GroupId": group, **said}] if group else None,
        "PrefixListIds": [{"PrefixListId": prefixes, **said}] if prefixes else None,
    }
    return {name: value for name, value in permission.items() if value is not None}


def _item(context: Context) -> list[dict[str, Any]]:
    return [_permission(context["Item"])]


def _whole(context: Context) -> list[dict[str, Any]]:
    return [_permission(context)]


_RULE_PROPERTIES = (
    *("IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "Description"),
    *("SourceSecurityGroupId", "DestinationSecurityGroupId", "SourcePrefixListId", "DestinationPrefixListId"),
)


def _rules(direction: str) -> Part:
    rule = {"GroupId": "$GroupId", "IpPermissions": _item}
    return Part(
        Ask(f"AuthorizeSecurityGroup{direction}", rule), Ask(f"RevokeSecurityGroup{direction}", rule), each=True
    )


def _rule(direction: str) -> Kind:
    rule = {"GroupId": "$GroupId", "IpPermissions": _whole}
    return Kind(
        service="ec2",
        create=Ask(f"AuthorizeSecurityGroup{direction}", rule, also=_RULE_PROPERTIES),
        key={"Id": "SecurityGroupRules[0].SecurityGroupRuleId"},
        delete=Ask(f"RevokeSecurityGroup{direction}", rule),
        attributes={"Id": "{Id}"},
    )


def _made(  # one line for the many types that are made, described and removed by an id of their own
    noun: str,
    tag_as: str | None,
    key: str,
    described: str,
    attributes: Mapping[str, str],
    parts: Mapping[str, Part] = {},
) -> Kind:
    return Kind(
        service="ec2",
        create=Ask(f"Create{noun}", takes_all=True),
        key={key: f"{noun}.{key}"},
        describe=Ask(f"Describe{described}", {f"{key}s": [f"${key}"]}),
        delete=Ask(f"Delete{noun}", {key: f"${key}"}),
        attributes={key: f"{{{key}}}", **attributes},
        parts=parts,
        tagging=_tagging(key),
        tag_as=tag_as,
    )


_ATTACHMENT = {"InternetGatewayId": "$InternetGatewayId", "VpcId": "$VpcId"}
_OF_VPC = {"Filters": [{"Name": "vpc-id", "Values": ["$VpcId"]}, {"Name": "group-name", "Values": ["default"]}]}
_OF_VPC_ACL = {"Filters": [{"Name": "vpc-id", "Values": ["$VpcId"]}, {"Name": "default", "Values": ["true"]}]}

VPC = Kind(
    service="ec2",
    create=Ask("CreateVpc", takes_all=True),
    key={"VpcId": "Vpc.VpcId"},
    describe=Ask("DescribeVpcs", {"VpcIds": ["$VpcId"]}),
    more=(Ask("DescribeSecurityGroups", _OF_VPC), Ask("DescribeNetworkAcls", _OF_VPC_ACL)),
    delete=Ask("DeleteVpc", {"VpcId": "$VpcId"}),
    attributes={
        "VpcId": "{VpcId}",
        "CidrBlock": "Vpcs[0].CidrBlock",
        "CidrBlockAssociations": "Vpcs[0].CidrBlockAssociationSet[].AssociationId",
        "DefaultNetworkAcl": "NetworkAcls[0].NetworkAclId",
        "DefaultSecurityGroup": "SecurityGroups[0].GroupId",
        "Ipv6CidrBlocks": "Vpcs[0].Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock",
    },
    parts={
        **{name: _flag("ModifyVpcAttribute", "VpcId", name) for name in ("EnableDnsSupport", "EnableDnsHostnames")},
        "InstanceTenancy": Part(  # EC2 takes no value but `default`: all else replaces the VPC
            Ask("ModifyVpcTenancy", {"VpcId": "$VpcId", "InstanceTenancy": "$Item"}),
            Ask("ModifyVpcTenancy", {"VpcId": "$VpcId", "InstanceTenancy": "default"}),
        ),
    },
    tagging=_tagging("VpcId"),
    tag_as="vpc",
    ready=Ready("Vpcs[0].State", ("available",), 300),
)

SUBNET = _made(
    *("Subnet", "subnet", "SubnetId", "Subnets"),
    {
        "AvailabilityZone": "Subnets[0].AvailabilityZone",
        "AvailabilityZoneId": "Subnets[0].AvailabilityZoneId",
        "CidrBlock": "Subnets[0].CidrBlock",
        "Ipv6CidrBlocks": "Subnets[0].Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock",
        "VpcId": "Subnets[0].VpcId",
    },
    {
        name: _flag("ModifySubnetAttribute", "SubnetId", name)
        for name in ("MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation")
    },
)

NAT_GATEWAY = Kind(
    service="ec2",
    create=Ask("CreateNatGateway", takes_all=True),
    key={"NatGatewayId": "NatGateway.NatGatewayId"},
    describe=Ask("DescribeNatGateways", {"NatGatewayIds": ["$NatGatewayId"]}),
    delete=Ask("DeleteNatGateway", {"NatGatewayId": "$NatGatewayId"}),
    attributes={"EniId": "NatGateways[0].NatGatewayAddresses[0].NetworkInterfaceId", "NatGatewayId": "{NatGatewayId}"},
    tagging=_tagging("NatGatewayId"),
    tag_as="natgateway",
    ready=Ready("NatGateways[0].State", ("available",), 600, ("failed",), "NatGateways[0].FailureMessage"),
    gone=Ready("NatGateways[0].State", ("deleted", None), 900),  # type: ignore[arg-type]
)

SECURITY_GROUP = Kind(
    service="ec2",
    name=Name("GroupName", 255),
    create=Ask("CreateSecurityGroup", {"Description": "$GroupDescription"}, takes_all=True),
    key={"GroupId": "GroupId"},
    describe=Ask("DescribeSecurityGroups", {"GroupIds": ["$GroupId"]}),
    delete=Ask("DeleteSecurityGroup", {"GroupId": "$GroupId"}),
    attributes={"GroupId": "{GroupId}", "Id": "{GroupId}", "VpcId": "SecurityGroups[0].VpcId"},
    parts={"SecurityGroupIngress": _rules("Ingress"), "SecurityGroupEgress": _rules("Egress")},
    tagging=_tagging("GroupId"),
    tag_as="security-group",
)


class SecurityGroups(Lifecycle):
    """Security groups: EC2 lets everything out of a new one, and a template's egress rules stand in place of that."""

    def _finish(self, *arguments: Any) -> None:  # noqa: ANN401 - the base class's
        _, client, context, left = arguments
        if "SecurityGroupEgress" in left:
            everything = {"IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
            ask(client, Ask("RevokeSecurityGroupEgress", {"GroupId": "$GroupId", **everything}), context, {})
        super()._finish(*arguments)


def _listed(change: str) -> Part:
    """Return the part of a list of an endpoint's that is changed entry by entry."""
    return Part(
        Ask("ModifyVpcEndpoint", {"VpcEndpointId": "$Id", f"Add{change}": ["$Item"]}),
        Ask("ModifyVpcEndpoint", {"VpcEndpointId": "$Id", f"Remove{change}": ["$Item"]}),
        each=True,
    )


_TEMPLATE = {"LaunchTemplateId": "$LaunchTemplateId"}
_ROUTE = {"RouteTableId": "$RouteTableId"}
_ROUTE |= {name: f"${name}" for name in ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")}

KINDS = {
    "AWS::EC2::VPC": VPC,
    "AWS::EC2::VPCCidrBlock": Kind(
        service="ec2",
        create=Ask("AssociateVpcCidrBlock", takes_all=True),
        key={"Id": "CidrBlockAssociation.AssociationId || Ipv6CidrBlockAssociation.AssociationId"},
        delete=Ask("DisassociateVpcCidrBlock", {"AssociationId": "$Id"}),
        attributes={"Id": "{Id}"},
    ),
    "AWS::EC2::Subnet": SUBNET,
    "AWS::EC2::RouteTable": _made("RouteTable", "route-table", "RouteTableId", "RouteTables", {}),
    "AWS::EC2::InternetGateway": _made(
        "InternetGateway", "internet-gateway", "InternetGatewayId", "InternetGateways", {}
    ),
    "AWS::EC2::NatGateway": NAT_GATEWAY,
    "AWS::EC2::Route": Kind(
        service="ec2",
        create=Ask("CreateRoute", takes_all=True),
        key={
            "RouteTableId": "RouteTableId",
            "CidrBlock": "DestinationCidrBlock || DestinationIpv6CidrBlock || DestinationPrefixListId",
        },
        delete=Ask("DeleteRoute", _ROUTE),
        updates=(Ask("ReplaceRoute", _ROUTE, takes_all=True),),
        attributes={"CidrBlock": "{CidrBlock}"},
    ),
    "AWS::EC2::SubnetRouteTableAssociation": Kind(
        service="ec2",
        create=Ask("AssociateRouteTable", takes_all=True),
        key={"Id": "AssociationId"},
        delete=Ask("DisassociateRouteTable", {"AssociationId": "$Id"}),
        attributes={"Id": "{Id}"},
    ),
    "AWS::EC2::VPCGatewayAttachment": Kind(
        service="ec2",
        create=Ask("AttachInternetGateway", _ATTACHMENT),
        key={"AttachmentType": "'IGW'", "VpcId": "VpcId"},
        delete=Ask("DetachInternetGateway", _ATTACHMENT),
        attributes={"AttachmentType": "{AttachmentType}"},
    ),
    "AWS::EC2::EIP": Kind(
        service="ec2",
        create=Ask("AllocateAddress", takes_all=True),
        key={"PublicIp": "PublicIp"},
        describe=Ask("DescribeAddresses", {"PublicIps": ["$PublicIp"]}),
        delete=Ask("ReleaseAddress", {"AllocationId": "$AllocationId"}),
        attributes={"AllocationId": "Addresses[0].AllocationId", "PublicIp": "{PublicIp}"},
        tagging=_tagging("AllocationId"),
        tag_as="elastic-ip",
    ),
    "AWS::EC2::SecurityGroupIngress": _rule("Ingress"),
    "AWS::EC2::SecurityGroupEgress": _rule("Egress"),
    "AWS::EC2::VPCEndpoint": Kind(
        service="ec2",
        create=Ask("CreateVpcEndpoint", {"VpcEndpointType": "$VpcEndpointType || 'Gateway'"}, takes_all=True),
        key={"Id": "VpcEndpoint.VpcEndpointId"},
        describe=Ask("DescribeVpcEndpoints", {"VpcEndpointIds": ["$Id"]}),
        delete=Ask("DeleteVpcEndpoints", {"VpcEndpointIds": ["$Id"]}),
        attributes={
            "Id": "{Id}",
            "CreationTimestamp": "VpcEndpoints[0].CreationTimestamp",
            "DnsEntries": "VpcEndpoints[0].DnsEntries[].join(':', [HostedZoneId, DnsName])",
            "NetworkInterfaceIds": "VpcEndpoints[0].NetworkInterfaceIds",
        },
        tagging=_tagging("Id"),
        tag_as="vpc-endpoint",
        parts={name: _listed(name) for name in ("RouteTableIds", "SecurityGroupIds", "SubnetIds")},
        ready=Ready("VpcEndpoints[0].State", ("available",), 600, ("failed", "rejected")),
    ),
    "AWS::EC2::FlowLog": Kind(
        service="ec2",
        create=Ask("CreateFlowLogs", {"ResourceIds": ["$ResourceId"]}, takes_all=True),
        key={"Id": "FlowLogIds[0]"},
        delete=Ask("DeleteFlowLogs", {"FlowLogIds": ["$Id"]}),
        attributes={"Id": "{Id}"},
        tagging=_tagging("Id"),
        tag_as="vpc-flow-log",
    ),
    "AWS::EC2::LaunchTemplate": Kind(
        service="ec2",
        name=Name("LaunchTemplateName", 128),
        create=Ask("CreateLaunchTemplate", takes_all=True),
        key={"LaunchTemplateId": "LaunchTemplate.LaunchTemplateId"},
        describe=Ask("DescribeLaunchTemplates", {"LaunchTemplateIds": ["$LaunchTemplateId"]}),
        delete=Ask("DeleteLaunchTemplate", _TEMPLATE),
        attributes={
            "LaunchTemplateId": "{LaunchTemplateId}",
            "LatestVersionNumber": "LaunchTemplates[0].LatestVersionNumber",
            "DefaultVersionNumber": "LaunchTemplates[0].DefaultVersionNumber",
        },
        parts={
            "LaunchTemplateData": Part(Ask("CreateLaunchTemplateVersion", _TEMPLATE | {"LaunchTemplateData": "$Item"}))
        },
    ),
}
OTHERS: dict[str, Provider] = {"AWS::EC2::SecurityGroup": SecurityGroups(SECURITY_GROUP)}

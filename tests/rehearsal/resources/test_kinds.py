"""Every kind against botocore's models and the CloudFormation registry: a name that is wrong fails here, not later."""

from typing import Any

import botocore.session
import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from rehearsal.resources import PROVIDERS
from rehearsal.resources.kind import Ask, Kind
from rehearsal.resources.lifecycle import Lifecycle

# Of features that this project has no use for: encryption controls, metadata tables, SnapStart and the like.
NOT_ANSWERED: dict[str, set[str]] = {
    "AWS::EC2::NatGateway": {"AutoProvisionZones", "AutoScalingIps", "RouteTableId"},
    "AWS::EC2::Subnet": {"BlockPublicAccessStates", "NetworkAclAssociationId"},
    "AWS::EC2::VPC": {"VpcEncryptionControl"},
    "AWS::EC2::VPCCidrBlock": {"IpSource", "Ipv6AddressAttribute"},
    "AWS::EKS::Cluster": {"CertificateAuthority"},
    "AWS::IAM::ManagedPolicy": {"PermissionsBoundaryUsageCount"},
    "AWS::Lambda::Function": {"SnapStartResponse"},
    "AWS::S3::Bucket": {"MetadataConfiguration", "MetadataTableConfiguration"},
    "AWS::StepFunctions::StateMachine": {"StateMachineRevisionId"},
}
MODELS = botocore.session.get_session()
KINDS = {type_: provider.kind for type_, provider in PROVIDERS.items() if isinstance(provider, Lifecycle)}


def asked(kind: Kind) -> list[Ask]:
    parts = [step for part in kind.parts.values() for step in (part.put, part.remove)]
    steps = [kind.create, kind.delete, kind.describe, *kind.more, *kind.updates, *(kind.tagging or ()), *parts]
    return [step for step in steps if step]


def schema(type_: str) -> Any:  # noqa: ANN401 - JSON
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-west-2", type_).schema


@pytest.mark.parametrize("type_", sorted(KINDS))
def test_operations_and_parameters_exist(type_: str) -> None:
    model = MODELS.get_service_model(KINDS[type_].service)
    for step in asked(KINDS[type_]):
        inputs = model.operation_model(step.operation).input_shape
        assert step.parameters.keys() <= (inputs.members.keys() if inputs else set()), step


@pytest.mark.parametrize("type_", sorted(KINDS))
def test_parts_and_ignored_names_are_properties(type_: str) -> None:
    kind = KINDS[type_]
    assert kind.parts.keys() | {*kind.ignored} <= schema(type_)["properties"].keys()


@pytest.mark.parametrize("type_", sorted(KINDS))
def test_every_required_property_is_taken(type_: str) -> None:
    kind, required = KINDS[type_], schema(type_).get("required", [])
    model = MODELS.get_service_model(kind.service)
    members = {name.lower() for name in model.operation_model(kind.create.operation).input_shape.members}
    taken = kind.create.names() | kind.parts.keys() | {*kind.ignored}
    assert not [name for name in required if name not in taken and name.lower() not in members]


@pytest.mark.parametrize("type_", sorted(PROVIDERS))
def test_every_type_is_one_of_the_registrys(type_: str) -> None:
    assert schema(type_)["typeName"] == type_


@pytest.mark.parametrize("type_", sorted(KINDS))
def test_attributes_that_getatt_may_ask_for_are_answered(type_: str) -> None:
    """What is left out here, the rehearsal refuses; the list says what that is."""
    paths = [
        path.removeprefix("/properties/").replace("/", ".") for path in schema(type_).get("readOnlyProperties", [])
    ]
    missing = {path.partition(".")[0] for path in paths if path not in KINDS[type_].attributes}
    assert missing == NOT_ANSWERED.get(type_, set())

from typing import Any

import botocore.session
import pytest

from rehearsal.cloudformation.provider import Failure
from rehearsal.resources.fit import fit, member


def shape(service: str, operation: str, name: str) -> Any:  # noqa: ANN401 - botocore has no types
    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(operation).input_shape.members[name]


@pytest.mark.parametrize(
    ("where", "given", "fitted"),
    [
        (("iam", "CreateRole", "AssumeRolePolicyDocument"), {"Statement": []}, '{"Statement": []}'),
        (("iam", "CreateRole", "MaxSessionDuration"), "3600", 3600),
        (("eks", "CreateCluster", "tags"), [{"Key": "a", "Value": "b"}], {"a": "b"}),
        (("ssm", "PutParameter", "Tags"), {"a": "b"}, [{"Key": "a", "Value": "b"}]),
        (("kms", "CreateKey", "Tags"), {"a": "b"}, [{"TagKey": "a", "TagValue": "b"}]),
        (("eks", "CreateCluster", "resourcesVpcConfig"), {"SubnetIds": ["s"]}, {"subnetIds": ["s"]}),
        (("eks", "CreateCluster", "deletionProtection"), "true", True),
    ],
)
def test_a_property_takes_the_form_of_its_parameter(where: tuple[str, str, str], given: Any, fitted: Any) -> None:  # noqa: ANN401
    assert fit(shape(*where), given) == fitted


def test_a_part_without_a_parameter_is_refused_by_name() -> None:
    with pytest.raises(Failure, match="Subnets is not one of"):
        fit(shape("eks", "CreateCluster", "resourcesVpcConfig"), {"Subnets": []})


def test_names_are_matched_whatever_their_case() -> None:
    model = botocore.session.get_session().get_service_model("emr-containers")
    inputs = model.operation_model("CreateVirtualCluster").input_shape
    assert member(inputs, "ContainerProvider") == "containerProvider"
    assert member(inputs, "Nothing") is None

"""Which services a policy may name."""

import json

import pytest
from moto.core.base_backend import BackendDict

from rehearsal.access import principals
from rehearsal.world import ACCOUNT


def first_unknown(*services: str) -> str | None:
    BackendDict.reset()
    statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}
    return principals.unknown(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), ACCOUNT)


@pytest.mark.parametrize(
    "service",
    [
        *("aps", "codebuild", "delivery.logs", "ec2", "ecs-tasks", "eks", "eks-nodegroup", "emr-containers", "events"),
        *("lambda", "logs.us-west-2", "monitoring", "pods.eks", "s3", "sns", "spot", "states.us-west-2"),
        *("cloudwatch", "vpc-flow-logs", "scheduler", "grafana", "cluster.k8s"),
    ],
)
def test_a_service_s_names_are_known(service: str) -> None:
    assert first_unknown(f"{service}.amazonaws.com") is None


@pytest.mark.parametrize("service", ["lamda.amazonaws.com", "vpc-flowlogs.amazonaws.com", "pods.esk.amazonaws.com"])
def test_a_slip_in_a_service_s_name_is_found(service: str) -> None:
    assert first_unknown("lambda.amazonaws.com", service) == service


def test_a_name_that_is_not_of_aws_s_form_is_left_to_aws() -> None:
    assert first_unknown("ec2.amazonaws.com.cn") is None

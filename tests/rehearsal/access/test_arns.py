"""The action and the resources that a call is checked for."""

from typing import Any

import pytest
from moto.secretsmanager.models import secretsmanager_backends

from rehearsal.access.actions import action, passed_roles
from rehearsal.access.arns import resources
from rehearsal.wire.call import Call, Principal

HERE = "us-west-2:111122223333"
MACHINE = f"arn:aws:states:{HERE}:stateMachine:waiter"

CASES: list[tuple[str, str, dict[str, Any], str, list[str]]] = [
    ("stepfunctions", "ListExecutions", {"stateMachineArn": MACHINE}, "states:ListExecutions", [MACHINE]),
    (
        "codebuild",
        "BatchGetBuilds",
        {"ids": ["p:1", "q:2"]},
        "codebuild:BatchGetBuilds",
        [f"arn:aws:codebuild:{HERE}:project/p", f"arn:aws:codebuild:{HERE}:project/q"],
    ),
    ("codebuild", "StopBuild", {"id": "p:1"}, "codebuild:StopBuild", [f"arn:aws:codebuild:{HERE}:project/p"]),
    ("codebuild", "StartBuild", {"projectName": "p"}, "codebuild:StartBuild", [f"arn:aws:codebuild:{HERE}:project/p"]),
    ("s3", "GetObject", {"Bucket": "b", "Key": "a/b"}, "s3:GetObject", ["arn:aws:s3:::b/a/b"]),
    ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, "s3:GetObject", ["arn:aws:s3:::b/k"]),
    ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, "s3:PutObject", ["arn:aws:s3:::b/k"]),
    ("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "p"}, "s3:ListBucket", ["arn:aws:s3:::b"]),
    ("s3", "ListBuckets", {}, "s3:ListAllMyBuckets", ["*"]),
    ("s3", "PutBucketEncryption", {"Bucket": "b"}, "s3:PutEncryptionConfiguration", ["arn:aws:s3:::b"]),
    (
        "s3",
        "DeleteObjects",
        {"Bucket": "b", "Delete": {"Objects": [{"Key": "1"}, {"Key": "2"}]}},
        "s3:DeleteObject",
        ["arn:aws:s3:::b/1", "arn:aws:s3:::b/2"],
    ),
    ("lambda", "Invoke", {"FunctionName": "f"}, "lambda:InvokeFunction", [f"arn:aws:lambda:{HERE}:function:f"]),
    (
        "lambda",
        "Invoke",
        {"FunctionName": f"arn:aws:lambda:{HERE}:function:f:live"},
        "lambda:InvokeFunction",
        [f"arn:aws:lambda:{HERE}:function:f:live"],
    ),
    ("eks", "DescribeCluster", {"name": "c"}, "eks:DescribeCluster", [f"arn:aws:eks:{HERE}:cluster/c"]),
    (
        "eks",
        "DescribeNodegroup",
        {"clusterName": "c", "nodegroupName": "n"},
        "eks:DescribeNodegroup",
        [f"arn:aws:eks:{HERE}:nodegroup/c/n/*"],
    ),
    (
        "emr-containers",
        "CancelJobRun",
        {"virtualClusterId": "v", "id": "j"},
        "emr-containers:CancelJobRun",
        [f"arn:aws:emr-containers:{HERE}:/virtualclusters/v/jobruns/j"],
    ),
    (
        "logs",
        "CreateLogStream",
        {"logGroupName": "/aws/x", "logStreamName": "s"},
        "logs:CreateLogStream",
        [f"arn:aws:logs:{HERE}:log-group:/aws/x:log-stream:s"],
    ),
    ("logs", "DescribeLogGroups", {}, "logs:DescribeLogGroups", [f"arn:aws:logs:{HERE}:log-group::log-stream:"]),
    ("stepfunctions", "StartExecution", {"stateMachineArn": MACHINE}, "states:StartExecution", [MACHINE]),
    (
        "iam",
        "CreateServiceLinkedRole",
        {"AWSServiceName": "spot.amazonaws.com"},
        "iam:CreateServiceLinkedRole",
        ["arn:aws:iam::111122223333:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"],
    ),
    ("ssm", "GetParameter", {"Name": "/cdk/v"}, "ssm:GetParameter", [f"arn:aws:ssm:{HERE}:parameter/cdk/v"]),
    (
        "ssm",
        "GetParameter",
        {"Name": "/aws/service/eks/x"},
        "ssm:GetParameter",
        ["arn:aws:ssm:us-west-2::parameter/aws/service/eks/x"],
    ),
    ("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16"}, "ec2:CreateVpc", [f"arn:aws:ec2:{HERE}:vpc/*"]),
    ("ec2", "DescribeVpcs", {"VpcIds": ["vpc-1"]}, "ec2:DescribeVpcs", ["*"]),
    (
        "ec2",
        "TerminateInstances",
        {"InstanceIds": ["i-1", "i-2"]},
        "ec2:TerminateInstances",
        [f"arn:aws:ec2:{HERE}:instance/i-1", f"arn:aws:ec2:{HERE}:instance/i-2"],
    ),
    (
        "ec2",
        "RevokeSecurityGroupEgress",
        {"GroupId": "sg-1", "SecurityGroupRuleIds": ["sgr-1"]},
        "ec2:RevokeSecurityGroupEgress",
        [f"arn:aws:ec2:{HERE}:security-group/sg-1"],
    ),
    (
        "ec2",
        "CreateTags",
        {"Resources": ["vpce-1"], "Tags": [{"Key": "a", "Value": "b"}]},
        "ec2:CreateTags",
        [f"arn:aws:ec2:{HERE}:vpc-endpoint/vpce-1"],
    ),
    ("codebuild", "StartBuild", {"projectName": "p"}, "codebuild:StartBuild", [f"arn:aws:codebuild:{HERE}:project/p"]),
    ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::1:role/x/R"}, "sts:AssumeRole", ["arn:aws:iam::1:role/x/R"]),
    ("emr-containers", "UpdateVirtualCluster", {"id": "v"}, "emr-containers:UpdateVirtualCluster", ["*"]),
]


def make_call(service: str, operation: str, parameters: dict[str, Any]) -> Call:
    return Call(service, operation, parameters, Principal("me"), "key", "us-west-2", "111122223333", "request")


@pytest.mark.parametrize(("service", "operation", "parameters", "wanted", "touched"), CASES)
def test_a_call_is_checked_for_its_action_on_what_it_touches(
    service: str, operation: str, parameters: dict[str, Any], wanted: str, touched: list[str]
) -> None:
    call = make_call(service, operation, parameters)
    assert (action(call), list(resources(call, wanted))) == (wanted, touched)


PASSING: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    ("lambda", "CreateFunction", {"Role": "r"}, [("r", "lambda.amazonaws.com")]),
    ("lambda", "UpdateFunctionConfiguration", {}, []),
    (
        "eks",
        "CreateAddon",
        {"podIdentityAssociations": [{"roleArn": "a"}, {"roleArn": "b"}]},
        [("a", "pods.eks.amazonaws.com"), ("b", "pods.eks.amazonaws.com")],
    ),
    ("ec2", "RunInstances", {"IamInstanceProfile": {"Name": "p"}}, [("p", "ec2.amazonaws.com")]),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "passed"), PASSING)
def test_an_operation_that_hands_on_a_role_tells_which_and_to_whom(
    service: str, operation: str, parameters: dict[str, Any], passed: list[tuple[str, str]]
) -> None:
    assert list(passed_roles(make_call(service, operation, parameters))) == passed


def test_a_secret_called_by_its_name_is_the_one_whose_arn_ends_in_letters_of_aws() -> None:
    """Policies name the ARN, as it is known once the secret is there; programs call it by its name."""
    secrets = secretsmanager_backends["111122223333"]["us-west-2"]
    made = secrets.create_managed_secret("test", "named", secret_string="text")  # noqa: S106 - no secret
    principal = Principal("arn:aws:iam::111122223333:role/r", "r")
    asked = ("secretsmanager", "GetSecretValue", {"SecretId": "named"})
    call = Call(*asked, principal, "", "us-west-2", "111122223333", "")
    assert resources(call, "secretsmanager:GetSecretValue") == (made.arn,)

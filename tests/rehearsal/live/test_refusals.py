"""Stories of more than one step that AWS ends with a refusal, each with the documentation that says so."""

import json
from typing import Any

import pytest

from tests.rehearsal.live.account import Account, Outcome, Resources, changed
from tests.rehearsal.live.pieces import (
    ACCOUNT,
    CLUSTER,
    REGION,
    allow,
    arn,
    function,
    namespace,
    network,
    ref,
    resource,
    role,
    thing,
)


def deployed(account: Account, resources: Resources, **more: Any) -> Outcome:  # noqa: ANN401 - CreateStack's
    made = account.create(resources, **more)
    assert made.status == "CREATE_COMPLETE", made.reasons
    return made


def test_a_bucket_that_is_not_empty_stays(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html"""
    made = deployed(account, {"Bucket": resource("S3::Bucket", {"BucketName": "live-full"})})
    account.client("s3").put_object(Bucket="live-full", Key="k", Body=b"x")
    stuck = account.delete(made)
    assert stuck.status == "DELETE_FAILED"
    assert "Bucket: " in stuck.reasons
    assert "The bucket you tried to delete is not empty" in stuck.reasons
    account.client("s3").delete_object(Bucket="live-full", Key="k")
    assert account.delete(made).status == "DELETE_COMPLETE"


def test_what_carries_a_security_group_or_lies_in_a_subnet_keeps_the_network(account: Account) -> None:
    """https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html"""
    group = resource("EC2::SecurityGroup", {"GroupDescription": "live", "VpcId": ref("Vpc")})
    outputs = {name: {"Value": ref(name)} for name in ("SubnetA", "Group")}
    made = deployed(account, {**network(), "Group": group}, outputs=outputs)
    found, ec2 = account.outputs(made), account.client("ec2")
    left = ec2.create_network_interface(SubnetId=found["SubnetA"], Groups=[found["Group"]])["NetworkInterface"]
    stuck = account.delete(made)
    assert stuck.status == "DELETE_FAILED"
    assert f"resource {found['Group']} has a dependent object" in stuck.reasons
    assert f"The subnet '{found['SubnetA']}' has dependencies and cannot be deleted" in stuck.reasons
    ec2.delete_network_interface(NetworkInterfaceId=left["NetworkInterfaceId"])
    assert account.delete(made).status == "DELETE_COMPLETE"


def test_an_export_in_use_keeps_its_stack(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html"""
    outputs = {"Out": {"Value": ref("Topic"), "Export": {"Name": "live-topic"}}}
    first = deployed(account, {"Topic": resource("SNS::Topic")}, outputs=outputs)
    name = {"Fn::Select": [5, {"Fn::Split": [":", {"Fn::ImportValue": "live-topic"}]}]}
    second = deployed(account, {"User": resource("SNS::Topic", {"DisplayName": name})}, name="live-importer")
    kept = account.delete(first)
    assert kept.status != "DELETE_COMPLETE"
    assert "Export live-topic cannot be deleted as it is in use by live-importer" in kept.reasons
    account.discard(second)
    assert account.delete(first).status == "DELETE_COMPLETE"


def test_a_replacement_under_the_same_name_is_refused(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html"""
    named = {"Role": role("lambda", RoleName="live-named", Path="/one/")}
    made = deployed(account, named)
    moved = changed(named, "Role.Properties.Path", "/two/")
    refused = account.update(made, moved)
    assert refused.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "custom-named resource requires replacing. Rename live-named" in refused.reasons
    renamed = account.update(made, changed(moved, "Role.Properties.RoleName", "live-renamed"))
    assert renamed.status == "UPDATE_COMPLETE", renamed.reasons
    account.discard(made)


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("Logs::LogGroup", "LogGroupName", "already exists"),
        ("S3::Bucket", "BucketName", "BucketAlreadyOwnedByYou"),
        ("IAM::Role", "RoleName", "live-taken already exists"),
        ("SSM::Parameter", "Name", "already exists"),
        ("SecretsManager::Secret", "Name", "already exists"),
    ],
)
def test_a_name_that_another_stack_holds_is_refused(account: Account, kind: str, name: str, says: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html"""
    more = {"Type": "String", "Value": "x"} if "Parameter" in kind else {}
    base = role("lambda") if "Role" in kind else resource(kind, more)
    named = changed({"A": base}, f"A.Properties.{name}", "live-taken")
    first = deployed(account, named)
    second = account.create(named)
    assert second.status == "ROLLBACK_COMPLETE"
    assert says in second.reasons
    account.discard(second)
    account.discard(first)
    account.discard(deployed(account, named))


def test_a_secrets_name_is_not_free_while_its_deletion_is_scheduled(account: Account) -> None:
    """https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html"""
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name="live-secret", SecretString="x")
    secrets.delete_secret(SecretId="live-secret", RecoveryWindowInDays=7)
    named = {"Secret": resource("SecretsManager::Secret", {"Name": "live-secret", "GenerateSecretString": {}})}
    refused = account.create(named)
    assert "already scheduled for deletion" in refused.reasons
    account.discard(refused)
    account.discard(deployed(account, changed(named, "Secret.Properties.Name", "live-other")))


def test_a_service_role_must_be_allowed_to_pass_the_functions_role(account: Account) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"""
    may = allow("lambda:*", "iam:CreateRole", "iam:GetRole", "iam:DeleteRole", "iam:*RolePolicy", "ssm:*")
    deployer = {"Deployer": role("cloudformation", may, RoleName="live-deployer")}
    made = deployed(account, deployer)
    service_role = f"arn:aws:iam::{ACCOUNT}:role/live-deployer"
    wanted = {name: thing()[name] for name in ("Role", "Function")}
    refused = account.create(wanted, RoleARN=service_role)
    assert "assumed-role/live-deployer/AWSCloudFormation is not authorized to perform: iam:PassRole" in refused.reasons
    account.discard(refused)
    path = "Deployer.Properties.Policies.0.PolicyDocument.Statement.0.Action"
    assert account.update(made, changed(deployer, path, [*may["Action"], "iam:PassRole"])).status == "UPDATE_COMPLETE"
    account.discard(deployed(account, wanted, RoleARN=service_role))
    account.discard(made)


def test_a_state_machine_calls_a_function_only_as_its_role_may(account: Account) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/lambda-iam.html"""
    code = "def handler(event, context): return 'done'"
    task = {"Type": "Task", "Resource": arn("Function"), "End": True}
    machine = {"RoleArn": arn("MachineRole"), "Definition": {"StartAt": "A", "States": {"A": task}}}
    parts = {
        "Role": role("lambda"),
        "Function": function("thing", "Role", Code={"ZipFile": code}),
        "MachineRole": role("states", allow("lambda:GetFunction")),
        "Machine": resource("StepFunctions::StateMachine", machine),
    }
    made = deployed(account, parts, outputs={"Machine": {"Value": ref("Machine")}})
    denied = _executed(account, account.outputs(made)["Machine"])
    assert denied["status"] == "FAILED"
    assert "is not authorized to perform: lambda:InvokeFunction on resource" in denied["cause"]
    path = "MachineRole.Properties.Policies.0.PolicyDocument.Statement.0.Action"
    outputs = {"Machine": {"Value": ref("Machine")}}
    assert account.update(made, changed(parts, path, "lambda:InvokeFunction"), outputs=outputs).status == (
        "UPDATE_COMPLETE"
    )
    assert json.loads(_executed(account, account.outputs(made)["Machine"])["output"]) == "done"
    account.discard(made)


def _executed(account: Account, machine: str) -> dict[str, Any]:
    machines = account.client("stepfunctions")
    started = machines.start_execution(stateMachineArn=machine)["executionArn"]
    account.waits(lambda: machines.describe_execution(executionArn=started)["status"] != "RUNNING")
    found: dict[str, Any] = machines.describe_execution(executionArn=started)
    return found


@pytest.mark.usefixtures("platform")
def test_a_virtual_cluster_takes_the_permission_to_let_emr_into_the_cluster(account: Account) -> None:
    """https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/setting-up-enable-IAM.html"""
    team = deployed(account, {"Namespace": namespace("let-in")})
    deployer = {"Deployer": role("cloudformation", allow("emr-containers:*"), RoleName="live-emr")}
    made = deployed(account, deployer)
    info = {"EksInfo": {"Namespace": "let-in"}}
    provider = {"Id": CLUSTER, "Type": "EKS", "Info": info}
    virtual = {"V": resource("EMRContainers::VirtualCluster", {"Name": "v", "ContainerProvider": provider})}
    refused = account.create(virtual, RoleARN=f"arn:aws:iam::{ACCOUNT}:role/live-emr")
    assert "is not authorized to perform: eks:CreateAccessEntry" in refused.reasons
    assert f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{CLUSTER}" in refused.reasons
    account.discard(refused)
    path = "Deployer.Properties.Policies.0.PolicyDocument.Statement.0.Action"
    assert account.update(made, changed(deployer, path, ["emr-containers:*", "eks:*"])).status == "UPDATE_COMPLETE"
    account.discard(deployed(account, virtual, RoleARN=f"arn:aws:iam::{ACCOUNT}:role/live-emr"))
    account.discard(made)
    account.discard(team)

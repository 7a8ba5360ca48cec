"""A secret that was put, in the form that it has there, into each place in which a search must find one."""

import base64
import gzip
import json
import time
import urllib.parse
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rehearsal.kubernetes.api import Api
from tests.rehearsal.live.account import Account, Outcome

SECRET = "Planted/in+all=places"  # noqa: S105 - only for tests; it has what an URL must encode
NAMESPACE = "/api/v1/namespaces/default"
LOG = "planted"


@contextmanager
def everywhere(account: Account, kubernetes: Api, folder: Path) -> Iterator[dict[str, str]]:
    """Plant it while the context lasts; give the names of the texts that hold it, by how they do."""
    packed = _packed(folder / "asset.zip")
    bucket = account.client("s3").list_buckets()["Buckets"][0]["Name"]
    account.client("s3").put_object(Bucket=bucket, Key="planted.zip", Body=packed.read_bytes())
    _log(account)
    stack = _stack(account)
    role, machine = _execution(account)
    function = _environment(account, SECRET)
    for kind, body in _objects():
        kubernetes.create(f"{NAMESPACE}/{kind}", body)
    try:
        yield _names(folder, packed, bucket) | {"in a Lambda environment": f"function {function}"}
    finally:
        account.client("s3").delete_object(Bucket=bucket, Key="planted.zip")
        account.client("logs").delete_log_group(logGroupName=LOG)
        assert account.delete(stack).status == "DELETE_COMPLETE"
        account.client("stepfunctions").delete_state_machine(stateMachineArn=machine)
        account.client("iam").delete_role(RoleName=role)
        _environment(account, "")
        for kind, body in _objects():
            kubernetes.delete(f"{NAMESPACE}/{kind}/{body['metadata']['name']}")


def _names(folder: Path, packed: Path, bucket: str) -> dict[str, str]:
    return {
        **_files(folder),
        "in a packed file": f"{packed}!index.py",
        "in a published asset": f"s3://{bucket}/planted.zip",
        "in a log": LOG,
        "in a ConfigMap, encoded": "/api/v1/configmaps",
        "in a Secret": "Secret default/planted",
        "in a release of helm": "Secret default/sh.helm.release.v1.planted",
        **{f"in a stack's {what}": f"{LOG}: {what}" for what in ("parameters", "outputs", "events")},
        "in Parameter Store": f"parameter {LOG}",
        "in an execution's history": f"executions of {LOG}",
    }


def _files(folder: Path) -> dict[str, str]:
    plain, encoded = folder / "plain.txt", folder / "url.txt"
    plain.write_text(f"password: {SECRET}")
    encoded.write_text(f"https://x/?p={urllib.parse.quote(SECRET, safe='')}")
    return {"in a file": str(plain), "in a URL": str(encoded)}


def _packed(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("index.py", f"PASSWORD = {SECRET!r}  # {'a' * 999}")
    assert SECRET.encode() not in path.read_bytes()
    return path


def _log(account: Account) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName=LOG)
    logs.create_log_stream(logGroupName=LOG, logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": f"logged in with {SECRET}"}
    answer = logs.put_log_events(logGroupName=LOG, logStreamName="s", logEvents=[event])
    assert "rejectedLogEventsInfo" not in answer, answer


def _stack(account: Account) -> Outcome:
    """Make a stack that is given it, keeps it in Parameter Store, and puts it out."""
    kept = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": LOG, "Type": "String", "Value": {"Ref": "Text"}}}
    template = {
        "Parameters": {"Text": {"Type": "String"}},
        "Resources": {"Kept": kept},
        "Outputs": {"Text": {"Value": {"Ref": "Text"}}},
    }
    given = [{"ParameterKey": "Text", "ParameterValue": SECRET}]
    asked = {"StackName": LOG, "TemplateBody": json.dumps(template), "Parameters": given}
    made = account.settled(account.client("cloudformation").create_stack(**asked)["StackId"])
    assert made.status == "CREATE_COMPLETE", made.reasons
    return made


def _execution(account: Account) -> tuple[str, str]:
    """Run a state machine that is given it; return its role's name, and its ARN."""
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = account.client("iam").create_role(RoleName=LOG, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    machines = account.client("stepfunctions")
    made: list[str] = []

    def is_made() -> bool:
        """Tell whether it could be made, which a new role takes a while to allow."""
        asked = {"name": LOG, "definition": definition, "roleArn": role}
        with suppress(machines.exceptions.ClientError):
            made.append(machines.create_state_machine(**asked)["stateMachineArn"])
        return bool(made)

    account.waits(is_made)
    machines.start_execution(stateMachineArn=made[0], name=LOG, input=json.dumps({"password": SECRET}))
    return LOG, made[0]


def _environment(account: Account, text: str) -> str:
    """Put a text into the environment of a function that is there, or take it out if it is empty; return its name."""
    functions = account.client("lambda")
    found = min(functions.list_functions()["Functions"], key=lambda each: str(each["FunctionName"]))
    variables = {**found.get("Environment", {}).get("Variables", {}), "PLANTED": text}
    kept = {name: value for name, value in variables.items() if value}
    functions.update_function_configuration(FunctionName=found["FunctionName"], Environment={"Variables": kept})
    return str(found["FunctionName"])


def _objects() -> list[tuple[str, dict[str, Any]]]:
    encoded = base64.b64encode(SECRET.encode()).decode()
    values = json.dumps({"config": {"adminPassword": SECRET}}).encode()
    release = base64.b64encode(gzip.compress(values)).decode()
    return [
        ("configmaps", {"metadata": {"name": "planted"}, "data": {"text": encoded}}),
        ("secrets", {"metadata": {"name": "planted"}, "stringData": {"text": f"a {SECRET} b"}}),
        ("secrets", {"metadata": {"name": "sh.helm.release.v1.planted"}, "stringData": {"release": release}}),
    ]

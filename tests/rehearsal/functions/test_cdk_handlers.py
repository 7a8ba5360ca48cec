"""The handlers that CDK itself deploys, run from the files that CDK uploads."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import pytest

from rehearsal.cloudformation import custom
from rehearsal.world import World


class Lab(Protocol):
    world: World

    def archive(self, files: dict[str, str | bytes]) -> bytes: ...
    def function(self, name: str, code: str | bytes, *allowed: str, runtime: str = "", **settings: Any) -> str: ...  # noqa: ANN401
    def logged(self, group: str) -> list[str]: ...


@cache
def handler(folder: str) -> bytes:
    """Return the zip of one handler's folder in aws-cdk-lib."""
    packed, inside = io.BytesIO(), f"package/{folder}/"
    library = next(Path(str(files("aws_cdk") / "_jsii")).glob("aws-cdk-lib@*.tgz"))
    with tarfile.open(library) as opened, zipfile.ZipFile(packed, "w") as made:
        for entry in opened:
            if entry.name.startswith(inside) and entry.isfile() and (content := opened.extractfile(entry)):
                made.writestr(entry.name.removeprefix(inside), content.read())
    return packed.getvalue()


@cache
def layer(package: str) -> bytes:
    """Return the zip of the layer that an asset package of CDK's brings."""
    library = next(Path(str(files(package) / "_jsii")).glob("*.tgz"))
    with tarfile.open(library) as opened:
        entry = next(name for name in opened.getnames() if name.endswith("layer.zip"))
        content = opened.extractfile(entry)
        assert content
        return content.read()


@pytest.fixture
def response(lab: Lab) -> Iterator[Any]:
    """Sends a request of CloudFormation to a function, and waits for what comes back by URL."""
    pending: list[str] = []

    def send(name: str, kind: str = "Create", **properties: Any) -> dict[str, Any]:  # noqa: ANN401
        token = custom.expect()
        pending.append(token)
        bucket = "cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com"
        request = {
            "RequestType": kind,
            "ResponseURL": f"https://{bucket}/{token}?X-Amz-Signature=0",
            "StackId": "arn:aws:cloudformation:us-west-2:111122223333:stack/app/1",
            "RequestId": "r",
            "LogicalResourceId": "Thing",
            "PhysicalResourceId": "thing",
            "ResourceType": "Custom::Thing",
            "ResourceProperties": {"ServiceToken": name, **properties},
        }
        lab.world.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(request))
        assert lab.world.clock.wait(3600, lambda: bool(custom.answers(token)), 5), lab.logged(f"/aws/lambda/{name}")
        answer = json.loads(custom.answers(token)[0])
        assert isinstance(answer, dict)
        return answer

    yield send
    for token in pending:
        custom.forget(token)


def test_the_provider_framework_calls_the_user_function_and_answers(lab: Lab, response: Any) -> None:  # noqa: ANN401
    code = "def handler(event, context): return {'PhysicalResourceId': 'made', 'Data': {'Colour': 'red'}}"
    user = lab.function("user", code, "logs:*")
    arn = f"arn:aws:lambda:us-west-2:{lab.world.account}:function:{user}"
    framework = handler("custom-resources/lib/provider-framework/runtime")
    name = lab.function(
        "framework",
        framework,
        "lambda:*",
        "logs:*",
        runtime="nodejs24.x",
        Handler="framework.onEvent",
        Environment={"Variables": {"USER_ON_EVENT_FUNCTION_ARN": arn}},
    )
    answer = response(name)
    assert (answer["Status"], answer["PhysicalResourceId"], answer["Data"]) == ("SUCCESS", "made", {"Colour": "red"})


def test_the_framework_passes_on_what_the_user_function_failed_of(lab: Lab, response: Any) -> None:  # noqa: ANN401
    failing = lab.function("failing", "def handler(event, context): raise ValueError('no such colour')", "logs:*")
    name = lab.function(
        "messenger",
        handler("custom-resources/lib/provider-framework/runtime"),
        "lambda:*",
        runtime="nodejs24.x",
        Handler="framework.onEvent",
        Environment={
            "Variables": {
                "USER_ON_EVENT_FUNCTION_ARN": f"arn:aws:lambda:us-west-2:{lab.world.account}:function:{failing}"
            }
        },
    )
    answer = response(name)
    assert answer["Status"] == "FAILED"
    assert "no such colour" in answer["Reason"]


def test_a_custom_resource_of_sdk_calls_answers_with_their_result(lab: Lab, response: Any) -> None:  # noqa: ANN401
    folder = "custom-resource-handlers/dist/custom-resources/aws-custom-resource-handler"
    name = lab.function("sdk-calls", handler(folder), runtime="nodejs24.x")
    call = {"service": "sts", "action": "GetCallerIdentity", "physicalResourceId": {"id": "me"}}
    answer = response(name, Create=json.dumps(call), InstallLatestAwsSdk="false")
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"]["Arn"].endswith("assumed-role/sdk-calls-role/sdk-calls")


def test_a_bucket_deployment_copies_with_the_cli_of_its_layer(lab: Lab, response: Any) -> None:  # noqa: ANN401
    client, s3 = lab.world.client("lambda"), lab.world.client("s3")
    for bucket in ("assets", "site"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="assets", Key="site.zip", Body=lab.archive({"index.html": "hello"}))
    s3.put_object(Bucket="assets", Key="cli.zip", Body=layer("aws_cdk.asset_awscli_v1"))
    content = {"S3Bucket": "assets", "S3Key": "cli.zip"}
    cli = client.publish_layer_version(LayerName="cli", Content=content)["LayerVersionArn"]
    code = handler("custom-resource-handlers/dist/aws-s3-deployment/bucket-deployment-handler")
    name = lab.function("deployment", code, "s3:*", "logs:*", Layers=[cli], Timeout=60, MemorySize=512)
    properties = {"SourceBucketNames": ["assets"], "SourceObjectKeys": ["site.zip"], "DestinationBucketName": "site"}
    assert response(name, **properties)["Status"] == "SUCCESS"
    assert s3.get_object(Bucket="site", Key="index.html")["Body"].read() == b"hello"

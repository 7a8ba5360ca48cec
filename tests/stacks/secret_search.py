"""A search for a secret where a deployment leaves what can be read: in files and AWS, and as Kubernetes objects."""

import base64
import gzip
import io
import json
import urllib.parse
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rehearsal.kubernetes.api import Api

CONTENT = 8  # bytes of a secret that no text holds by chance


def forms(secret: str) -> list[str]:
    """Return the secret plain, URL-encoded, and as base64 has it wherever it begins in what is encoded."""
    encoded = {base64.b64encode(b"x" * lead + secret.encode()).decode() for lead in range(3)}
    # What lies at the ends depends on the neighbours.
    middles = [text[4:-4] for text in sorted(encoded)]
    return [secret, urllib.parse.quote(secret, safe=""), *middles]


def places(texts: Mapping[str, str], secret: str) -> list[str]:
    """Return the names of the texts that hold a secret in any form."""
    if len(secret) < CONTENT:
        raise ValueError(f"{secret!r} is too short to be looked for: give {CONTENT} characters or more")
    wanted = forms(secret)
    return sorted(name for name, text in texts.items() if any(form in text for form in wanted))


def files(folders: Iterable[Path]) -> dict[str, str]:
    """Return what is in the files of some folders, and in those that are packed in zip archives there."""
    found = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    return {name: text.decode("latin-1") for path in found for name, text in _contents(path)}


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    yield str(path), path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            yield from ((f"{path}!{name}", packed.read(name)) for name in packed.namelist())


def stored(client: Any) -> dict[str, str]:  # noqa: ANN401 - boto3's
    """Return what lies in the account's buckets: templates, and assets as they were published."""
    names = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    listed = ((name, client.get_paginator("list_objects_v2").paginate(Bucket=name)) for name in names)
    keys = [(name, each["Key"]) for name, pages in listed for page in pages for each in page.get("Contents", [])]
    return {f"s3://{name}/{key}": _unpacked(client, name, key) for name, key in keys}


def _unpacked(client: Any, bucket: str, key: str) -> str:  # noqa: ANN401 - boto3's
    body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    if zipfile.is_zipfile(io.BytesIO(body)):
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            body += b"".join(packed.read(name) for name in packed.namelist())
    return str(body.decode("latin-1"))


def logs(client: Any) -> dict[str, str]:  # noqa: ANN401 - boto3's
    """Return what is in CloudWatch Logs, by group."""
    groups = client.get_paginator("describe_log_groups").paginate()
    names = [group["logGroupName"] for page in groups for group in page["logGroups"]]
    return {name: _events(client, name) for name in names}


def _events(client: Any, group: str) -> str:  # noqa: ANN401 - boto3's
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=group)
    return "\n".join(event["message"] for page in pages for event in page["events"])


def stacks(client: Any) -> dict[str, str]:  # noqa: ANN401 - boto3's
    """Return what CloudFormation tells of each stack: what it was given, what it puts out, its events and template."""
    found = [stack for page in client.get_paginator("describe_stacks").paginate() for stack in page["Stacks"]]
    return {f"{each['StackName']}: {what}": text for each in found for what, text in _told(client, each)}


def _told(client: Any, stack: Mapping[str, Any]) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - boto3's
    pages = client.get_paginator("describe_stack_events").paginate(StackName=stack["StackId"])
    yield "parameters", json.dumps(stack.get("Parameters", []))
    yield "outputs", json.dumps(stack.get("Outputs", []))
    yield "events", json.dumps([event for page in pages for event in page["StackEvents"]], default=str)
    yield "template", json.dumps(client.get_template(StackName=stack["StackId"])["TemplateBody"])


def parameters(client: Any) -> dict[str, str]:  # noqa: ANN401 - boto3's
    """Return what is in Parameter Store, decrypted."""
    pages = client.get_paginator("describe_parameters").paginate()
    names = [each["Name"] for page in pages for each in page["Parameters"]]
    found = {name: client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] for name in names}
    return {f"parameter {name}": text for name, text in found.items()}


def functions(client: Any) -> dict[str, str]:  # noqa: ANN401 - boto3's
    """Return the settings of Lambda functions, with their environments."""
    pages = client.get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in pages for each in page["Functions"]]
    return {f"function {name}": json.dumps(client.get_function_configuration(FunctionName=name)) for name in names}


def executions(client: Any) -> dict[str, str]:  # noqa: ANN401 - boto3's
    """Return the histories of what Step Functions has run, by state machine."""
    machines = [
        each for page in client.get_paginator("list_state_machines").paginate() for each in page["stateMachines"]
    ]
    return {f"executions of {each['name']}": _histories(client, each["stateMachineArn"]) for each in machines}


def _histories(client: Any, machine: str) -> str:  # noqa: ANN401 - boto3's
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine)
    runs = [each["executionArn"] for page in pages for each in page["executions"]]
    told = [client.get_execution_history(executionArn=run, includeExecutionData=True)["events"] for run in runs]
    return json.dumps(told, default=str)


def objects(kubernetes: Api) -> dict[str, str]:
    """Return every object of every kind in a cluster, by kind, Secrets decoded."""
    found = {path: json.dumps(kubernetes.items(path)) for path in _kinds(kubernetes)}
    for secret in kubernetes.items("/api/v1/secrets"):
        name = f"Secret {secret['metadata']['namespace']}/{secret['metadata']['name']}"
        found[name] = " ".join(_decoded(value) for value in secret.get("data", {}).values())
    return found


def _decoded(value: str) -> str:
    """Return what is in a Secret's entry; helm's releases are base64 once more and compressed."""
    plain = base64.b64decode(value)
    with suppress(ValueError, OSError):
        plain += gzip.decompress(base64.b64decode(plain, validate=True))
    return plain.decode("latin-1")


def _kinds(kubernetes: Api) -> Iterator[str]:
    groups = (kubernetes.get("/apis") or {}).get("groups", [])
    for version in ("/api/v1", *(f"/apis/{each['preferredVersion']['groupVersion']}" for each in groups)):
        listed = kubernetes.get(version) or {}
        for each in listed.get("resources", []):
            if "list" in each["verbs"] and "/" not in each["name"]:
                yield f"{version}/{each['name']}"

"""A secret that was put, in the form that it has there, into each place in which a search must find one."""

import base64
import gzip
import json
import time
import urllib.parse
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rehearsal.kubernetes.api import Api
from tests.rehearsal.live.account import Account

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
    for kind, body in _objects():
        kubernetes.create(f"{NAMESPACE}/{kind}", body)
    try:
        yield _names(folder, packed, bucket)
    finally:
        account.client("s3").delete_object(Bucket=bucket, Key="planted.zip")
        account.client("logs").delete_log_group(logGroupName=LOG)
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


def _objects() -> list[tuple[str, dict[str, Any]]]:
    encoded = base64.b64encode(SECRET.encode()).decode()
    values = json.dumps({"config": {"adminPassword": SECRET}}).encode()
    release = base64.b64encode(gzip.compress(values)).decode()
    return [
        ("configmaps", {"metadata": {"name": "planted"}, "data": {"text": encoded}}),
        ("secrets", {"metadata": {"name": "planted"}, "stringData": {"text": f"a {SECRET} b"}}),
        ("secrets", {"metadata": {"name": "sh.helm.release.v1.planted"}, "stringData": {"release": release}}),
    ]

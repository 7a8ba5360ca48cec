"""A custom resource that runs the kubectl of its layer on a manifest: create, apply, delete."""

import base64
import json
import os
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.signers import RequestSigner

VERBS = {"Create": "create", "Update": "apply", "Delete": "delete"}
KUBECTL = "/opt/kubectl/kubectl"
AUTHORITY = Path("/tmp/authority.pem")  # noqa: S108 - Lambda's own folder


def handler(event: dict[str, Any], _context: object) -> None:
    """Run kubectl as the function's role, and PUT what it says; what is gone already is deleted."""
    asked, kind = event["ResourceProperties"], event["RequestType"]
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": f"manifest/{event['LogicalResourceId']}"}
    said = _kubectl(asked["Cluster"], VERBS[kind], asked["Manifest"])
    if said.returncode and kind != "Delete":
        answer |= {"Status": "FAILED", "Reason": said.stderr[-1000:]}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")  # noqa: S310 - the URL that CloudFormation gave
    with urllib.request.urlopen(request):  # noqa: S310 - the URL that CloudFormation gave
        pass


def _kubectl(cluster: str, verb: str, manifest: object) -> subprocess.CompletedProcess[str]:
    found = boto3.client("eks").describe_cluster(name=cluster)["cluster"]
    AUTHORITY.write_bytes(base64.b64decode(found["certificateAuthority"]["data"]))
    command = [KUBECTL, verb, "--server", found["endpoint"], "--certificate-authority", str(AUTHORITY), "-f", "-"]
    command += ["--token", _token(cluster)]
    return subprocess.run(command, input=json.dumps(manifest), capture_output=True, text=True, check=False)


def _token(cluster: str) -> str:
    """Return what `aws eks get-token` makes: a presigned GetCallerIdentity with the cluster's name in a header."""
    session, region = boto3.Session(), os.environ["AWS_REGION"]
    model = session.client("sts").meta.service_model
    signer = RequestSigner(model.service_id, region, "sts", "v4", session.get_credentials(), session.events)
    url = f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = {"method": "GET", "url": url, "body": {}, "headers": {"x-k8s-aws-id": cluster}, "context": {}}
    signed = signer.generate_presigned_url(request, region_name=region, expires_in=60, operation_name="")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")

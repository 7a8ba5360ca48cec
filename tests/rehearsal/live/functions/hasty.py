"""Lets itself into a cluster and asks it in the same breath, and then until it is let in."""

import base64
import os
import ssl
import time
import urllib.error
import urllib.request
from typing import Any

import boto3
from botocore.signers import RequestSigner

PATIENCE = 50.0  # seconds, of the 60 that the function has


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Return the status of the first answer, and of the last; all that can be made ready before is."""
    name, eks = event["cluster"], boto3.client("eks")
    cluster = eks.describe_cluster(name=name)["cluster"]
    trusted = ssl.create_default_context(cadata=base64.b64decode(cluster["certificateAuthority"]["data"]).decode())
    asked = urllib.request.Request(  # noqa: S310 - the cluster's own address
        f"{cluster['endpoint']}/api/v1/namespaces", headers={"Authorization": f"Bearer {_token(name)}"}
    )
    eks.create_access_entry(clusterName=name, principalArn=event["principal"])
    scope = {"type": "cluster"}
    eks.associate_access_policy(
        clusterName=name, principalArn=event["principal"], policyArn=event["policy"], accessScope=scope
    )
    statuses, end = [_status(asked, trusted)], time.monotonic() + PATIENCE
    while statuses[-1] != 200 and time.monotonic() < end:
        time.sleep(0.2)
        statuses.append(_status(asked, trusted))
    return {"first": statuses[0], "last": statuses[-1]}


def _status(asked: urllib.request.Request, trusted: ssl.SSLContext) -> int:
    try:
        with urllib.request.urlopen(asked, context=trusted) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _token(cluster: str) -> str:
    session, region = boto3.Session(), os.environ["AWS_REGION"]
    model = session.client("sts").meta.service_model
    signer = RequestSigner(model.service_id, region, "sts", "v4", session.get_credentials(), session.events)
    url = f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = {"method": "GET", "url": url, "body": {}, "headers": {"x-k8s-aws-id": cluster}, "context": {}}
    signed = signer.generate_presigned_url(request, region_name=region, expires_in=60, operation_name="")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")

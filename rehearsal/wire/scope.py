"""Which service, region and access key a request is for, read from its Signature Version 4."""

import re
from dataclasses import dataclass

from moto.core.request import Request

from rehearsal.wire.call import Refused

# The services whose name in a signature is not botocore's own name for them.
SIGNED_AS = {
    "aps": "amp",
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
CREDENTIAL = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True)
class Scope:
    """What the signature says: botocore's service name, the region, and the key with its session token."""

    service: str
    region: str
    access_key: str
    token: str | None


def read(request: Request) -> Scope:
    """Return the scope of a signed or presigned request; an unsigned one is refused as AWS refuses it."""
    signed = request.headers.get("Authorization") or f"Credential={request.args.get('X-Amz-Credential', '')}"
    if "AWSAccessKeyId" in request.args:  # an URL presigned in S3's own older way, which boto3 still makes
        return Scope("s3", "us-east-1", request.args["AWSAccessKeyId"], request.args.get("x-amz-security-token"))
    found = CREDENTIAL.search(signed)
    if not found:
        raise _unsigned(request)
    token = request.headers.get("X-Amz-Security-Token") or request.args.get("X-Amz-Security-Token")
    service = SIGNED_AS.get(found["service"], found["service"])
    if service == "s3" and request.path.startswith("/v20180820/"):  # the paths of S3's control plane
        service = "s3control"
    if service == "elbv2" and request.form.get("Version") == "2012-06-01":  # of two services under one name
        service = "elb"
    return Scope(service, found["region"], found["key"], token)


def _unsigned(request: Request) -> Refused:
    """Return S3's answer to a path, every other service's to the rest."""
    if request.path != "/" and "x-amz-target" not in request.headers:
        return Refused("AccessDenied", "Access Denied", 403)
    return Refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403)

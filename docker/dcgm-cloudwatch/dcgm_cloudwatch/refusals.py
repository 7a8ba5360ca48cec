"""Which link between here and CloudWatch an error is about, and what mends it."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidRegionError,
    NoRegionError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from dcgm_cloudwatch import unit
from dcgm_cloudwatch.errors import NO_CREDENTIALS, THROTTLED, code_of, meaning

CLOCK = "let NTP set this machine's clock: AWS allows it to be 5 minutes off"
REGION = "set AWS_REGION to the region of the metrics, as us-west-2, and let AWS_ENDPOINT_URL be of the same one"
WAY = (
    "give this network a way to port 443 of monitoring.REGION.amazonaws.com: a NAT gateway, or an endpoint of "
    "com.amazonaws.REGION.monitoring whose security group lets this in; network policies, too"
)
RENEW = (
    "renew the credentials: the role's session, or `aws sso login`; in a pod the Pod Identity agent does, see its log"
)
UNKNOWN = (
    "take a key that is there, and of this partition (China and GovCloud have their own); temporary ones need their "
    "session token, too"
)
BY_CODE = {
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException"), ("credentials", RENEW)),
    **dict.fromkeys(
        ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure"),
        ("credentials", UNKNOWN),
    ),
    **dict.fromkeys(
        ("IncompleteSignature", "MissingAuthenticationToken", "MissingAuthenticationTokenException"),
        ("credentials", "look for what changes requests on their way: a proxy must pass the header Authorization on"),
    ),
    **dict.fromkeys(("RequestExpired", "RequestTimeTooSkewed"), ("clock", CLOCK)),
    "OptInRequired": ("region", "switch the region on for this account, or set AWS_REGION to one that is"),
}
# What is said of a signature: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
BY_TEXT = (
    (re.compile(r"Signature expired|not yet current|too skewed", re.IGNORECASE), ("clock", CLOCK)),
    (re.compile(r"scoped to a valid region|Region .* is wrong", re.IGNORECASE), ("region", REGION)),
)
# What denies: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
DENYING = re.compile(
    r"(explicit deny in an? [\w -]+?policy|no (?:VPC endpoint|service control|session|resource-based) policy"
    r"|no permissions boundary)",
    re.IGNORECASE,
)


class Refusal(NamedTuple):
    """The broken link, and what to do."""

    link: str
    fix: str


def refusal(error: Exception, namespace: str, region: str) -> Refusal:
    """Return which link an error of CloudWatch, or of the way there, is about."""
    if isinstance(error, NO_CREDENTIALS):
        return Refusal("credentials", _credentials(Path(unit.IMDS_ACCESS)))
    found = _answered(error, namespace) if isinstance(error, ClientError) else _on_the_way(error)
    return found._replace(fix=found.fix.replace("REGION.", f"{region or 'REGION'}."))


def _answered(error: ClientError, namespace: str) -> Refusal:
    code, text = code_of(error), str(error)
    if code in ("SignatureDoesNotMatch", "InvalidSignatureException"):
        said = next((of for pattern, of in BY_TEXT if pattern.search(text)), None)
        return Refusal(
            *(said or ("credentials", "give the secret key that belongs to the access key, without a blank"))
        )
    if code in BY_CODE:
        return Refusal(*BY_CODE[code])
    if meaning(error) == "throttled" or code in THROTTLED:
        return Refusal("quota", "wait, for it is sent again; if it stays, raise the quota of PutMetricData requests")
    if meaning(error) == "credentials":
        return Refusal("permission", _denied(text, namespace))
    return _of_status(error, namespace)


def _of_status(error: ClientError, namespace: str) -> Refusal:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refusal("CloudWatch", "wait: the trouble is AWS' own, health.aws.amazon.com tells; all is sent later")
    if status == HTTPStatus.BAD_REQUEST:
        return Refusal("data", f"change what it names: NAMESPACE is {namespace}, CLUSTER_NAME is a dimension")
    return Refusal("CloudWatch", "look whether AWS_ENDPOINT_URL, or a proxy, leads to CloudWatch")


def _denied(text: str, namespace: str) -> str:
    allow = f"allow cloudwatch:PutMetricData on * where cloudwatch:namespace is {namespace}"
    by = DENYING.search(text)
    return f"{allow}: not the role's own policy is in the way, but {by[1]}" if by else f"{allow}, in the role's policy"


def _on_the_way(error: Exception) -> Refusal:
    for kind, found in WAYS:
        if isinstance(error, kind):
            return Refusal(*found) if isinstance(found, tuple) else found(error)
    if isinstance(error, (BotoCoreError, ValueError)):
        return Refusal("AWS SDK", "mend what it names: a profile, AWS_ENDPOINT_URL, or a file below ~/.aws")
    return Refusal("CloudWatch", WAY)


def _unconnected(error: Exception) -> Refusal:
    if any(isinstance(each, socket.gaierror) for each in _causes(error)):
        text = "let this resolve monitoring.REGION.amazonaws.com (the VPC's DNS support; egress to port 53), or mend "
        return Refusal("DNS", text + "AWS_REGION if that is misspelt")
    return Refusal("route", WAY)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came from; botocore keeps that in a keyword, urllib3 in an argument."""
    told = getattr(error, "kwargs", {}).get("error")
    for each in (told, getattr(error, "reason", None), error.__cause__, error.__context__):
        if isinstance(each, BaseException):
            yield each
            yield from _causes(each)


WAYS: tuple[tuple[type[Exception], tuple[str, str] | Callable[[Exception], Refusal]], ...] = (
    (NoRegionError, ("region", REGION)),
    (InvalidRegionError, ("region", REGION)),
    (ProxyConnectionError, ("proxy", "mend HTTPS_PROXY, or let NO_PROXY name monitoring.REGION.amazonaws.com")),
    (
        SSLError,
        ("TLS", "name the authority that signs here by AWS_CA_BUNDLE, as where a proxy reads along, and see the clock"),
    ),
    (ConnectTimeoutError, ("route", WAY)),
    (ReadTimeoutError, ("CloudWatch", "look at what is between: it was reached, and has not answered in time")),
    (EndpointConnectionError, _unconnected),
)


def _credentials(imds_access: Path) -> str:
    """Return what to do for credentials; a ParallelCluster head node refuses its own to most users."""
    if not imds_access.exists():
        return "give the pod a Pod Identity association, the head node an instance role, or set AWS_PROFILE"
    return (
        f"this head node keeps its credentials from most users (HeadNode/Imds/Secured): restart {unit.NAME}, which "
        f"runs {imds_access} --allow {unit.USER}; other users need the same"
    )

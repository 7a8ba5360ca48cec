"""EKS's bearer tokens: a presigned GetCallerIdentity that names the cluster, and who the API server takes it for."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PREFIX = "k8s-aws-v1."
LIFETIME = timedelta(minutes=15)  # of a token, whatever X-Amz-Expires says: aws-iam-authenticator's rule
CLUSTER_HEADER = "x-k8s-aws-id"
EMPTY = hashlib.sha256(b"").hexdigest()


class InvalidToken(Exception):  # noqa: N818 - an answer of the API server, not a defect
    """The token identifies nobody; the message says why, as the authenticator's log would."""


@dataclass(frozen=True)
class Caller:
    """Owner of an access key: the ARN that STS answers, the IAM principal's ARN, and the secret where it is known."""

    arn: str  # arn:aws:sts::111122223333:assumed-role/NAME/SESSION, or a user's
    principal_arn: str  # arn:aws:iam::111122223333:role/PATH/NAME, or a user's: what an access entry names
    secret: str | None = None  # None leaves the signature unchecked


@dataclass(frozen=True)
class Entry:
    """One access entry of the cluster; `username` may hold EKS's {{SessionName}} and the like."""

    principal_arn: str
    username: str
    groups: tuple[str, ...] = ()


Identify = Callable[[str, str | None], Caller | None]  # by access key and session token


def group_of(principal_arn: str) -> str:
    """Return the group through which an entry's access policies reach its user (see access_policies)."""
    return f"eks-access-entry:{principal_arn}"


def default_username(principal_arn: str) -> str:
    """Return the user name that EKS gives an entry made without one."""
    account, _, rest = principal_arn.removeprefix("arn:aws:iam::").partition(":")
    if not rest.startswith("role/"):
        return principal_arn
    return f"arn:aws:sts::{account}:assumed-role/{rest.rsplit('/', 1)[-1]}/{{{{SessionName}}}}"


def _decode(token: str) -> SplitResult:
    if not token.startswith(PREFIX):
        raise InvalidToken(f"token is missing expected {PREFIX!r} prefix")
    encoded = token.removeprefix(PREFIX)
    try:
        url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    except ValueError as error:
        raise InvalidToken(f"token holds no URL: {error}") from error
    return url


def _check(url: SplitResult, query: Mapping[str, str], now: datetime) -> None:
    """Refuse what aws-iam-authenticator refuses before it asks STS.

    https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/master/pkg/token/token.go
    """
    if query.get("Action") != "GetCallerIdentity":
        raise InvalidToken(f"unexpected action parameter {query.get('Action')!r} in pre-signed URL")
    if url.path not in ("", "/"):
        raise InvalidToken(f"unexpected path {url.path!r} in pre-signed URL")
    if CLUSTER_HEADER not in query.get("X-Amz-SignedHeaders", "").split(";"):
        raise InvalidToken(f"client did not sign the {CLUSTER_HEADER} header in the pre-signed URL")
    try:
        signed = datetime.strptime(query.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidToken("X-Amz-Date parameter is not a time") from error
    if now > signed + LIFETIME:
        raise InvalidToken(f"X-Amz-Date parameter is expired ({LIFETIME} expiration) {signed:%Y%m%dT%H%M%SZ}")


def _signature(url: SplitResult, query: Mapping[str, str], cluster: str, secret: str) -> str:
    """Return the signature that this URL must have when it was made for `cluster`."""
    headers = {"host": url.netloc, CLUSTER_HEADER: cluster}
    names = query["X-Amz-SignedHeaders"]
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in query.items() if k != "X-Amz-Signature")
    lines = [f"{name}:{headers.get(name, '')}" for name in names.split(";")]
    parts = ["GET", "/", "&".join(f"{k}={v}" for k, v in pairs), *lines, "", names, EMPTY]
    key, _, region, *_ = query["X-Amz-Credential"].split("/")
    signer = SigV4QueryAuth(Credentials(key, secret), "sts", region)
    request = AWSRequest("GET", url.geturl())
    request.context["timestamp"] = query["X-Amz-Date"]
    return str(signer.signature(signer.string_to_sign(request, "\n".join(parts)), request))


def identify_token(token: str, cluster: str, identify: Identify, now: datetime | None = None) -> Caller:
    """Return who made `token` for `cluster`; raise InvalidToken.

    `now` is the wall's time, as the programs that make tokens know no other.
    """
    url = _decode(token)
    query = dict(parse_qsl(url.query))
    _check(url, query, now or datetime.now(UTC))
    key = query.get("X-Amz-Credential", "").split("/")[0]
    caller = identify(key, query.get("X-Amz-Security-Token"))
    if caller is None:
        raise InvalidToken(f"error from AWS (expected 200, got 403): the access key {key!r} is not known")
    if caller.secret is not None:
        expected = _signature(url, query, cluster, caller.secret)
        if not hmac.compare_digest(expected, query.get("X-Amz-Signature", "")):
            raise InvalidToken(f"the signature is not that of {key!r} for the cluster {cluster!r}")
    return caller


def _entry_of(caller: Caller, cluster: str, entries: Mapping[str, Entry]) -> Entry:
    if caller.principal_arn not in entries:
        raise InvalidToken(f"ARN is not mapped: {caller.principal_arn} has no access entry in {cluster}")
    return entries[caller.principal_arn]


def _user(caller: Caller, entry: Entry) -> dict[str, Any]:
    session = caller.arn.rsplit("/", 1)[-1]
    account = caller.arn.split(":")[4]
    # EKS writes @ as - in a session's name, for the name becomes part of a Kubernetes user's.
    name = entry.username.replace("{{SessionName}}", session.replace("@", "-")).replace("{{SessionNameRaw}}", session)
    return {
        "username": name.replace("{{AccountID}}", account),
        "uid": f"aws-iam-authenticator:{account}:{caller.principal_arn.rsplit('/', 1)[-1]}",
        "groups": [*entry.groups, group_of(entry.principal_arn)],
        "extra": {"arn": [caller.arn], "canonicalArn": [caller.principal_arn], "sessionName": [session]},
    }


def review(
    body: Mapping[str, Any], cluster: str, identify: Identify, entries: Mapping[str, Entry], now: datetime | None = None
) -> dict[str, Any]:
    """Answer the API server's TokenReview `body` with one that holds a status; `entries` go by principal ARN."""
    status: dict[str, Any]
    try:
        caller = identify_token(body.get("spec", {}).get("token", ""), cluster, identify, now)
        status = {"authenticated": True, "user": _user(caller, _entry_of(caller, cluster, entries))}
    except InvalidToken as refusal:
        status = {"authenticated": False, "error": str(refusal)}
    return {"apiVersion": body["apiVersion"], "kind": "TokenReview", "status": status}

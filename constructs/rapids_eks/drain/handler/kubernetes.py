"""The Kubernetes API of an EKS cluster, by Python's own library."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.signers import RequestSigner

TIMEOUT = 20  # seconds for an answer
Item = dict[str, Any]


class Objects(Protocol):
    """The objects of a cluster, by their paths."""

    def items(self, path: str) -> list[Item] | None:
        """Return the objects of a list, or None where the cluster does not know their kind."""

    def delete(self, path: str) -> None:
        """Have an object deleted, without waiting for that; one that is gone is no error."""


class RefusedError(RuntimeError):
    """The API refused a request; the message holds its reason."""


@dataclass(frozen=True)
class Api:
    """The API at an address whose certificate an authority signed, used with a bearer token."""

    endpoint: str
    token: str
    context: ssl.SSLContext

    def items(self, path: str) -> list[Item] | None:
        """Return the objects of a list, or None where the cluster does not know their kind; raise RefusedError."""
        found = self._call("GET", path)
        return None if found is None else list(found["items"])

    def delete(self, path: str) -> None:
        """Have an object deleted, without waiting for that; one that is gone is no error; raise RefusedError."""
        self._call("DELETE", path)

    def _call(self, method: str, path: str) -> Item | None:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        request = urllib.request.Request(self.endpoint + path, headers=headers, method=method)  # noqa: S310 - EKS's own
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=self.context) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            if error.code == 404:  # noqa: PLR2004 - HTTP's "not found"
                return None
            raise RefusedError(f"Kubernetes refused {method} {path}: {_message(error)}") from error


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return f"{error.code} {json.load(error)['message']}"
    except (KeyError, TypeError, ValueError):
        return f"{error.code} {error.reason}"


def connect(cluster: Mapping[str, Any], token: str) -> Api:
    """Return the API of a cluster, given as DescribeCluster tells it."""
    authority = base64.b64decode(cluster["certificateAuthority"]["data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    # Since Python 3.13 an authority must name its key, which EKS's does not:
    # https://github.com/kubernetes-client/python/issues/2394
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return Api(cluster["endpoint"], token, context)


def token_for(session: Any, cluster: str) -> str:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return what `aws eks get-token` makes: a signed GetCallerIdentity that names the cluster."""
    region, service = session.region_name, session.client("sts").meta.service_model.service_id
    signer = RequestSigner(service, region, "sts", "v4", session.get_credentials(), session.events)
    url = f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = {"method": "GET", "url": url, "body": {}, "headers": {"x-k8s-aws-id": cluster}, "context": {}}
    signed = signer.generate_presigned_url(request, region_name=region, expires_in=60, operation_name="")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")

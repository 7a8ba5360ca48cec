"""Parameter Store: the public parameters in which AWS and Canonical tell their images for EKS."""

import re
from typing import Any

from moto.ssm.models import ssm_backends

from rehearsal.kubernetes.fleet import IMAGE
from rehearsal.services.eks.clusters import VERSIONS
from rehearsal.wire.call import Call, Handler, Refused

_VERSION = "|".join(map(re.escape, VERSIONS))
# https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html; a release has its name in place of recommended
_AMAZON_LINUX = re.compile(
    rf"/aws/service/eks/optimized-ami/(?P<version>{_VERSION})/amazon-linux-2023/(?P<arch>x86_64|arm64)/"
    r"(?P<variant>standard|nvidia)/"
    r"(?:recommended|amazon-eks-node-al2023-(?P=arch)-(?P=variant)-(?P=version)-v(?P<date>20\d{6}))/"
    r"(?P<what>image_id|release_version)"
)
# https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
_UBUNTU = re.compile(
    rf"/aws/service/canonical/ubuntu/eks/24\.04/(?:{_VERSION})/stable/(?:current|20\d{{6}})/(?:amd64|arm64)/hvm/"
    r"ebs-gp3/ami-id"
)


def operations() -> dict[str, Handler]:
    """Return the one operation that knows them; the rest is the emulator's."""
    return {"GetParameter": get_parameter}


def get_parameter(call: Call) -> dict[str, Any]:
    """Return a public parameter, or one of the account's."""
    name, region = call.parameters["Name"], call.region
    value = _public(name)
    if value is not None:
        arn = f"arn:aws:ssm:{region}::parameter{name}"
        return {"Parameter": {"Name": name, "Type": "String", "Value": value, "Version": 1, "ARN": arn}}
    found = ssm_backends[call.account][region].get_parameter(name)
    if found is None:
        raise Refused("ParameterNotFound", f"Parameter {name} not found.")
    own: dict[str, Any] = found.response_object(call.parameters.get("WithDecryption", False), region)
    return {"Parameter": own}


def _public(name: str) -> str | None:
    found = _AMAZON_LINUX.fullmatch(name)
    if found and found["what"] == "release_version":
        return f"{found['version']}.0-{found['date'] or '20260101'}"
    return IMAGE if found or _UBUNTU.fullmatch(name) else None

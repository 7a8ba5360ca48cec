"""Roles that belong to a service of AWS: an account has one of each at most, under a name that the service chose."""

from rehearsal.access.unrehearsed import Unrehearsed

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html
_NAMES = {"spot.amazonaws.com": "AWSServiceRoleForEC2Spot"}
PATH = "/aws-service-role/"


def role_name(service: str) -> str:
    """Return the name of a service's role; raise Unrehearsed where it is not known here."""
    if service not in _NAMES:
        raise Unrehearsed("service-linked role", service, f"known are {', '.join(_NAMES)}")
    return _NAMES[service]


def arn(account: str, service: str) -> str:
    """Return the ARN of a service's role in an account; raise Unrehearsed."""
    return f"arn:aws:iam::{account}:role{PATH}{service}/{role_name(service)}"

"""The condition keys of a call, worked out only when a policy asks for them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from botocore.session import Session

from rehearsal.access.actions import documented_keys
from rehearsal.access.conditions import Values
from rehearsal.access.identities import role
from rehearsal.access.tags import tags_of
from rehearsal.access.unrehearsed import Unrehearsed
from rehearsal.wire.call import Call

# Keys that a request of this rehearsal never carries: no organisation, no MFA, no VPC endpoint, no forwarded session.
_ABSENT = {
    "aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc", "aws:federatedprovider", "aws:multifactorauthage", "aws:multifactorauthpresent",
    "aws:principalorgid", "aws:principalorgpaths", "aws:principalservicename", "aws:principalservicenameslist",
    "aws:referer", "aws:resourceorgid", "aws:resourceorgpaths", "aws:sourceaccount", "aws:sourcearn",
    "aws:sourceidentity", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourcevpc", "aws:sourcevpcarn",
    "aws:sourcevpce", "aws:tokenissuetime", "aws:useragent", "aws:vpcsourceip",
    "cognito-identity.amazonaws.com:aud", "ec2:sourceinstancearn", "kms:viaservice", "lambda:sourcefunctionarn",
    "s3:dataaccesspointaccount", "s3:dataaccesspointarn", "saml:aud",
}  # fmt: skip


@dataclass(frozen=True)
class CallContext:
    """The condition keys of one call for one action on one resource; `extra` adds or overrides, in lower case."""

    call: Call
    resource: str
    time: datetime
    extra: Mapping[str, Values] = field(default_factory=dict)

    def get(self, key: str) -> Values | None:
        """Return the values of a condition key, None where the request has none; Unrehearsed for an unknown key."""
        lowered = key.lower()
        if lowered in self.extra:
            return self.extra[lowered]
        name, _, tag = key.partition("/")
        if tag and (tagged := _TAGGED.get(name.lower())):
            value = tagged(self).get(tag)
            return None if value is None else (value,)
        if known := _KNOWN.get(lowered):
            return known(self)
        return None if lowered in _ABSENT else self._from_parameters(key)

    def _from_parameters(self, key: str) -> Values | None:
        """Most keys of a service bear the name of a parameter: `s3:prefix`, `emr-containers:ExecutionRoleArn`."""
        service, _, name = key.lower().partition(":")
        members = _members(self.call.service, self.call.operation)
        member = members.get(name.replace("-", ""))
        if member:
            return _texts(self.call.parameters.get(member))
        if key.partition("/")[0].lower() not in documented_keys() or service == "aws":
            raise Unrehearsed("condition key", key, "no service documents it, or this rehearsal cannot tell its value")
        if service == _prefix(self.resource):
            raise Unrehearsed("condition key", key, f"its value in {self.call.operation} is not worked out here")
        return None  # a key of another service is never part of the request


def _prefix(arn: str) -> str:
    return arn.split(":")[2] if arn.startswith("arn:") else "*"


def _texts(value: object) -> Values | None:
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items)


@cache
def _members(service: str, operation: str) -> dict[str, str]:
    shape = _model(service).operation_model(operation).input_shape
    named = (
        {}
        if shape is None
        else {name: member.serialization.get("name", name) for name, member in shape.members.items()}
    )
    plain = {name.lower(): name for name in named}
    return plain | {wire.lower().replace("-", ""): name for name, wire in named.items()}


@cache
def _model(service: str) -> Any:  # noqa: ANN401 - botocore has no types
    return Session().get_service_model(service)


def _request_tags(context: CallContext) -> dict[str, str]:
    """Return the tags in the request for this resource, in any of the three forms in which services take them."""
    given, arn = context.call.parameters, context.resource
    if "TagSpecifications" in given and arn.startswith("arn:aws:ec2:"):
        kind = arn.split(":", 5)[5].partition("/")[0]
        given = {"TagSpecifications": [each for each in given["TagSpecifications"] if each["ResourceType"] == kind]}
    return dict(_tag_pairs(given))


def _tag_pairs(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tags = parameters.get("Tags") or parameters.get("tags") or parameters.get("TagList") or []
    if isinstance(tags, dict):
        yield from tags.items()
    else:
        yield from ((lowered["key"], lowered.get("value", "")) for tag in tags for lowered in [_lowered(tag)])
    for specification in parameters.get("TagSpecifications", []):
        yield from _tag_pairs(specification)


def _lowered(tag: Mapping[str, str]) -> dict[str, str]:
    return {name.lower().removeprefix("tag"): value for name, value in tag.items()}


def _principal_tags(context: CallContext) -> dict[str, str]:
    found = role(context.call.account, context.call.principal.role)
    return {tag["Key"]: tag["Value"] for tag in found.tags} if found else {}


def _principal_arn(context: CallContext) -> Values:
    found = role(context.call.account, context.call.principal.role)
    return (str(found.arn) if found else context.call.principal.arn,)


def _tag_keys(context: CallContext) -> Values | None:
    listed = context.call.parameters.get("TagKeys") or context.call.parameters.get("tagKeys")
    return tuple(listed or _request_tags(context)) or None


def _resource_account(context: CallContext) -> Values:
    owner = context.resource.split(":")[4] if context.resource.count(":") > 4 else ""  # noqa: PLR2004 - parts of an ARN
    return (owner or context.call.account,)


_TAGGED: dict[str, Callable[[CallContext], Mapping[str, str]]] = {
    "aws:principaltag": _principal_tags,
    "aws:requesttag": _request_tags,
    "aws:resourcetag": lambda context: tags_of(context.resource, context.call),
    "ec2:resourcetag": lambda context: tags_of(context.resource, context.call),
    "iam:resourcetag": lambda context: tags_of(context.resource, context.call),
    "ssm:resourcetag": lambda context: tags_of(context.resource, context.call),
    "secretsmanager:resourcetag": lambda context: tags_of(context.resource, context.call),
}
_KNOWN: dict[str, Callable[[CallContext], Values | None]] = {
    "aws:currenttime": lambda context: (context.time.isoformat(),),
    "aws:epochtime": lambda context: (str(int(context.time.timestamp())),),
    "aws:principalaccount": lambda context: (context.call.account,),
    "aws:principalarn": _principal_arn,
    "aws:principalisawsservice": lambda _: ("false",),
    "aws:principaltype": lambda context: ("AssumedRole" if context.call.principal.role else "User",),
    "aws:requestedregion": lambda context: (context.call.region,),
    "aws:resourceaccount": _resource_account,
    "s3:resourceaccount": _resource_account,
    "aws:securetransport": lambda _: ("true",),  # the loopback port stands for AWS's HTTPS endpoints
    "s3:tlsversion": lambda _: ("1.3",),
    "s3:signatureversion": lambda _: ("AWS4-HMAC-SHA256",),
    "aws:sourceip": lambda _: ("127.0.0.1",),
    "aws:sourceowner": lambda context: (context.call.account,),  # in the policy that SNS gives a topic
    "aws:tagkeys": _tag_keys,
    "aws:username": lambda context: None
    if context.call.principal.role
    else (context.call.principal.arn.split("/")[-1],),
    "aws:userid": lambda context: (context.call.access_key,),
    "aws:viaawsservice": lambda _: ("false",),
    "ec2:createaction": lambda _: None,  # only where tags are given at creation, which tells it itself
    "ec2:region": lambda context: (context.call.region,),
    "kms:calleraccount": lambda context: (context.call.account,),
    "kms:grantisforawsresource": lambda _: ("false",),
}

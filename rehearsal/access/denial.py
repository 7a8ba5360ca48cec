"""AccessDenied, worded as each service words it."""

from functools import cache

from botocore.session import Session

from rehearsal.wire.call import Call, Refused

# Services whose code is not the one of their protocol
_CODES = {"sns": "AuthorizationError", "sqs": "AccessDenied", "cloudwatch": "AccessDenied"}
_BY_PROTOCOL = {
    "ec2": ("UnauthorizedOperation", 403),
    "query": ("AccessDenied", 403),
    "rest-xml": ("AccessDenied", 403),
    "rest-json": ("AccessDeniedException", 403),
    "json": ("AccessDeniedException", 400),
    "smithy-rpc-v2-cbor": ("AccessDeniedException", 400),
}


def denied(call: Call, action: str, resource: str, reason: str) -> Refused:
    """Return the refusal of `action` on `resource` for `reason`, with the code and status of the call's service."""
    code, status = _BY_PROTOCOL[_protocol(call.service)]
    named = f'"{resource}"' if call.service == "s3" else resource
    text = f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {named}"
    if action not in ("sts:AssumeRole", "sts:TagSession"):  # STS gives no reason
        text = f"{text} {reason}"
    if call.service == "ec2":
        text = f"You are not authorized to perform this operation. {text}"
    return Refused(_CODES.get(call.service, code), text, status)


@cache
def _protocol(service: str) -> str:
    return str(Session().get_service_model(service).protocol)

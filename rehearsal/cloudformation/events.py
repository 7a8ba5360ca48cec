"""Operations, the events that tell of them, and failures in the words of a status reason."""

import hashlib
import json
import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from rehearsal.cloudformation.credentials import Clients
from rehearsal.cloudformation.engine import Engine
from rehearsal.cloudformation.provider import Failure
from rehearsal.cloudformation.stacks import STACK_TYPE, Stack, StackResource, masked, new_id, now
from rehearsal.wire.call import Refused

log = logging.getLogger(__name__)


class Failed(Exception):  # noqa: N818 - an operation's outcome, not a defect
    """An operation did not reach its goal; the message is the stack's status reason."""


class StepFailed(Exception):  # noqa: N818 - a resource's outcome, not a defect
    """A resource did not reach its state; the event has been written."""


@dataclass
class Operation:
    """One operation at work on one stack."""

    engine: Engine
    stack: Stack
    client: Clients
    token: str | None  # ClientRequestToken
    before: str = ""  # the stack's status when the operation was asked for
    id: str = field(default_factory=new_id)
    stop: threading.Event = field(default_factory=threading.Event)  # a sibling failed: start nothing new
    lock: threading.Lock = field(default_factory=threading.Lock)  # a resource is either cancelled or done, never both
    cancelled: set[str] = field(default_factory=set)  # logical ids whose event already says cancelled


def emit(op: Operation, status: str, reason: str = "", resource: StackResource | None = None) -> None:
    """Write an event, of a resource or of the stack itself, and the status where it belongs."""
    stack = op.stack
    if resource is None:
        stack.status, stack.reason = status, reason
    event = {
        "StackId": stack.id, "StackName": stack.name, "EventId": new_id(), "OperationId": op.id,
        "LogicalResourceId": resource.logical_id if resource else stack.name,
        "PhysicalResourceId": resource.physical_id or "" if resource else stack.id,
        "ResourceType": resource.definition.type if resource else STACK_TYPE,
        "Timestamp": _after(stack), "ResourceStatus": status,
    }  # fmt: skip
    if reason:
        event["ResourceStatusReason"] = reason[:4096]
    if op.token:
        event["ClientRequestToken"] = op.token
    if resource and resource.properties:
        event["ResourceProperties"] = json.dumps(masked(resource.properties, stack.current), default=str)
    stack.events.append(event)


def _after(stack: Stack) -> datetime:
    """Return a moment after the last event, in AWS's milliseconds: clients put events in order by it."""
    last = stack.events[-1]["Timestamp"] if stack.events else stack.created
    return max(now(), last + timedelta(milliseconds=1))


def failure_reason(error: Exception, op: Operation, logical_id: str) -> str:
    """Return an exception in the words of a status reason."""
    if isinstance(error, Failure | StepFailed):
        return str(error)
    if isinstance(error, Refused):
        return error.message
    if isinstance(error, ClientError):
        return _client_error(error, op, logical_id)
    log.error("%s of stack %s", logical_id, op.stack.name, exc_info=error)
    return f"Internal Failure: {type(error).__name__}: {error}"


def _client_error(error: ClientError, op: Operation, logical_id: str) -> str:
    """Write a service's refusal as AWS's resource handlers do."""
    code, meta = error.response["Error"]["Code"], error.response.get("ResponseMetadata", {})
    kinds = ("AccessDenied", "AlreadyExists", "NotFound", "Throttling", "ServiceLimitExceeded", "ResourceConflict")
    words = {"Unauthorized": "AccessDenied", "NoSuch": "NotFound", "Validation": "InvalidRequest", "InvalidParameter":
             "InvalidRequest", "LimitExceeded": "ServiceLimitExceeded", "InUse": "ResourceConflict",
             "Duplicate": "AlreadyExists", **{kind: kind for kind in kinds}}  # fmt: skip
    handler = next((kind for word, kind in words.items() if word in code), "GeneralServiceException")
    service = error.operation_name
    message = error.response["Error"]["Message"]
    return (f'Resource handler returned message: "{message} (Service: {service}, Status Code: '
            f'{meta.get("HTTPStatusCode", 400)}, Error Code: {code}, Request ID: {meta.get("RequestId", "unknown")})" '
            f"(RequestToken: {token_of(op.id, logical_id)}, HandlerErrorCode: {handler})")  # fmt: skip


def token_of(operation: str, logical_id: str) -> str:
    """Return what stays the same for one resource in one operation."""
    return hashlib.sha256(f"{operation}/{logical_id}".encode()).hexdigest()[:32]

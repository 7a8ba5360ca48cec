"""Custom resources: a request to a Lambda function or a topic, and the answer that comes back by URL."""

import json
import threading
import uuid
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.cloudformation.provider import Failure, Request, Resource
from rehearsal.world import World

LARGEST_RESPONSE: Final = 4096  # bytes
LONGEST_ID: Final = 1024
_ANSWERS: Final[dict[str, list[bytes]]] = {}  # response id -> what arrived, for ids that someone waits for
_LOCK: Final = threading.Lock()


def expect() -> str:
    """Return a new response id that `receive` takes answers for."""
    response_id = uuid.uuid4().hex
    with _LOCK:
        _ANSWERS[response_id] = []
    return response_id


def answers(response_id: str) -> list[bytes]:
    """Return the answers that have arrived for an id."""
    with _LOCK:
        return list(_ANSWERS.get(response_id, ()))


def forget(response_id: str) -> None:
    """Take no more answers for an id."""
    with _LOCK:
        _ANSWERS.pop(response_id, None)


def receive(response_id: str, body: bytes) -> None:
    """Take an answer that was PUT to a response URL; one that nobody waits for any more is dropped, as in S3."""
    with _LOCK:
        if response_id in _ANSWERS:
            _ANSWERS[response_id].append(body)


@dataclass(frozen=True)
class CustomResource:
    """Provider of `Custom::*`: its handler decides what exists."""

    world: World

    def create(self, request: Request) -> Resource:
        """Send Create and wait for the answer."""
        return self._send(request, "Create")

    def update(self, request: Request) -> Resource:
        """Send Update with the old properties; another function cannot take the resource over."""
        if request.properties["ServiceToken"] != request.old_properties.get("ServiceToken"):
            raise Failure("Modifying service token is not allowed.")
        return self._send(request, "Update")

    def delete(self, request: Request) -> None:
        """Send Delete for the physical id."""
        self._send(request, "Delete")

    def _send(self, request: Request, kind: str) -> Resource:
        response_id, request_id = expect(), str(uuid.uuid4())
        fallback = request.physical_id or f"{request.stack_name}-{request.logical_id}-{request.token[:12].upper()}"
        service = str(request.properties["ServiceToken"])
        message: dict[str, Any] = {
            "RequestType": kind, "ServiceToken": service, "ResponseURL": self._url(response_id, request),
            "StackId": request.stack_id, "RequestId": request_id, "LogicalResourceId": request.logical_id,
            "ResourceType": request.type, "ResourceProperties": request.properties,
        }  # fmt: skip
        if kind != "Create":
            message["PhysicalResourceId"] = request.physical_id
        if kind == "Update":
            message["OldResourceProperties"] = request.old_properties
        try:
            self._deliver(request, service, json.dumps(message, default=str))
            return self._answer(request, response_id, request_id)
        except Failure as failure:  # the handler may have made something: Delete will be sent for this id
            raise Failure(str(failure), failure.physical_id or fallback) from failure
        finally:
            forget(response_id)

    def _url(self, response_id: str, request: Request) -> str:
        region = self.world.region
        bucket = f"cloudformation-custom-resource-response-{region.replace('-', '')}"
        return f"https://{bucket}.s3.{region}.amazonaws.com/{response_id}?AWSAccessKeyId=rehearsal&LogicalId={request.logical_id}"

    def _deliver(self, request: Request, service: str, message: str) -> None:
        if ":sns:" in service:
            request.client("sns").publish(
                TopicArn=service, Message=message, Subject="AWS CloudFormation custom resource request"
            )
        elif ":lambda:" in service:
            request.client("lambda").invoke(FunctionName=service, InvocationType="Event", Payload=message)
        else:
            raise Failure(f"Invalid service token. it must be the ARN of a Lambda function or SNS topic, not {service}")

    def _answer(self, request: Request, response_id: str, request_id: str) -> Resource:
        if self.world.faults.strikes("drop-response", request.logical_id):
            forget(response_id)
        seconds = float(request.properties.get("ServiceTimeout") or 3600)
        if not request.wait(seconds, lambda: bool(answers(response_id)), 1.0):
            raise Failure("CloudFormation did not receive a response from your Custom Resource. Please check your logs "
                          f"for requestId [{request_id}]. If you are using the Python cfn-response module, you may "
                          "need to update your Lambda function code so that CloudFormation can attach the updated "
                          "version.")  # fmt: skip
        return _read(answers(response_id)[0], request.physical_id)


def _read(body: bytes, fallback: str | None) -> Resource:
    """Return what an answer says; Failure where it says FAILED or is not an answer that CloudFormation accepts.

    `fallback` is the physical id where the answer gives none: an answer to Create must give one.
    """
    if len(body) > LARGEST_RESPONSE:
        raise Failure("Response is too long.")
    try:
        answer = json.loads(body)
    except ValueError:
        raise Failure(f"Invalid response: {body[:100]!r} is not JSON") from None
    physical_id = answer.get("PhysicalResourceId") or fallback
    if answer.get("Status") != "SUCCESS":
        raise Failure(_complaint(answer), physical_id)
    if not physical_id or len(str(physical_id)) > LONGEST_ID:
        raise Failure("Invalid PhysicalResourceId")
    data = answer.get("Data") or {}
    if not isinstance(data, dict):
        raise Failure(f"Vendor response doesn't contain a valid Data object: {data!r}", str(physical_id))
    return Resource(str(physical_id), data)


def _complaint(answer: dict[str, Any]) -> str:
    if answer.get("Status") != "FAILED":
        return f"Invalid response status '{answer.get('Status')}': it must be SUCCESS or FAILED"
    reason = answer.get("Reason") or "the response gave no Reason, which it must"
    return (f"Received response status [FAILED] from custom resource. Message returned: {reason} "
            f"(RequestId: {answer.get('RequestId')})")  # fmt: skip

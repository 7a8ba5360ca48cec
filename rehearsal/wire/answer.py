"""From an operation's result, or a refusal, to the HTTP answer of its protocol."""

import json
from typing import Any
from xml.sax.saxutils import escape

from moto.core.serialize import SerializationContext, get_serializer_class
from werkzeug.wrappers import Response

from rehearsal.wire.call import Refused
from rehearsal.wire.operation import Matched


def result(matched: Matched, output: dict[str, Any], request_id: str) -> Response:
    """Write the output members of an operation."""
    service = str(matched.model.service_model.service_name)
    serializer = get_serializer_class(service, matched.protocol)(matched.model, SerializationContext(request_id))
    written = serializer.serialize(output)
    headers = {**written["headers"], "x-amzn-RequestId": request_id}
    return Response(written["body"], written["status_code"], headers)


def refusal(refused: Refused, protocol: str, service: str, request_id: str) -> Response:
    """Write an error as the protocol does: JSON with a type, or one of the three forms of XML."""
    headers = {"x-amzn-RequestId": request_id, "x-amzn-ErrorType": refused.code}
    if "json" in protocol:
        body = json.dumps({"__type": refused.code, "message": refused.message, "Message": refused.message})
        headers["x-amzn-query-error"] = f"{refused.code};Sender"  # read only for services that once spoke Query
        return Response(body, refused.status, {**headers, "Content-Type": "application/x-amz-json-1.1"})
    error = f"<Code>{escape(refused.code)}</Code><Message>{escape(refused.message)}</Message>"
    if service == "s3":
        body = f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
    elif protocol == "ec2":
        body = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    else:
        inner = f"<Error><Type>Sender</Type>{error}</Error><RequestId>{request_id}</RequestId>"
        body = f"<ErrorResponse>{inner}</ErrorResponse>"
    return Response(body, refused.status, {**headers, "Content-Type": "text/xml"})

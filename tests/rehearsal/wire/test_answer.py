import json
from xml.etree import ElementTree as ET

import pytest
from moto.core.request import Request

from rehearsal.wire import answer, operation
from rehearsal.wire.call import Refused

DENIED = Refused("AccessDenied", "no <you>", 403)


@pytest.mark.parametrize(
    ("protocol", "service", "path"),
    [("query", "iam", "Error/Message"), ("ec2", "ec2", "Errors/Error/Message"), ("rest-xml", "s3", "Message")],
)
def test_xml_carries_code_and_message_where_the_protocol_has_them(protocol: str, service: str, path: str) -> None:
    written = answer.refusal(DENIED, protocol, service, "id")
    assert written.status_code == 403
    assert ET.fromstring(written.get_data()).findtext(path) == "no <you>"  # noqa: S314 - our own text


def test_json_carries_the_code_as_type() -> None:
    written = answer.refusal(DENIED, "rest-json", "eks", "id")
    assert json.loads(written.get_data())["__type"] == "AccessDenied"
    assert written.headers["x-amzn-ErrorType"] == "AccessDenied"


def test_a_result_is_written_by_the_models_names() -> None:
    request = Request.from_primitives("GET", "http://127.0.0.1/clusters/c", {"Content-Type": "application/json"})
    written = answer.result(operation.match("eks", "rest-json", request), {"cluster": {"name": "c", "secret": 1}}, "id")
    assert json.loads(written.get_data()) == {"cluster": {"name": "c"}}

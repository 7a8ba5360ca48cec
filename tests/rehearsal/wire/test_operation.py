import json
from typing import Any
from urllib.parse import urlencode

import pytest
from moto.core.request import Request

from rehearsal.wire import operation
from rehearsal.wire.call import Refused


def matched(service: str, request: Request) -> operation.Matched:
    return operation.match(service, operation.protocol_of(service, request), request)


def json_call(target: str, body: dict[str, Any]) -> Request:
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    return Request.from_primitives("POST", "http://127.0.0.1/", headers, json.dumps(body).encode())


def query_call(fields: dict[str, str]) -> Request:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = Request.from_primitives("POST", "http://127.0.0.1/", headers, urlencode(fields).encode())
    request.get_data()
    return request


def rest_call(method: str, path: str, body: dict[str, Any] | None = None) -> Request:
    data = json.dumps(body).encode() if body is not None else b""
    return Request.from_primitives(method, f"http://127.0.0.1{path}", {"Content-Type": "application/json"}, data)


def test_json_is_read_by_its_target() -> None:
    found = matched("ssm", json_call("AmazonSSM.GetParameter", {"Name": "x"}))
    assert (found.name, found.parameters) == ("GetParameter", {"Name": "x"})


def test_query_is_read_by_its_action() -> None:
    found = matched("iam", query_call({"Action": "GetRole", "RoleName": "r"}))
    assert (found.name, found.parameters) == ("GetRole", {"RoleName": "r"})


def test_rest_is_read_by_its_path() -> None:
    found = matched("eks", rest_call("GET", "/clusters/c"))
    assert (found.name, found.parameters) == ("DescribeCluster", {"name": "c"})


def test_a_list_that_is_not_in_the_query_string_is_not_given() -> None:
    assert "states" not in matched("emr-containers", rest_call("GET", "/virtualclusters")).parameters


@pytest.mark.parametrize(
    ("service", "request_"),
    [
        ("ssm", json_call("AmazonSSM.Nothing", {})),
        ("eks", rest_call("GET", "/nothing")),
        ("nothing", rest_call("GET", "/")),
    ],
)
def test_what_no_model_knows_is_refused_by_name(service: str, request_: Request) -> None:
    with pytest.raises(Refused, match=f"does not know {service}: .*[Nn]othing|does not know nothing"):
        matched(service, request_)


def test_a_body_that_is_no_json_object_cannot_be_read() -> None:
    with pytest.raises(Refused, match="SerializationException"):
        matched("ssm", json_call("AmazonSSM.GetParameter", ["x"]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"nodeRole": "r"}, "Missing required parameter in input: .subnets."),
        ({"nodeRole": "r", "subnets": ["s"], "amiType": "AL1"}, "Value 'AL1' at 'amiType' .* enum value set"),
    ],
)
def test_parameters_are_checked_against_the_model(body: dict[str, Any], words: str) -> None:
    given = matched("eks", rest_call("POST", "/clusters/c/node-groups", {"nodegroupName": "n", **body}))
    with pytest.raises(Refused, match=words) as refused:
        operation.check(given)
    assert refused.value.code == "InvalidParameterException"


def test_a_pattern_of_the_model_binds() -> None:
    with pytest.raises(Refused, match="at 'repositoryName' .* regular expression pattern"):
        operation.check(
            matched("ecr", json_call("AmazonEC2ContainerRegistry_V20150921.CreateRepository", {"repositoryName": "Ab"}))
        )


def test_good_parameters_pass() -> None:
    operation.check(matched("ssm", json_call("AmazonSSM.GetParameter", {"Name": "x"})))

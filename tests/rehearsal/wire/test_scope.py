import pytest
from moto.core.request import Request

from rehearsal.wire import scope
from rehearsal.wire.call import Refused


def signed(service: str, key: str = "AKIA1", **headers: str) -> Request:
    credential = f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-west-2/{service}/aws4_request, SignedHeaders=host"
    return Request.from_primitives("POST", "http://127.0.0.1/", {"Authorization": credential, **headers})


def test_the_signature_names_service_region_and_key() -> None:
    assert scope.read(signed("eks")) == scope.Scope("eks", "us-west-2", "AKIA1", None)


def test_a_signing_name_becomes_botocores_name_of_the_service() -> None:
    assert scope.read(signed("states")).service == "stepfunctions"


def test_a_presigned_query_is_read_like_a_header() -> None:
    url = "http://127.0.0.1/?X-Amz-Credential=AKIA1%2F20260101%2Fus-west-2%2Fsts%2Faws4_request&X-Amz-Security-Token=T"
    assert scope.read(Request.from_primitives("GET", url, {})) == scope.Scope("sts", "us-west-2", "AKIA1", "T")


def test_the_session_token_comes_from_its_header() -> None:
    assert scope.read(signed("eks", **{"X-Amz-Security-Token": "T"})).token == "T"  # noqa: S105 - not one


def test_an_unsigned_object_is_denied_as_s3_denies_it() -> None:
    with pytest.raises(Refused, match="Access Denied") as refused:
        scope.read(Request.from_primitives("GET", "http://127.0.0.1/bucket/key", {}))
    assert refused.value.status == 403


def test_an_unsigned_call_misses_its_token() -> None:
    with pytest.raises(Refused, match="MissingAuthenticationToken"):
        scope.read(Request.from_primitives("POST", "http://127.0.0.1/", {"X-Amz-Target": "Logs_20140328.X"}))

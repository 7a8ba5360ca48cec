"""Each thing that may be in the way to CloudWatch is told apart by what the SDK really raises, and has its own fix."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from dcgm_cloudwatch import publish
from dcgm_cloudwatch.refusals import Refusal, refusal
from rehearsal.wire.call import Refused
from tests.docker.dcgm_cloudwatch.cloudwatch_port import THROTTLED, UNAVAILABLE, CloudWatchPort

SPACE = "EKS/c/GPU"
NOT_ALLOWED = (
    "User: arn:aws:sts::111122223333:assumed-role/exporter/x is not authorized to perform: cloudwatch:PutMetricData "
)
CODES = {
    "expired": (Refused("ExpiredToken", "The security token included in the request is expired", 403), "credentials"),
    "unknown key": (
        Refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403),
        "credentials",
    ),
    "wrong secret": (
        Refused("SignatureDoesNotMatch", "The request signature we calculated does not match the signature", 403),
        "credentials",
    ),
    "clock late": (
        Refused(
            "SignatureDoesNotMatch", "Signature expired: 20260801T100000Z is now earlier than 20260801T101500Z", 403
        ),
        "clock",
    ),
    "clock early": (
        Refused("InvalidSignatureException", "Signature not yet current: 20260801T100000Z is", 403),
        "clock",
    ),
    "request expired": (Refused("RequestExpired", "Request has expired.", 400), "clock"),
    "other region": (
        Refused("InvalidSignatureException", "Credential should be scoped to a valid region, not 'us-east-1'.", 403),
        "region",
    ),
    "region off": (
        Refused("OptInRequired", "The AWS Access Key Id needs a subscription for the service", 403),
        "region",
    ),
    "no policy": (
        Refused("AccessDenied", NOT_ALLOWED + "because no identity-based policy allows the action", 403),
        "permission",
    ),
    "denied above": (
        Refused("AccessDenied", NOT_ALLOWED + "with an explicit deny in a service control policy", 403),
        "permission",
    ),
    "endpoint's policy": (
        Refused("AccessDenied", NOT_ALLOWED + "because no VPC endpoint policy allows the action", 403),
        "permission",
    ),
    "throttled": (THROTTLED, "quota"),
    "unavailable": (UNAVAILABLE, "CloudWatch"),
    "internal": (Refused("InternalServiceFault", "Request processing has failed", 500), "CloudWatch"),
    "bad data": (Refused("InvalidParameterValue", "The parameter Namespace must not begin with AWS/", 400), "data"),
}
FIXES = {
    "expired": "renew the credentials",
    "unknown key": "session token",
    "wrong secret": "secret key that belongs",
    "clock late": "NTP",
    "clock early": "NTP",
    "request expired": "NTP",
    "other region": "AWS_REGION",
    "region off": "switch the region on",
    "no policy": f"allow cloudwatch:PutMetricData on * where cloudwatch:namespace is {SPACE}, in the role's policy",
    "denied above": "is in the way, but explicit deny in a service control policy",
    "endpoint's policy": "is in the way, but no VPC endpoint policy",
    "throttled": "raise the quota",
    "unavailable": "health.aws.amazon.com",
    "internal": "health.aws.amazon.com",
    "bad data": f"NAMESPACE is {SPACE}",
}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with a key that is nobody's, and ask no machine for one."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE000000000",
        "AWS_SECRET_ACCESS_KEY": "fake",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


def found(region: str = "us-west-2") -> tuple[Refusal, str]:
    """Send one datum with the exporter's own client; return what is said of the error, and the error."""
    try:
        publish.client(region).put_metric_data(Namespace=SPACE, MetricData=[{"MetricName": "x", "Value": 1.0}])
    except Exception as error:  # noqa: BLE001 - as `check` does
        return refusal(error, SPACE, region), type(error).__name__
    raise AssertionError("nothing was in the way")


@pytest.mark.parametrize("case", CODES)
def test_what_cloudwatch_answers_is_told_apart(
    case: str, cloudwatch: CloudWatchPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloudwatch.url)
    answer, link = CODES[case]
    cloudwatch.refuse = lambda _: answer
    told, _ = found()
    assert told.link == link
    assert FIXES[case] in told.fix


@pytest.fixture
def silent() -> Iterator[str]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_no_answer_is_no_way(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "ANSWER_BY", 0.3)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{silent}")
    told, error = found()
    assert (told.link, error) == ("CloudWatch", "ReadTimeoutError")
    assert "has not answered in time" in told.fix


def test_a_closed_port_is_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{address}")
    told, error = found()
    assert (told.link, error) == ("route", "EndpointConnectionError")
    assert "port 443 of monitoring.us-west-2.amazonaws.com: a NAT gateway" in told.fix


def test_packets_that_are_dropped_are_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def dropped(*_: object, **__: object) -> NoReturn:
        raise TimeoutError

    monkeypatch.setattr("urllib3.util.connection.create_connection", dropped)
    told, error = found()
    assert (told.link, error) == ("route", "ConnectTimeoutError")
    assert "NAT gateway" in told.fix


def test_a_name_that_is_none_is_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    told, _ = found("us-wset-2")
    assert told.link == "DNS"
    assert "monitoring.us-wset-2.amazonaws.com" in told.fix
    assert "AWS_REGION if that is misspelt" in told.fix


def test_what_speaks_no_tls_is_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(1000)

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{server.getsockname()[1]}")
        told, error = found()
        thread.join()
    assert (told.link, error) == ("TLS", "SSLError")
    assert "AWS_CA_BUNDLE" in told.fix


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{address}")
    told, error = found()
    assert (told.link, error) == ("proxy", "ProxyConnectionError")
    assert "HTTPS_PROXY" in told.fix


@pytest.mark.parametrize("region", ["", "us west 2"], ids=["none", "no region at all"])
def test_a_region_that_is_none_is_named(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    told, _ = found(region)
    assert told.link == "region"
    assert "AWS_REGION" in told.fix


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    told, error = found()
    assert (told.link, error) == ("credentials", "NoCredentialsError")
    assert "Pod Identity" in told.fix


def test_every_cause_has_a_fix_of_its_own(cloudwatch: CloudWatchPort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloudwatch.url)
    alike = [("clock late", "clock early", "request expired"), ("unavailable", "internal")]
    told: dict[str, str] = {}
    for case, (answer, _) in CODES.items():
        cloudwatch.refuse = lambda _, answer=answer: answer  # type: ignore[misc]
        told[case] = found()[0].fix
    assert len(set(told.values())) == len(told) - sum(len(each) - 1 for each in alike)

"""EKS tokens: made by botocore as `aws eks get-token` makes them, refused for each thing that makes them worthless."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import botocore.session
import pytest
from botocore.signers import RequestSigner

from rehearsal.kubernetes.tokens import Caller, Entry, InvalidToken, default_username, identify_token, review

KEY, SECRET = "AKIAEXAMPLE", "secret"
ROLE = "arn:aws:iam::111122223333:role/path/deployer"
CALLER = Caller("arn:aws:sts::111122223333:assumed-role/deployer/me@example.com", ROLE, SECRET)


def token(cluster: str = "blue", secret: str = SECRET, action: str = "GetCallerIdentity", header: bool = True) -> str:
    session = botocore.session.get_session()
    session.set_credentials(KEY, secret, "session-token")
    client = session.create_client("sts", region_name="us-west-2")
    model, events = client.meta.service_model.service_id, client.meta.events
    signer = RequestSigner(model, "us-west-2", "sts", "v4", session.get_credentials(), events)
    request = {
        "method": "GET",
        "url": f"https://sts.us-west-2.amazonaws.com/?Action={action}&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster} if header else {},
        "context": {},
    }
    url = signer.generate_presigned_url(request, region_name="us-west-2", expires_in=60, operation_name="")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def identify(key: str, session_token: str | None) -> Caller | None:
    return CALLER if (key, session_token) == (KEY, "session-token") else None


def test_a_good_token_names_its_maker() -> None:
    assert identify_token(token(), "blue", identify) == CALLER


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (lambda: "letmein", "missing expected 'k8s-aws-v1.' prefix"),
        (lambda: "k8s-aws-v1.%%%", "expected|no URL|unexpected"),
        (lambda: token(action="GetSessionToken"), "unexpected action parameter 'GetSessionToken'"),
        (lambda: token(header=False), "did not sign the x-k8s-aws-id header"),
        (lambda: token(cluster="green"), "signature is not that of"),
        (lambda: token(secret="other"), "signature is not that of"),  # noqa: S106 - a test's
    ],
    ids=["prefix", "url", "action", "header", "cluster", "secret"],
)
def test_a_bad_token_is_refused_for_its_reason(bad: Callable[[], str], why: str) -> None:
    with pytest.raises(InvalidToken, match=why):
        identify_token(bad(), "blue", identify)


def test_a_token_ends_after_fifteen_minutes() -> None:
    made = token()
    identify_token(made, "blue", identify, datetime.now(UTC) + timedelta(minutes=14))
    with pytest.raises(InvalidToken, match="expired"):
        identify_token(made, "blue", identify, datetime.now(UTC) + timedelta(minutes=16))


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(InvalidToken, match="expected 200, got 403"):
        identify_token(token(), "blue", lambda *_: None)


def asked(text: str) -> dict[str, object]:
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": text}}


def test_the_entry_decides_name_and_groups() -> None:
    entry = Entry(ROLE, default_username(ROLE), ("data-team",))
    status = review(asked(token()), "blue", identify, {ROLE: entry})["status"]
    assert status["authenticated"]
    assert status["user"]["username"] == "arn:aws:sts::111122223333:assumed-role/deployer/me-example.com"
    assert status["user"]["groups"] == ["data-team", f"eks-access-entry:{ROLE}"]


def test_nobody_without_an_entry_comes_in() -> None:
    status = review(asked(token()), "blue", identify, {})["status"]
    assert status == {
        "authenticated": False,
        "error": f"ARN is not mapped: {ROLE} has no access entry in blue",
    }

from typing import Any

import pytest
from moto.iam.models import iam_backends

from rehearsal.access.service_linked import arn
from rehearsal.access.unrehearsed import Unrehearsed
from rehearsal.services.iam import create_service_linked_role
from rehearsal.services.leftovers import Inventory
from rehearsal.wire.call import Call, Principal, Refused

ACCOUNT = "111122223333"
ARN = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"


def create(service: str) -> dict[str, Any]:
    admin = Principal(f"arn:aws:iam::{ACCOUNT}:user/admin")
    asked = {"AWSServiceName": service}
    return create_service_linked_role(
        Call("iam", "CreateServiceLinkedRole", asked, admin, "AKIA", "us-west-2", ACCOUNT, "1")
    )


@pytest.mark.usefixtures("account")
def test_a_service_s_role_has_the_name_that_it_has_in_aws() -> None:
    """Guards against the emulator's `AWSServiceRoleForspot`."""
    assert create("spot.amazonaws.com")["Role"]["Arn"] == ARN == arn(ACCOUNT, "spot.amazonaws.com")
    assert iam_backends[ACCOUNT]["aws"].get_role("AWSServiceRoleForEC2Spot").arn == ARN


@pytest.mark.usefixtures("account")
def test_a_role_that_is_there_is_refused_in_aws_s_words() -> None:
    create("spot.amazonaws.com")
    with pytest.raises(Refused, match="has been taken in this account") as refused:
        create("spot.amazonaws.com")
    assert refused.value.code == "InvalidInput"


@pytest.mark.usefixtures("account")
def test_the_role_of_an_unknown_service_is_not_made_up() -> None:
    with pytest.raises(Unrehearsed, match=r"ecs\.amazonaws\.com"):
        create("ecs.amazonaws.com")


def test_a_service_s_role_is_nobody_s_leftover(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401 - the conftest's Account
    """Others in the account may have come to need it, so that no stack takes it away."""
    inventory = Inventory(account.world, {})
    monkeypatch.setattr(Inventory, "_stacks", lambda _: [])
    before = inventory.resources()
    create("spot.amazonaws.com")
    assert inventory.resources() == before
    iam_backends[ACCOUNT]["aws"].create_role("own", "{}", "/", None, "", [], "3600")
    assert inventory.resources() == sorted([*before, f"iam Role arn:aws:iam::{ACCOUNT}:role/own"])

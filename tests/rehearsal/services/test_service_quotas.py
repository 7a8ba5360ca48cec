"""Service Quotas of the rehearsal: a new account's, until somebody asks for more."""

import pytest

from rehearsal.services.service_quotas import ServiceQuotas
from rehearsal.wire.call import Call, Principal, Refused

GPUS = {"ServiceCode": "ec2", "QuotaCode": "L-DB2E81BA"}


class Account:
    """The handlers, called directly."""

    def __init__(self) -> None:
        self.handlers = ServiceQuotas().operations()

    def call(self, operation: str, region: str = "us-west-2", **parameters: object) -> dict[str, object]:
        admin = Principal("arn:aws:iam::111122223333:user/admin")
        asked = Call("service-quotas", operation, parameters, admin, "AKIA", region, "111122223333", "request-1")
        answer = self.handlers[operation](asked)
        found: dict[str, object] = answer.get("Quota", answer)
        return found


def test_a_new_account_may_start_no_node_with_a_gpu() -> None:
    account = Account()
    assert account.call("GetServiceQuota", **GPUS)["Value"] == 0
    listed = account.call("ListServiceQuotas", ServiceCode="ec2")["Quotas"]
    assert isinstance(listed, list)
    assert {each["QuotaCode"]: each["Value"] for each in listed}["L-1216C47A"] == 5


def test_who_asks_for_more_has_it_in_that_region_only() -> None:
    account = Account()
    account.call("RequestServiceQuotaIncrease", **GPUS, DesiredValue=64.0)
    assert account.call("GetServiceQuota", **GPUS)["Value"] == 64
    assert account.call("GetServiceQuota", region="us-east-1", **GPUS)["Value"] == 0
    assert account.call("GetAWSDefaultServiceQuota", **GPUS)["Value"] == 0
    with pytest.raises(Refused) as refused:
        account.call("RequestServiceQuotaIncrease", **GPUS, DesiredValue=64.0)
    assert refused.value.code == "IllegalArgumentException"


@pytest.mark.parametrize("wrong", [{"QuotaCode": "L-00000000"}, {"ServiceCode": "vpc"}])
def test_what_the_rehearsal_does_not_know_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        Account().call("GetServiceQuota", **{**GPUS, **wrong})
    assert refused.value.code == "NoSuchResourceException"

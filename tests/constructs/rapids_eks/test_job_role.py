"""The names of job roles and of EMR's service accounts."""

import aws_cdk as cdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapids_eks.job_role import base36, role_name, service_account

TEAMS = st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize(
    ("name", "digits"),
    [  # https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/setting-up-enable-IAM.html
        ("abcdefghijkl", "2x6xx5ubcrus4bplmr0"),
        ("+=,.@-_", "3bu5b0xg4tb"),
        ("JobExecutionRoleIRSAv2", "c7ohmynrs14q04uudoef8n97xdufwajzua"),
    ],
)
def test_service_accounts_hold_the_role_s_name_in_base_36(name: str, digits: str) -> None:
    assert base36(name) == digits
    assert service_account("driver", "111122223333", name) == f"emr-containers-sa-spark-driver-111122223333-{digits}"


@given(team=TEAMS)
def test_a_name_fits_and_is_another_in_another_cluster_or_region(team: str) -> None:
    names = {role_name(cluster, region, team) for cluster in ("one", "two") for region in ("us-west-2", "us-east-1")}
    assert len(names) == 4
    assert all(len(name) <= 32 and "--" not in name[-12:] for name in names)


@given(one=TEAMS, other=TEAMS)
def test_teams_share_no_name(one: str, other: str) -> None:
    assert (role_name("c", "us-west-2", one) == role_name("c", "us-west-2", other)) == (one == other)


def test_a_region_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="give the stack a region"):
        role_name("c", cdk.Aws.REGION, "team")

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.emr.service_accounts import base36, service_account


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("abcdefghijkl", "2x6xx5ubcrus4bplmr0"),
        ("+=,.@-_", "3bu5b0xg4tb"),
        ("JobExecutionRoleIRSAv2", "c7ohmynrs14q04uudoef8n97xdufwajzua"),
    ],
)
def test_role_names_are_encoded_as_emr_encodes_them(name: str, encoded: str) -> None:
    assert base36(name) == encoded


@given(st.text(alphabet=st.characters(min_codepoint=43, max_codepoint=122), min_size=1, max_size=64))
def test_no_two_roles_share_an_encoding(name: str) -> None:
    assert int(base36(name), 36).to_bytes(len(name.encode()), "big").decode() == name


def test_an_account_is_named_for_component_account_and_role() -> None:
    made = service_account("driver", "111122223333", "abcdefghijkl")
    assert made == "emr-containers-sa-spark-driver-111122223333-2x6xx5ubcrus4bplmr0"

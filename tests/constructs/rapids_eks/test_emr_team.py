"""The names that a team's resources have."""

import re

from hypothesis import given
from hypothesis import strategies as st

from rapids_eks.emr_team import virtual_cluster_name

NAMES = st.from_regex(re.compile(r"[a-z](?:[a-z0-9-]{0,98}[a-z0-9])?", re.ASCII), fullmatch=True)
TEAMS = st.from_regex(re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII), fullmatch=True)
# https://docs.aws.amazon.com/emr-on-eks/latest/APIReference/API_CreateVirtualCluster.html
ALLOWED = r"[._/#A-Za-z0-9-]{1,64}"


def test_a_name_that_fits_stays_as_it_is() -> None:
    assert virtual_cluster_name("rapids", "x" * 57) == f"rapids-{'x' * 57}"


@given(NAMES, st.lists(TEAMS, min_size=2, max_size=6, unique=True))
def test_virtual_clusters_of_several_teams_have_names_of_their_own(cluster: str, teams: list[str]) -> None:
    """Guards against a name that is cut where the teams' names would differ."""
    names = [virtual_cluster_name(cluster, team) for team in teams]
    assert all(re.fullmatch(ALLOWED, name) for name in names)
    assert len(set(names)) == len(teams)


def test_of_the_longest_names_too() -> None:
    assert virtual_cluster_name("x" * 100, "team-a") != virtual_cluster_name("x" * 100, "team-b")

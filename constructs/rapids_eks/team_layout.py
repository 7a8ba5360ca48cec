"""Where a team's objects lie, and what its outputs are called."""

INPUT = "input/fannie-mae-single-family-loan-performance/"  # below a team's prefix


def prefix(team: str) -> str:
    """Return below which a team's objects lie in the data bucket."""
    return f"{team}/spark-rapids-emr/"


def pascal_case(team: str) -> str:
    """Return a team's name as constructs and outputs have it: SparkTeamA of spark-team-a."""
    return "".join(part.capitalize() for part in team.split("-"))

"""What is known by its name or path alone: instance profiles and log groups."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .deletion import attempt


def instance_profiles(iam: Any, path: str) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Delete the instance profiles below a path, which Karpenter makes for its node classes."""
    pages = iam.get_paginator("list_instance_profiles").paginate(PathPrefix=path)
    return [
        attempt(f"instance profile {each['InstanceProfileName']}", _end_of(iam, each))
        for page in pages
        for each in page["InstanceProfiles"]
        if each["Path"].startswith(path)
    ]


def _end_of(iam: Any, profile: dict[str, Any]) -> Callable[[], None]:  # noqa: ANN401 - boto3 makes its classes at run time
    def end() -> None:
        name = profile["InstanceProfileName"]
        for role in profile["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
        iam.delete_instance_profile(InstanceProfileName=name)

    return end


def log_groups(logs: Any, wanted: Sequence[str], waited: int, quiet: int) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Delete log groups, given by name or, with `*` at the end, by how their names begin.

    AWS makes some anew when it writes late, so all are looked for until so many seconds are over.
    """
    lines = [
        attempt(f"log group {name}", partial(logs.delete_log_group, logGroupName=name))
        for each in wanted
        for name in _matching(logs, each)
    ]
    late = [f"log groups ({', '.join(wanted)} may be written to for {quiet - waited} more seconds)"]
    return lines + (late if wanted and waited < quiet else [])


def _matching(logs: Any, wanted: str) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=wanted.removesuffix("*"))
    names = [each["logGroupName"] for page in pages for each in page["logGroups"]]
    return [name for name in names if wanted.endswith("*") or name == wanted]

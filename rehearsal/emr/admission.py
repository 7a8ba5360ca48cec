"""What StartJobRun refuses at once.

https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-jobs-error.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.wire.call import Refused

RELEASE = re.compile(r"emr-(\d+)\.(\d+)\.\d+(?:-(?:spark-rapids|java\d+|al2023))*-(?:latest|\d{8})")
POD_IDENTITY_SINCE = (7, 3)
NEWEST = (7, 13)  # https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-releases.html
LONGEST_LIST = 100
MOST_TAGS = 50


def check(given: Mapping[str, Any], virtual: Mapping[str, Any], account: str) -> None:
    """Raise Refused unless the virtual cluster takes a run, and this request can be one."""
    if virtual["state"] != "RUNNING":
        raise invalid(f"Virtual cluster state {virtual['state']} is not valid to create resource JobRun.")
    problem = next(_problems(given), None)
    if problem:
        raise invalid(problem)
    if f":{account}:" not in given["executionRoleArn"]:
        raise Refused("AccessDeniedException", f"{given['executionRoleArn']} is not of this account", 403)
    _check_release(given["releaseLabel"])


def _problems(given: Mapping[str, Any]) -> Iterator[str]:
    if "jobTemplateId" in given:
        yield "jobTemplateId is not rehearsed: give the run's parameters themselves"
    for name in ("executionRoleArn", "releaseLabel", "jobDriver"):
        if name not in given:
            yield f"{name} must be given where there is no job template"
    if list(given["jobDriver"]) != ["sparkSubmitJobDriver"]:
        yield "jobDriver takes one driver, of which sparkSubmitJobDriver is the one that is rehearsed"
    if given.get("retryPolicyConfiguration", {}).get("maxAttempts", 1) < 1:
        yield "retryPolicyConfiguration.maxAttempts must be at least 1"
    yield from _bad_overrides(given)


def _bad_overrides(given: Mapping[str, Any]) -> Iterator[str]:
    overrides = given.get("configurationOverrides", {})
    uri = overrides.get("monitoringConfiguration", {}).get("s3MonitoringConfiguration", {}).get("logUri", "s3://")
    if not uri.startswith("s3://"):
        name = "configurationOverrides.monitoringConfiguration.s3MonitoringConfiguration.logUri"
        yield f"{name} failed to satisfy constraint : it must begin with s3://, and is {uri}"
    yield from _too_long(given.get("tags", {}), overrides.get("applicationConfiguration", []))


def _too_long(tags: Mapping[str, str], configurations: list[Mapping[str, Any]]) -> Iterator[str]:
    sizes = [
        ("tags", len(tags), MOST_TAGS),
        ("configurationOverrides.applicationConfiguration", len(configurations), LONGEST_LIST),
        *((each["classification"], len(each.get("properties", {})), LONGEST_LIST) for each in configurations),
    ]
    for name, size, most in sizes:
        if size > most:
            yield (
                f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
                f"Member must have length less than or equal to {most}"
            )


def _check_release(label: str) -> None:
    found = RELEASE.fullmatch(label)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if found is None or version > NEWEST:
        known = f"The newest one that is known here is emr-{NEWEST[0]}.{NEWEST[1]}.0-latest."
        raise Refused("ResourceNotFoundException", f"Release {label} doesn't exist. {known}", 404)
    if version < POD_IDENTITY_SINCE:
        message = f"Release {label} has no EKS Pod Identity, and IAM roles for service accounts are not rehearsed"
        raise invalid(f"{message}: use emr-7.3.0 or newer")


def invalid(message: str) -> Refused:
    """Return EMR's error for a request that it cannot take."""
    return Refused("ValidationException", message)

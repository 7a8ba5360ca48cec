"""Whether the account may start as many GPU nodes as the executors need."""

from collections.abc import Mapping
from typing import Any


def problem(quotas: Any, need: Mapping[str, Any]) -> str:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return which quota is too small and what to do, or nothing; what is in use already is not counted.

    `need` has the `vcpus`, the `codes` of the quotas that may provide them together, and `why` it is so many.
    """
    found = {code: _value(quotas, code) for code in need["codes"]}
    known = {code: value for code, value in found.items() if value is not None}
    if not known or len(known) < len(found) or sum(known.values()) >= need["vcpus"]:
        return ""
    has = " and ".join(f"{code} is {value:g}" for code, value in known.items())
    return (
        f"the executors need {need['vcpus']} vCPUs of GPU instances ({need['why']}), but the EC2 quota {has}: "
        f"ask for {need['vcpus']} with `aws service-quotas request-service-quota-increase --service-code ec2 "
        f"--quota-code {next(iter(known))} --desired-value {need['vcpus']}`"
    )


def _value(quotas: Any, code: str) -> float | None:  # noqa: ANN401 - the same
    """Return a quota's value, or None where the region does not know it."""
    try:
        return float(quotas.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]["Value"])
    except quotas.exceptions.NoSuchResourceException:
        return None

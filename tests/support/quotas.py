"""Quotas of vCPUs that a new account has too few of."""

from rehearsal.world import World

STANDARD, GPUS = ("L-1216C47A", "L-34B43A08"), ("L-DB2E81BA", "L-3819A6DF")  # on demand and Spot
VCPUS = 256


def raise_quotas(world: World, *codes: str) -> None:
    """Let the account start so many vCPUs of types that count to these quotas."""
    client = world.client("service-quotas")
    for code in codes:
        client.request_service_quota_increase(ServiceCode="ec2", QuotaCode=code, DesiredValue=VCPUS)

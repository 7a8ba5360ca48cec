"""Regions and Availability Zones by the form of their names, pure and offline."""

import re

REGION = r"[a-z]{2}(?:-gov)?-(?:north|south|east|west|central|northeast|southeast|northwest|southwest)-[1-9]"
ZONE_NAME = REGION + "[a-f]"
ZONE_ID = r"[a-z]{3,6}[1-9]-az[1-9]"

# EKS puts no control plane there: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
WITHOUT_EKS = {"us-east-1": "use1-az3", "us-west-1": "usw1-az2", "ca-central-1": "cac1-az3"}


def partition(region: str) -> str:
    """Return the partition of a region: aws or aws-us-gov."""
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def zone_id_prefix(region: str) -> str:
    """Return what the region's zone ids begin with: usw2 for us-west-2."""
    country, *middle, number = region.split("-")
    initials = "".join(re.sub("(north|south|east|west|central|gov)", lambda word: word[0][0], part) for part in middle)
    return country + initials + number


def refusal(zone: str, region: str) -> str | None:
    """Say why a zone, by name or id, cannot be used in a region; None if it can."""
    if zone == WITHOUT_EKS.get(region):
        return f"{zone} has no EKS control plane: choose another zone of {region}"
    if re.fullmatch(ZONE_NAME, zone):
        return (
            None if zone[:-1] == region else f"{zone} is not in {region}: its zones are named {region}a, {region}b, ..."
        )
    prefix = zone_id_prefix(region)
    return None if zone.split("-")[0] == prefix else f"{zone} is not in {region}: its zone ids begin with {prefix}-az"

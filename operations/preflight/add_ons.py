"""Whether EKS has the versions of its add-ons that the blueprint names."""

from collections.abc import Iterator

import config
from operations.findings import Finding, ok, problem
from operations.preflight.question import Question

SUBJECT = "EKS add-ons"
SECRETS = "aws-secrets-store-csi-driver-provider"  # only there for Grafana's password
SHOWN = 5  # of the versions that there are, the newest first as EKS lists them


def add_ons(question: Question) -> Iterator[Finding]:
    """Yield the add-ons without the version that is wanted; EKS would refuse them when its cluster is already there."""
    kubernetes, wanted = question.blueprint.cluster.version, _wanted(question.blueprint)
    lacking = False
    for name, version in wanted.items():
        there = _versions(question, name, kubernetes)
        if version not in there:
            lacking = True
            known = (
                f"one of: {', '.join([*there][:SHOWN])}" if there else "another Kubernetes: there is none for this one"
            )
            fix = f"give `cluster.add_ons.{name.replace('-', '_')}` {known}"
            yield problem(SUBJECT, f"{name} {version} is none of EKS's for Kubernetes {kubernetes}", fix)
    if not lacking:
        yield ok(SUBJECT, ", ".join(f"{name} {version}" for name, version in wanted.items()))


def _wanted(blueprint: config.Blueprint) -> dict[str, str]:
    versions = blueprint.cluster.add_ons.versions
    return {name: version for name, version in versions.items() if name != SECRETS or blueprint.observability}


def _versions(question: Question, name: str, kubernetes: str) -> list[str]:
    """Return the versions of an add-on for a version of Kubernetes, the newest first."""
    pages = question.client("eks").get_paginator("describe_addon_versions")
    found = pages.paginate(addonName=name, kubernetesVersion=kubernetes)
    return [
        each["addonVersion"]
        for page in found
        for add_on in page["addons"]
        for each in add_on["addonVersions"]
        if any(fits["clusterVersion"] == kubernetes for fits in each["compatibilities"])
    ]

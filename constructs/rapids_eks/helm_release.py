"""Releases of Helm charts."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct


class HelmRelease(eks.HelmChart):
    """A pinned chart, installed under its own name into a namespace that is there, until its pods are ready.

    Pods get their credentials when they start: it depends on their role.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        repository: str,
        chart: str,
        version: str,
        namespace: str,
        values: Mapping[str, object],
        minutes: float = 10,
    ) -> None:
        """Install it; after `minutes` helm gives up, and says why, before its function is ended at 15."""
        super().__init__(
            scope,
            id,
            cluster=cluster,
            repository=repository,
            chart=chart,
            version=version,
            release=chart,
            namespace=namespace,
            create_namespace=False,
            wait=True,
            timeout=cdk.Duration.minutes(minutes),
            values=dict(values),
        )

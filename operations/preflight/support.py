"""How long the Kubernetes version is supported."""

from collections.abc import Iterator
from datetime import timedelta

from operations.findings import Finding, ok, warning
from operations.preflight.question import Question

SOON = timedelta(days=60)
FIX = "give `cluster.version` a newer one; the cluster goes one minor version at a time"


def support(question: Question) -> Iterator[Finding]:
    """Yield when standard support ends, after which the control plane costs six times as much."""
    cluster, subject = question.blueprint.cluster, "EKS version"
    text = f"{cluster.version}, with standard support until {cluster.support_ends}"
    if question.today > cluster.support_ends:
        yield warning(subject, f"{text}: it has ended, and each hour costs 0.60 USD instead of 0.10", FIX)
    elif question.today + SOON > cluster.support_ends:
        yield warning(subject, f"{text}; then each hour costs 0.60 USD instead of 0.10", FIX)
    else:
        yield ok(subject, text)

"""Recording and alerting rules for GPUs, as Amazon Managed Service for Prometheus and promtool take them."""

from collections.abc import Sequence
from typing import Any

import yaml

from rapids_eks.gpu_metrics.alerts import Alert, Thresholds, alerts
from rapids_eks.gpu_metrics.recordings import recordings

RUNBOOKS = "docs/gpu-alerts.md"  # has a heading for each alert
INTERVAL = "1m"  # between two evaluations
# What the rules read besides the DCGM exporter's own series; a list of what is kept must hold these too
KUBERNETES_SERIES = ("kube_node_status_capacity",)


def rules(limits: Thresholds | None = None, *, runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """Return the rule groups; `runbooks` is the address of the page that says what to do about each alert."""
    return groups(alerts(limits), runbooks)


def data(limits: Thresholds | None = None, *, runbooks: str = RUNBOOKS) -> str:
    """Return the same as the text of a rule file, which is what AWS::APS::RuleGroupsNamespace takes as `Data`."""
    return yaml.safe_dump(rules(limits, runbooks=runbooks), sort_keys=False, width=10_000)


def groups(chosen: Sequence[Alert], runbooks: str) -> dict[str, Any]:
    """Return the recording rules with these alerts."""
    recorded = [{"record": each.name, "expr": each.expression} for each in recordings()]
    alerting = [_rule(each, runbooks) for each in chosen]
    # One group: its rules are evaluated in their order, so an alert sees what has just been recorded
    return {"groups": [{"name": "gpu", "interval": INTERVAL, "rules": [*recorded, *alerting]}]}


def _rule(alert: Alert, runbooks: str) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.lasting,
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": f"{runbooks}#{alert.name.lower()}",
        },
    }

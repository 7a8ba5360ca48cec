"""Widgets in a dashboard that is there already."""

from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from rapids_eks.awaited_resource.construct import AwaitedResource
from rapids_eks.awaited_resource.permission import Permission
from rapids_eks.gpu_dashboard.widgets import Properties

LIMIT, EVERY = cdk.Duration.minutes(5), cdk.Duration.seconds(5)
MARKED = ("metric", "text")  # the types that can tell whose they are


class DashboardWidgets(Construct):
    """Adds widgets below those of a dashboard, updates them where they are by then, and takes them out when it goes.

    Other widgets stay as they are. The dashboard must exist; once it does not, there is nothing to take out. Whoever
    saves the same dashboard in the same second may lose that: CloudWatch replaces dashboards whole.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        dashboard_name: str,
        owner: str,
        widgets: Sequence[Properties],
        log_retention_days: int,
    ) -> None:
        """Put widgets, which `rapids_eks.gpu_dashboard.widgets` has marked with their owner, into a dashboard."""
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        dashboard = stack.format_arn(
            service="cloudwatch", region="", resource="dashboard", resource_name=dashboard_name
        )
        known = [each for each in widgets if each["type"] in MARKED]
        AwaitedResource(
            self,
            "Merged",
            resource_type="Custom::DashboardWidgets",
            physical_id=f"{dashboard_name}/{owner}",
            description=f"Keeps GPU widgets in the dashboard {dashboard_name}",
            code=Path(__file__).parent,
            properties={"Dashboard": dashboard_name, "Owner": owner, "Widgets": stack.to_json_string(known)},
            permissions=[Permission(["cloudwatch:GetDashboard", "cloudwatch:PutDashboard"], [dashboard])],
            limit=LIMIT,
            every=EVERY,
            log_retention_days=log_retention_days,
            awaited=("Create", "Update", "Delete"),
        )

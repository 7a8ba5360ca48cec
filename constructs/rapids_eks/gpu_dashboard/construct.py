"""A dashboard of the GPUs of a cluster."""

import hashlib
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from rapids_eks.gpu_dashboard.widgets import Context, Properties, Widget, body

LAST_HOURS = 3  # as far as a dashboard looks back until somebody picks another range
CONSOLES = {"us-gov-": "console.amazonaws-us-gov.com", "cn-": "console.amazonaws.cn"}


class GpuDashboard(Construct):
    """A dashboard under a name of its own. Exposes its `name`, its `url`, and the `widgets` as others may take them.

    Whoever puts the widgets into another dashboard knows them again there by the `owner`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        rows: Sequence[Sequence[Widget]],
        period_seconds: int = 60,
    ) -> None:
        """Make it, of `rows` of widgets whose metrics have a value every so many seconds."""
        super().__init__(scope, id)
        region = cdk.Stack.of(self).region
        self.name, self.owner = name, owner_of(name)
        self.widgets: list[Properties] = body(rows, Context(self.owner, region, period_seconds))
        whole = {"start": f"-PT{LAST_HOURS}H", "periodOverride": "inherit", "widgets": self.widgets}
        text = cdk.Stack.of(self).to_json_string(whole)
        cloudwatch.CfnDashboard(self, "Dashboard", dashboard_name=name, dashboard_body=text)
        console = next((host for part, host in CONSOLES.items() if region.startswith(part)), "console.aws.amazon.com")
        self.url = f"https://{console}/cloudwatch/home?region={region}#dashboards/dashboard/{name}"


def owner_of(name: str) -> str:
    """Return what marks the widgets of a dashboard: the beginning of ids, which take no hyphens."""
    return f"gpu{hashlib.sha256(name.encode()).hexdigest()[:8]}"

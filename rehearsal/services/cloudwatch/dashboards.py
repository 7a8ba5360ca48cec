"""CloudWatch's dashboards: a body that CloudWatch would refuse is refused, which the emulator stores as it is."""

import json
from collections.abc import Callable

from rehearsal.services.cloudwatch.queries.samples import NotKnownError
from rehearsal.services.cloudwatch.queries.widgets import check
from rehearsal.wire.call import Call, Refused


def refusals() -> dict[str, Callable[[Call], None]]:
    """Return the check that comes before the emulator."""
    return {"cloudwatch:PutDashboard": _refuse_broken}


def _refuse_broken(call: Call) -> None:
    try:
        check(json.loads(call.parameters["DashboardBody"]))
    except NotKnownError as error:
        text = f"The field DashboardBody must be a valid JSON object: {error}"
        raise Refused("InvalidParameterInput", text) from error
    except ValueError as error:
        raise Refused("InvalidParameterInput", "The field DashboardBody must be a valid JSON object") from error

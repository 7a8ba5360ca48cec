"""Amazon Managed Service for Prometheus: alert managers, and what is refused of them, of rules and of logs."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import yaml
from moto.amp.models import amp_backends
from moto.logs.models import logs_backends

from rehearsal.clock import Clock
from rehearsal.wire.call import Call, Handler, Refused

EVERY_STREAM = ":*"  # the end of a log group's ARN where its streams are meant


def operations(clock: Clock) -> dict[str, Handler]:
    """Return the handlers of alert managers; the rest is the emulator's."""
    known: dict[str, dict[str, Any]] = {}

    def put(call: Call) -> dict[str, Any]:
        data = _data(call)
        _check_alert_manager(data)
        now = clock.now()
        made = known.get(_workspace(call), {}).get("createdAt", now)
        known[_workspace(call)] = _definition(data, made, now)
        return {"status": {"statusCode": "ACTIVE"}}

    def found(call: Call) -> dict[str, Any]:
        if _workspace(call) not in known:
            raise Refused("ResourceNotFoundException", f"No alert manager definition in {_workspace(call)}", 404)
        return known[_workspace(call)]

    def delete(call: Call) -> dict[str, Any]:
        found(call)
        del known[_workspace(call)]
        return {}

    return {
        "CreateAlertManagerDefinition": put,
        "PutAlertManagerDefinition": put,
        "DescribeAlertManagerDefinition": lambda call: {"alertManagerDefinition": found(call)},
        "DeleteAlertManagerDefinition": delete,
    }


def refusals() -> dict[str, Callable[[Call], None]]:
    """Return the checks that come before the emulator."""
    return {
        "amp:CreateLoggingConfiguration": _check_log_group,
        "amp:UpdateLoggingConfiguration": _check_log_group,
        "amp:CreateRuleGroupsNamespace": _check_rules,
        "amp:PutRuleGroupsNamespace": _check_rules,
    }


def _definition(data: bytes, made: datetime, now: datetime) -> dict[str, Any]:
    return {"status": {"statusCode": "ACTIVE"}, "data": data, "createdAt": made, "modifiedAt": now}


def _workspace(call: Call) -> str:
    """Return the id of a call's workspace, which must be there."""
    wanted = str(call.parameters["workspaceId"])
    if wanted not in amp_backends[call.account][call.region].workspaces:
        raise Refused("ResourceNotFoundException", f"Workspace not found: {wanted}", 404)
    return wanted


def _data(call: Call) -> bytes:
    given = call.parameters["data"]
    return given if isinstance(given, bytes) else str(given).encode()


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        parsed = yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise Refused("ValidationException", f"The definition is no YAML: {error}") from error
    if not isinstance(parsed, dict):
        raise Refused("ValidationException", "The definition is no mapping")
    return parsed


def _check_alert_manager(data: bytes) -> None:
    """Refuse what an alert manager of the service does not take.

    https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-config.html: receivers of SNS only, each
    with a region to sign for, and a route to one that is there.
    """
    config = yaml.safe_load(_parsed(data).get("alertmanager_config") or "null")
    if not isinstance(config, dict):
        raise Refused("ValidationException", "alertmanager_config is missing, or is no mapping")
    receivers = {each["name"]: each for each in config.get("receivers", [])}
    if config.get("route", {}).get("receiver") not in receivers:
        raise Refused("ValidationException", 'undefined receiver used in route: give "route" one of "receivers"')
    for name, receiver in receivers.items():
        _check_receiver(name, receiver)


def _check_receiver(name: str, receiver: dict[str, Any]) -> None:
    if other := sorted(receiver.keys() - {"name", "sns_configs"}):
        raise Refused("ValidationException", f"unsupported receivers {', '.join(other)} of {name}")
    for each in receiver.get("sns_configs", []):
        if not each.get("topic_arn") or not each.get("sigv4", {}).get("region"):
            raise Refused("ValidationException", f"sns_configs of {name} need topic_arn and sigv4.region")


def _check_rules(call: Call) -> None:
    groups = _parsed(_data(call)).get("groups")
    if not groups or not all(each.get("name") and each.get("rules") for each in groups):
        raise Refused("ValidationException", "The rules have no groups, or one without a name or rules")


def _check_log_group(call: Call) -> None:
    """Refuse a log group that is not there, or whose ARN leaves its streams out."""
    arn = str(call.parameters["logGroupArn"])
    name = arn.removesuffix(EVERY_STREAM).partition(":log-group:")[2]
    if not arn.endswith(EVERY_STREAM) or name not in logs_backends[call.account][call.region].groups:
        message = f"{arn} is no ARN of a log group that exists, with {EVERY_STREAM} at its end"
        raise Refused("ValidationException", message)

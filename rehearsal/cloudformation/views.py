"""The reading half of the API: stacks, events, resources, templates, exports."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.cloudformation import changes, parameters, templates
from rehearsal.cloudformation.credentials import of_caller
from rehearsal.cloudformation.engine import Engine, capabilities_needed
from rehearsal.cloudformation.stacks import (
    EMPTY_SUBMISSION,
    HIDDEN,
    ChangeSet,
    Stack,
    StackResource,
    Submission,
    masked,
    no_echo,
)
from rehearsal.wire.call import Call, Handler, Refused

PAGE: Final = 100  # what AWS returns at a time


def page(items: Sequence[Any], call: Call, key: str) -> dict[str, Any]:
    """Return one page of a list, and the token of the next."""
    start = int(call.parameters.get("NextToken", 0))
    more = {"NextToken": str(start + PAGE)} if start + PAGE < len(items) else {}
    return {key: list(items[start : start + PAGE]), **more}


def shown_parameters(now: Submission) -> list[dict[str, str]]:
    """Return a stack's parameters; those with NoEcho are hidden, those from SSM carry what was read."""
    shown, hidden = [], no_echo(now)
    for name, raw in now.template.get("Parameters", {}).items():
        text = HIDDEN if name in hidden else now.texts[name]
        entry = {"ParameterKey": name, "ParameterValue": text}
        if parameters.SSM_VALUE.fullmatch(raw["Type"]):
            value = now.design.parameters[name]
            entry["ResolvedValue"] = ",".join(value) if isinstance(value, list) else value
        shown.append(entry)
    return shown


def described(stack: Stack) -> dict[str, Any]:
    """Return botocore's Stack."""
    now = stack.current
    optional = {
        "StackStatusReason": stack.reason or None, "LastUpdatedTime": stack.updated, "DeletionTime": stack.deleted,
        "RoleARN": now.role_arn, "ParentId": stack.parent, "RootId": stack.root, "ChangeSetId": stack.executed,
        "Description": now.template.get("Description"), "TimeoutInMinutes": stack.timeout_minutes,
    }  # fmt: skip
    return {
        "StackId": stack.id, "StackName": stack.name, "CreationTime": stack.created, "StackStatus": stack.status,
        "DisableRollback": stack.keep_failed, "Capabilities": now.capabilities, "NotificationARNs": now.topics,
        "Parameters": shown_parameters(now), "Outputs": stack.outputs, "Tags": tag_list(stack),
        "EnableTerminationProtection": stack.protected, "RollbackConfiguration": {},
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    } | {key: value for key, value in optional.items() if value is not None}  # fmt: skip


def tag_list(stack: Stack) -> list[dict[str, str]]:
    """Return the stack's tags as botocore writes them."""
    return [{"Key": key, "Value": value} for key, value in stack.current.tags.items()]


def _resource(stack: Stack, resource: StackResource, time: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "LogicalResourceId": resource.logical_id, "PhysicalResourceId": resource.physical_id or "",
        "ResourceType": resource.definition.type, time: resource.updated, "ResourceStatus": resource.status,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }  # fmt: skip
    if time == "Timestamp":  # summaries do not repeat the stack
        found |= {"StackName": stack.name, "StackId": stack.id}
    return found | ({"ResourceStatusReason": resource.reason} if resource.reason else {})


def find_change_set(engine: Engine, call: Call) -> tuple[Stack, ChangeSet]:
    """Return the change set that a call names, by ARN or by its name in a stack."""
    name, stack_name = call.parameters["ChangeSetName"], call.parameters.get("StackName")
    stacks = [engine.stacks.find(stack_name)] if stack_name else list(engine.stacks.by_id.values())
    for stack in stacks:
        for change_set in stack.change_sets.values():
            if name == change_set.id or (stack_name and name == change_set.name):
                return stack, change_set
    raise Refused("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)


@dataclass(frozen=True)
class Views:
    """Handlers that change nothing."""

    engine: Engine

    def operations(self) -> dict[str, Handler]:
        """Return the handlers by operation."""
        return {
            "DescribeStacks": self.describe_stacks, "DescribeStackEvents": self.describe_events,
            "DescribeEvents": self.describe_operation_events, "DescribeStackResource": self.describe_resource,
            "DescribeStackResources": self.describe_resources, "ListStackResources": self.list_resources,
            "ListStacks": self.list_stacks, "GetTemplate": self.get_template, "GetTemplateSummary": self.summary,
            "ValidateTemplate": self.validate, "ListExports": self.list_exports, "ListImports": self.list_imports,
            "DescribeChangeSet": self.describe_change_set, "ListChangeSets": self.list_change_sets,
            "GetStackPolicy": self.stack_policy,
        }  # fmt: skip

    def _stack(self, call: Call) -> Stack:
        return self.engine.stacks.find(call.parameters["StackName"])

    def stack_policy(self, call: Call) -> dict[str, Any]:
        """GetStackPolicy: none can be set here."""
        self._stack(call)
        return {}

    def describe_stacks(self, call: Call) -> dict[str, Any]:
        """DescribeStacks: one by name or id, else all that live."""
        found = [self._stack(call)] if "StackName" in call.parameters else list(self.engine.stacks.living())
        return page([described(stack) for stack in found], call, "Stacks")

    def describe_events(self, call: Call) -> dict[str, Any]:
        """DescribeStackEvents: newest first."""
        return page(self._stack(call).events[::-1], call, "StackEvents")

    def describe_operation_events(self, call: Call) -> dict[str, Any]:
        """DescribeEvents: of a change set what early validation found, else the stack's events."""
        asked = call.parameters
        failed = asked.get("Filters", {}).get("FailedEvents", False)
        if "ChangeSetName" in asked:
            stack, change_set = find_change_set(self.engine, call)
            return page([event | {"StackId": stack.id} for event in change_set.problems], call, "OperationEvents")
        if "StackName" not in asked:
            events = [
                e
                for stack in list(self.engine.stacks.by_id.values())
                for e in stack.events
                if e["OperationId"] == asked.get("OperationId")
            ]
        else:
            events = self._stack(call).events
        kept = [
            {"EventType": "STACK_EVENT"} | {key: value for key, value in event.items() if key != "StackName"}
            for event in events[::-1]
            if not failed or event["ResourceStatus"].endswith("_FAILED")
        ]
        return page(kept, call, "OperationEvents")

    def describe_resource(self, call: Call) -> dict[str, Any]:
        """DescribeStackResource."""
        stack, name = self._stack(call), call.parameters["LogicalResourceId"]
        if name not in stack.resources:
            raise Refused("ValidationError", f"Resource {name} does not exist for stack {stack.name}")
        resource = stack.resources[name]
        detail = _resource(stack, resource, "LastUpdatedTimestamp") | {"StackName": stack.name, "StackId": stack.id}
        return {"StackResourceDetail": detail | {"Metadata": json.dumps(resource.definition.metadata)}}

    def describe_resources(self, call: Call) -> dict[str, Any]:
        """DescribeStackResources: of a stack, or of the stack that a physical id belongs to."""
        asked = call.parameters
        wanted, physical = asked.get("LogicalResourceId"), asked.get("PhysicalResourceId")
        stacks = [self._stack(call)] if "StackName" in asked else list(self.engine.stacks.living())
        found = [
            _resource(stack, resource, "Timestamp")
            for stack in stacks
            for resource in list(stack.resources.values())
            if wanted in (None, resource.logical_id)
        ]
        if physical and not any(entry["PhysicalResourceId"] == physical for entry in found):
            raise Refused("ValidationError", f"Stack for {physical} does not exist")
        owners = {entry["StackId"] for entry in found if physical in (None, entry["PhysicalResourceId"])}
        return {"StackResources": [entry for entry in found if entry["StackId"] in owners]}

    def list_resources(self, call: Call) -> dict[str, Any]:
        """ListStackResources."""
        stack = self._stack(call)
        found = [_resource(stack, r, "LastUpdatedTimestamp") for r in list(stack.resources.values())]
        return page(found, call, "StackResourceSummaries")

    def list_stacks(self, call: Call) -> dict[str, Any]:
        """ListStacks: deleted ones too."""
        wanted = call.parameters.get("StackStatusFilter")
        keys = ("StackId", "StackName", "StackStatus", "StackStatusReason", "CreationTime", "LastUpdatedTime",
                "DeletionTime", "ParentId", "RootId", "DriftInformation")  # fmt: skip
        found = [
            described(stack)
            for stack in list(self.engine.stacks.by_id.values())
            if not wanted or stack.status in wanted
        ]
        return page([{k: s[k] for k in keys if k in s} for s in found], call, "StackSummaries")

    def get_template(self, call: Call) -> dict[str, Any]:
        """GetTemplate: the text as it was submitted."""
        stack = self._stack(call)
        body = stack.current.body
        if "ChangeSetName" in call.parameters:
            body = find_change_set(self.engine, call)[1].submission.body
        elif stack.status == "REVIEW_IN_PROGRESS":
            body = ""
        return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}

    def _template(self, call: Call) -> tuple[str, dict[str, Any]]:
        asked = call.parameters
        if "StackName" in asked:
            body = self._stack(call).current.body
        else:
            body = self.engine.body(asked, EMPTY_SUBMISSION, of_caller(self.engine.world, call))
        return body, templates.parse(body)

    def summary(self, call: Call) -> dict[str, Any]:
        """GetTemplateSummary."""
        _, template = self._template(call)
        types: dict[str, list[str]] = {}
        for name, raw in template.get("Resources", {}).items():
            types.setdefault(raw["Type"], []).append(name)
        found: dict[str, Any] = {
            "Parameters": [self._declared(name, raw) for name, raw in template.get("Parameters", {}).items()],
            "ResourceTypes": sorted(types), "Capabilities": capabilities_needed(template), "DeclaredTransforms": [],
            "Metadata": json.dumps(template.get("Metadata", {})),
        }  # fmt: skip
        return found | {
            k: str(template[s])
            for k, s in (("Description",) * 2, ("Version", "AWSTemplateFormatVersion"))
            if s in template
        }

    @staticmethod
    def _declared(name: str, raw: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"ParameterKey": name, "ParameterType": raw["Type"], "NoEcho": raw.get("NoEcho", False)}
        found |= {"DefaultValue": str(raw["Default"])} if "Default" in raw else {}
        found |= {"Description": raw["Description"]} if "Description" in raw else {}
        return found | {"ParameterConstraints": {"AllowedValues": [str(v) for v in raw.get("AllowedValues", [])]}}

    def validate(self, call: Call) -> dict[str, Any]:
        """ValidateTemplate: what can be said without parameters."""
        _, template = self._template(call)
        templates.check(template, self.engine.world.region)
        found = self.summary(call)
        keys = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
        declared = [{k: p[k] for k in keys if k in p} for p in found["Parameters"]]
        return {k: found[k] for k in ("Description", "Capabilities", "DeclaredTransforms") if k in found} | {
            "Parameters": declared
        }

    def list_exports(self, call: Call) -> dict[str, Any]:
        """ListExports."""
        found = [
            {"ExportingStackId": stack.id, "Name": name, "Value": value}
            for stack in self.engine.stacks.living()
            for name, value in stack.exports.items()
        ]
        return page(found, call, "Exports")

    def list_imports(self, call: Call) -> dict[str, Any]:
        """ListImports: an export that nobody uses is an error."""
        name = call.parameters["ExportName"]
        found = self.engine.stacks.importers(name)
        if not found:
            raise Refused("ValidationError", f"Export '{name}' is not imported by any stack.")
        return page(found, call, "Imports")

    def describe_change_set(self, call: Call) -> dict[str, Any]:
        """DescribeChangeSet."""
        stack, change_set = find_change_set(self.engine, call)
        asked, found = change_set.submission, change_set.changes
        if not call.parameters.get("IncludePropertyValues"):
            found = changes.strip_values(found)
        return page(masked(found, asked), call, "Changes") | _summary(stack, change_set) | {
            "NotificationARNs": asked.topics, "Capabilities": asked.capabilities,
            "Tags": [{"Key": key, "Value": value} for key, value in asked.tags.items()],
            "Parameters": shown_parameters(asked),
        }  # fmt: skip

    def list_change_sets(self, call: Call) -> dict[str, Any]:
        """ListChangeSets."""
        stack = self._stack(call)
        return page([_summary(stack, change_set) for change_set in stack.change_sets.values()], call, "Summaries")


def _summary(stack: Stack, change_set: ChangeSet) -> dict[str, Any]:
    found = {
        "StackId": stack.id, "StackName": stack.name, "ChangeSetId": change_set.id, "ChangeSetName": change_set.name,
        "Status": change_set.status, "ExecutionStatus": change_set.execution, "CreationTime": change_set.created,
        "Description": change_set.description, "StatusReason": change_set.reason, "IncludeNestedStacks": False,
    }  # fmt: skip
    return {key: value for key, value in found.items() if value != ""}

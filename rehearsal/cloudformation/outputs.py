"""Outputs and exports: evaluated when all resources are there, and not taken away from those who use them."""

from collections.abc import Mapping
from typing import Any

from rehearsal.cloudformation.engine import scope_of
from rehearsal.cloudformation.events import Failed, Operation
from rehearsal.cloudformation.intrinsics import evaluate, text
from rehearsal.cloudformation.stacks import Submission
from rehearsal.cloudformation.values import value_of
from rehearsal.wire.call import Refused


def publish(op: Operation, wanted: Submission) -> None:
    """Evaluate the outputs and give out the exports; Failed where an export clashes or is taken away from its users."""
    stack, engine = op.stack, op.engine
    scope = scope_of(wanted.design, lambda name, attribute: value_of(stack.resources, name, attribute),
                     engine.imported, engine.zones)  # fmt: skip
    with engine.stacks.lock:
        try:
            outputs = [_output(name, evaluate(raw, scope)) for name, raw in wanted.design.outputs.items()]
            _check_exports(op, {out["ExportName"]: out["OutputValue"] for out in outputs if "ExportName" in out})
        except Exception as error:
            raise Failed(error.message if isinstance(error, Refused) else str(error)) from error
        stack.outputs = outputs


def _output(name: str, raw: Mapping[str, Any]) -> dict[str, str]:
    found = {"OutputKey": name, "OutputValue": text(raw.get("Value"), f"output {name}")}
    if "Description" in raw:
        found["Description"] = raw["Description"]
    if "Export" in raw:
        found["ExportName"] = text(raw["Export"].get("Name"), f"the export of {name}")
    return found


def _check_exports(op: Operation, fresh: Mapping[str, str]) -> None:
    stacks = op.engine.stacks
    for name in fresh:
        owner = stacks.exporter(name)
        if owner and owner is not op.stack:
            raise Failed(f"Export with name {name} is already exported by stack {owner.name}. ")
    for name, value in op.stack.exports.items():
        users = sorted(user for user in stacks.importers(name) if user != op.stack.name)
        if users and fresh.get(name) != value:
            verb = "updated" if name in fresh else "deleted"
            raise Failed(f"Export {name} cannot be {verb} as it is in use by {' and '.join(users)}")

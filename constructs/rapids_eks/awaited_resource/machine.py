"""The state machine that repeats a function until it is done or time is over."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from rapids_eks.acknowledged import acknowledge

# Some seconds make a throttled call or a permission that has just been given succeed; a lasting error comes out.
RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 10, "MaxAttempts": 3, "BackoffRate": 2}]
WHY_NO_LOG = (
    "A request of CloudFormation holds a URL by which whoever reads it can answer, so it is in no log, and in the "
    "execution's history only; what was done is in the functions' log, the reason of a failure in the stack's events"
)


class Machine(Construct):
    """Calls `step` every so often until it is done, fails, or `limit` is over, and then `answers`. Exposes `arn`."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        step: str,
        answers: str,
        limit: cdk.Duration,
        every: cdk.Duration,
    ) -> None:
        super().__init__(scope, id)
        invoke = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[step, answers])
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            inline_policies={"Invoke": iam.PolicyDocument(statements=[invoke])},
        )
        states = _states(step, answers, int(limit.to_seconds()), int(every.to_seconds()))
        machine = stepfunctions.CfnStateMachine(
            self,
            "StateMachine",
            role_arn=role.role_arn,
            definition_string=cdk.Stack.of(self).to_json_string({"StartAt": "Look", "States": states}),
        )
        for rule in ("SF1", "SF2"):
            acknowledge(machine, rule, WHY_NO_LOG)
        self.arn = machine.attr_arn


def _states(step: str, answers: str, limit: int, every: int) -> dict[str, Any]:
    look = {
        "type.$": "$.request.RequestType",
        "id.$": "$.request.PhysicalResourceId",
        "request.$": "$.request.RequestId",
        "properties.$": "$.properties",
        "found.$": "$.found",
        "waited.$": "$.waited",
        "deadline.$": "$.deadline",
        "now.$": "$$.State.EnteredTime",
        "machine.$": "$$.StateMachine.Id",
        "execution.$": "$$.Execution.Id",
    }
    counted = {f"{name}.$": f"$.{name}" for name in ("request", "properties", "found", "deadline")}
    over = [
        {"Variable": "$.found.done", "BooleanEquals": True, "Next": "Answer"},
        {"Variable": "$.waited", "NumericGreaterThanEquals": limit, "Next": "Answer"},
        # with the time that the looks themselves take
        {"Variable": "$$.State.EnteredTime", "TimestampGreaterThanEqualsPath": "$.deadline", "Next": "Answer"},
    ]
    return {
        "Look": {
            "Type": "Task",
            "Resource": step,
            "Parameters": look,
            "ResultPath": "$.found",
            "Retry": RETRY,
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Answer"}],
            "Next": "Over?",
        },
        "Over?": {"Type": "Choice", "Choices": over, "Default": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": every, "Next": "Count"},
        "Count": {
            "Type": "Pass",
            "Parameters": {**counted, "waited.$": f"States.MathAdd($.waited, {every})"},
            "Next": "Look",
        },
        "Answer": {"Type": "Task", "Resource": answers, "Retry": RETRY, "End": True},
    }

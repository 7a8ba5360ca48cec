"""A custom resource whose work takes minutes and is watched step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from rapids_eks.awaited_resource.machine import Machine
from rapids_eks.awaited_resource.permission import Permission, acknowledge_wildcards

ANSWERS = Path(__file__).parent / "handler" / "index.py"
RUNTIME = lambda_.Runtime.PYTHON_3_14
STEP_SECONDS = 120  # a single look may take so long
LONGEST_MINUTES = 50  # the last look's time and those of its retries come on top, and CloudFormation waits for an hour


@dataclass(frozen=True)
class Inside:
    """Where in a VPC a function runs: in private subnets, with a way out to AWS."""

    vpc: ec2.IVpc
    subnets: Sequence[ec2.ISubnet]
    security_group: ec2.ISecurityGroup


class AwaitedResource(Construct):
    """Runs a function again and again until what CloudFormation asks for is done; by default on deletion only.

    The function `handler.index.handler` of `code` is given `type` ("Create", "Update" or "Delete"), the physical `id`,
    the id of the `request`, the resource's `properties`, the seconds it has `waited` between its looks, when it is
    `now` and the `deadline` after which it is asked no more, what it `found` the last time, at first nothing, and the
    ARNs of the state `machine` and of its `execution`, whose name is the type and the request's
    id; an update that leaves the physical id alone has the type `Same` there. It returns `done`, `left` (what there is
    still to do, a line for each), perhaps `data` (attributes of the resource) or, where it is done in vain, `failed`
    (the reason), and whatever else it wants to find the next time. What it raises is tried again, and fails the request
    if it lasts.

    Exposes the function's `role`, the `machine_arn`, and `resource`, which must depend on whatever the function needs.
    CDK's own provider framework does the same with more functions, whose roles may bring back the log groups that were
    deleted with the stack, and where it gives up it tells no reason.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        resource_type: str,
        physical_id: str,
        description: str,
        code: Path,
        properties: Mapping[str, object],
        permissions: Sequence[Permission],
        limit: cdk.Duration,
        every: cdk.Duration,
        log_retention_days: int,
        awaited: Sequence[str] = ("Delete",),
        inside: Inside | None = None,
    ) -> None:
        """Make it; the function runs outside any network unless it is put `inside` one.

        Requests of types that are not `awaited` succeed at once. Whatever changes `physical_id`, which may be a token,
        makes the resource another one: once the update is over, the deletion of the old one is asked for. Raises
        ValueError where the limit (at most 50 minutes) leaves CloudFormation's hour no room.
        """
        super().__init__(scope, id)
        _check(limit)
        log = logs.CfnLogGroup(self, "Log", retention_in_days=log_retention_days)
        # Neither role may make a log group: a line that is written late brings none back.
        self.role = _role(self, "Role", log, *(each.statement() for each in permissions))
        acknowledge_wildcards(self.role, permissions)
        step = self._step(description, code, log, inside)
        answering = _role(self, "AnswersRole", log)
        answers = _answers(self, answering, log)
        machine = Machine(self, "Machine", step=step.function_arn, answers=answers.attr_arn, limit=limit, every=every)
        self.machine_arn = machine.arn
        may_start = iam.Policy(self, "MayStart", roles=[answering])
        may_start.add_statements(iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine.arn]))
        own = {"PhysicalId": physical_id, "Awaited": list(awaited), "LimitSeconds": str(limit.to_seconds())}
        self.resource = cdk.CustomResource(
            self,
            "Resource",
            resource_type=resource_type,
            service_token=answers.attr_arn,
            service_timeout=cdk.Duration.hours(1),
            properties={**properties, **own, "StateMachine": machine.arn},
        )
        # It must be there from the first request to the last; all else is referred to.
        self.resource.node.add_dependency(may_start)

    def _step(self, description: str, code: Path, log: logs.CfnLogGroup, inside: Inside | None) -> lambda_.Function:
        return lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=RUNTIME,
            handler="handler.index.handler",
            code=lambda_.Code.from_asset(str(code), exclude=["/*.py", "__pycache__"], ignore_mode=cdk.IgnoreMode.GIT),
            role=self.role,
            timeout=cdk.Duration.seconds(STEP_SECONDS),
            memory_size=512,  # with less, loading the clients alone takes seconds
            log_group=logs.LogGroup.from_log_group_name(self, "LogReference", log.ref),
            vpc=inside.vpc if inside else None,
            vpc_subnets=ec2.SubnetSelection(subnets=list(inside.subnets)) if inside else None,
            security_groups=[inside.security_group] if inside else None,
        )


def _check(limit: cdk.Duration) -> None:
    minutes = int(limit.to_minutes())
    if minutes > LONGEST_MINUTES:
        raise ValueError(
            f"A limit of {minutes} minutes is too long: a custom resource has an hour, give {LONGEST_MINUTES} at most"
        )


def _role(scope: Construct, id: str, log: logs.CfnLogGroup, *statements: iam.PolicyStatement) -> iam.Role:  # noqa: A002
    write = iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.attr_arn])
    return iam.Role(
        scope,
        id,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Own": iam.PolicyDocument(statements=[write, *statements])},
    )


def _answers(scope: Construct, role: iam.Role, log: logs.CfnLogGroup) -> lambda_.CfnFunction:
    return lambda_.CfnFunction(
        scope,
        "Answers",
        description="Starts the state machine of a request and tells CloudFormation how it ended",
        runtime=RUNTIME.name,
        handler="index.handler",
        code=lambda_.CfnFunction.CodeProperty(zip_file=ANSWERS.read_text()),
        role=role.role_arn,
        timeout=60,
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log.ref),
    )

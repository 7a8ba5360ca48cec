"""Step Functions' own integration with EMR on EKS, `emr-containers:startJobRun.sync`, which the emulator lacks.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-eks.html
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, cast

from botocore.exceptions import ClientError
from botocore.model import ServiceModel, StructureShape
from moto.core.utils import get_service_model
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_factory import (
    state_task_service_for,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils import boto_client

from rehearsal.clock import Clock

SERVICE, ACTION = "emr-containers", "startJobRun"
POLL = 60.0  # seconds between two looks; after ten minutes it is 300 in AWS
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
# What the emulator waits for besides is a callback, which this integration has not; without it its waiting breaks.
PATTERNS = {ResourceCondition.Sync, ResourceCondition.WaitForTaskToken}


class JobRunTask(StateTaskServiceCallback):  # type: ignore[misc] # moto's own classes are untyped
    """A task that starts a job run as the state machine's role, waits for its end, and cancels it when stopped."""

    clock: ClassVar[Clock]

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns=PATTERNS)
        self._emr: Any = None
        self._started: dict[str, str] = {}

    def _get_supported_parameters(self) -> set[str] | None:
        """Return the parameters, in PascalCase; None, which is refused, for another action."""
        return {_pascal(name) for name in _request_shape().members} if self.resource.api_action == ACTION else None

    def _eval_service_task(
        self,
        env: Any,  # noqa: ANN401 - moto's
        resource_runtime_part: Any,  # noqa: ANN401
        normalised_parameters: dict[str, Any],
        state_credentials: Any,  # noqa: ANN401
    ) -> None:
        self._emr = boto_client.boto_client_for(resource_runtime_part.region, SERVICE, state_credentials)
        started = self._emr.start_job_run(**_camel(normalised_parameters, _request_shape()))
        self._started = {"id": started["id"], "virtualClusterId": started["virtualClusterId"]}
        env.stack.append(_told(started))

    def _build_sync_resolver(self, env: Any, *_given: Any, **_named: Any) -> Callable[[], Any]:  # noqa: ANN401
        def look() -> dict[str, Any] | None:
            run = self._emr.describe_job_run(**self._started)["jobRun"]
            if run["state"] in ("FAILED", "CANCELLED"):
                name = StatesErrorName(StatesErrorNameType.StatesTaskFailed)
                raise FailureEventException(self._failed(env, name, json.dumps(_told(run))))
            if run["state"] == "COMPLETED":
                return _told(run)
            self.clock.wait(POLL, lambda: not env.is_running())
            return None

        return look

    def _eval_sync(self, env: Any, *given: Any, **named: Any) -> Any:  # noqa: ANN401
        try:
            return super()._eval_sync(env, *given, **named)
        finally:
            if not env.is_running():
                with suppress(ClientError):  # a best effort
                    self._emr.cancel_job_run(**self._started)

    def _from_error(self, env: Any, ex: Exception) -> Any:  # noqa: ANN401
        if isinstance(ex, ClientError):
            return self._failed(env, CustomErrorName(f"EMRContainers.{ex.response['Error']['Code']}"), str(ex))
        return super()._from_error(env=env, ex=ex)

    def _failed(self, env: Any, name: ErrorName, cause: str) -> Any:  # noqa: ANN401
        kind, resource = self._get_sfn_resource_type(), self._get_sfn_resource()
        told = TaskFailedEventDetails(error=name.error_name, cause=cause, resource=resource, resourceType=kind)
        details = EventDetails(taskFailedEventDetails=told)
        return FailureEvent(env, name, HistoryEventType.TaskFailed, details)


def add(clock: Clock) -> None:
    """Have the emulator's interpreter know the integration."""
    JobRunTask.clock = clock

    def task_for(service_name: str) -> Any:  # noqa: ANN401 - moto's
        return JobRunTask() if service_name == SERVICE else state_task_service_for(service_name)

    setattr(state_task_factory, "state_task_service_for", task_for)  # noqa: B010 - no name that it exports


def _request_shape() -> StructureShape:
    model: ServiceModel = get_service_model(SERVICE)
    return cast("StructureShape", model.operation_model("StartJobRun").input_shape)


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _camel(given: Any, shape: Any) -> Any:  # noqa: ANN401 - JSON, botocore
    """Return a value as boto3 takes it; refuse what is no field of EMR's in PascalCase."""
    if shape.type_name == "list":
        return [_camel(each, shape.member) for each in given]
    if shape.type_name != "structure":
        return given
    fields: Mapping[str, str] = {_pascal(name): name for name in shape.members}
    if unknown := sorted(set(given) - set(fields)):
        raise ValueError(f"{', '.join(unknown)} is no field of {shape.name}: it has {', '.join(sorted(fields))}")
    return {fields[name]: _camel(value, shape.members[fields[name]]) for name, value in given.items()}


def _told(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer of EMR's as Step Functions tells it."""
    told = {_pascal(name): value for name, value in answer.items() if name != "ResponseMetadata"}
    return dict(json.loads(json.dumps(told, default=str)))

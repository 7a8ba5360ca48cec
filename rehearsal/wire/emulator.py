"""moto, in this process: what it does well is asked of it over its own WSGI applications."""

import io
import os
import threading
from collections import defaultdict
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.core.config import default_user_config
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Response

from rehearsal.wire.call import Refused

# What is asked of moto: of its other services nobody has looked whether they are as unfriendly as AWS's
SERVICES = frozenset(
    {
        *("amp", "autoscaling", "cloudwatch", "ec2", "ecr", "elb", "elbv2", "events", "iam", "kms", "lambda", "logs"),
        *("resourcegroupstaggingapi", "s3", "s3control", "secretsmanager", "sns", "sqs", "ssm", "stepfunctions", "sts"),
    }
)
# A state machine calls back over the port, and a large object takes its time: these two are not called one by one.
UNLOCKED = ("stepfunctions", "s3")


class Emulator:
    """moto's backends, emptied when made: they belong to the process, so that one process holds one rehearsal."""

    def __init__(self, account: str, port: int) -> None:
        os.environ.update(MOTO_ACCOUNT_ID=account, MOTO_PORT=str(port), MOTO_IAM_LOAD_MANAGED_POLICIES="true")
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        default_user_config["iam"] = {"load_aws_managed_policies": True}
        BackendDict.reset()
        _track_only_s3()
        self._dispatcher = DomainDispatcherApplication(create_backend_app)
        self._applications: dict[str, Any] = {}
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._making = threading.Lock()

    def call(self, service: str, operation: str, region: str, environ: dict[str, Any], body: bytes) -> Response:
        """Have moto answer a request; refuse what it does not implement."""
        application = self._application(service, region) if service in SERVICES else None
        if application is None:
            raise _unknown(service, operation)
        replayed = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        replayed.pop("HTTP_TRANSFER_ENCODING", None)
        try:
            with nullcontext() if service in UNLOCKED else self._locks[service]:
                answer = Response.from_app(application, replayed, buffered=True)
        except NotImplementedError as error:
            raise _unknown(service, operation) from error
        if answer.status_code == HTTPStatus.NOT_FOUND and answer.mimetype == "text/html" and service != "s3":
            raise _unknown(service, operation)  # Flask's own page: no backend listens on this path
        return answer

    def _application(self, service: str, region: str) -> Any:  # noqa: ANN401 - a Flask application
        with self._making:
            if service not in self._applications:
                prefix = get_service_model(service).endpoint_prefix
                hosts = (f"{prefix}.{region}.amazonaws.com", f"{service}.{region}.amazonaws.com")
                backend = next((found for host in hosts if (found := self._backend(host))), None)
                self._applications[service] = create_backend_app(backend) if backend else None
            return self._applications[service]

    def _backend(self, host: str) -> Any:  # noqa: ANN401 - one of moto's own names
        patterns = self._dispatcher.backend_url_patterns
        return next((name for name, pattern in patterns if pattern.match(f"http://{host}")), None)


def _unknown(service: str, operation: str) -> Refused:
    return Refused("UnknownOperationException", f"The rehearsal does not know {service}:{operation}")


def _track_only_s3() -> None:
    """Let go of what has been deleted: moto keeps all that it ever made, for a page that nobody looks at here.

    A layer with kubectl is 60 MB, each time. S3's own reset needs the list, to close files.
    """

    def new(cls: type[BaseModel], *_: object, **__: object) -> BaseModel:
        made: BaseModel = object.__new__(cls)
        if cls.__module__.startswith("moto.s3."):
            cls.instances_tracked.append(made)
        return made

    BaseModel.__new__ = staticmethod(new)

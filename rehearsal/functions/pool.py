"""The environments that are kept warm, and how one is made from what Lambda's records say of a function."""

import os
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends

from rehearsal.charts import proxy
from rehearsal.functions import package
from rehearsal.functions.credentials import session_keys
from rehearsal.functions.environment import Environment, Setup, new_stream_name
from rehearsal.functions.network import without_internet
from rehearsal.world import World

_IDLE = 10  # an idle environment ends after so many seconds of the wall's clock: ten of AWS's minutes
_MOST_IDLE = 8  # so many are kept; each holds 30 to 90 MB


class Pool:
    """Hands out environments: a warm one of the very same function, or a new one."""

    def __init__(self, world: World) -> None:
        """Start empty; what is running ends when the world closes."""
        self._world, self._lock = world, threading.Lock()
        self._idle: list[tuple[tuple[object, ...], Environment]] = []
        self._busy: list[Environment] = []
        self._below = world.directory / "functions"
        world.closing.append(self._stop_all)

    def take(self, function: LambdaFunction) -> Environment:
        """Return an environment that serves `function` as it is configured now."""
        key = _identity(function)
        with self._lock:
            self._retire()
            warm = next((entry for entry in reversed(self._idle) if entry[0] == key and entry[1].alive), None)
            if warm:
                self._idle.remove(warm)
                self._busy.append(warm[1])
                return warm[1]
        made = Environment.start(self._setup(function))
        with self._lock:
            self._busy.append(made)
        return made

    def at_work(self, access_key: str) -> Environment | None:
        """Return the environment that serves an event with the credentials of this key, None for anybody else's."""
        with self._lock:
            own = (each for each in self._busy if each.setup.variables["AWS_ACCESS_KEY_ID"] == access_key)
            return next(own, None)

    def give_back(self, function: LambdaFunction, environment: Environment) -> None:
        """Keep an environment for the next event, or clean up after one that has ended."""
        with self._lock:
            self._busy.remove(environment)
            if environment.alive and not self._world.stopped.is_set():
                self._idle.append((_identity(function), environment))
            else:
                environment.stop()
            self._retire()

    def _retire(self) -> None:
        oldest_first = sorted(self._idle, key=lambda entry: entry[1].used)
        now = time.monotonic()
        for number, entry in enumerate(oldest_first):
            if now - entry[1].used > _IDLE or number < len(oldest_first) - _MOST_IDLE or not entry[1].alive:
                self._idle.remove(entry)
                entry[1].stop()

    def _stop_all(self) -> None:
        with self._lock:
            for environment in [*self._busy, *(entry[1] for entry in self._idle)]:
                environment.stop()
            self._idle.clear()

    def _setup(self, function: LambdaFunction) -> Setup:
        provided = package.provide(self._below)
        root = self._below / "environments" / uuid.uuid4().hex[:12]
        (root / "tmp").mkdir(parents=True)
        (root / "node_modules").symlink_to(provided / "node_modules")  # where ESM finds the SDK: it heeds no NODE_PATH
        opt = package.layers(archives(function), self._below)
        places = {"/var/task": root / "task", "/tmp": root / "tmp", "/opt": opt, **package.provided_places(self._below)}  # noqa: S108 - Lambda's, not ours
        (root / "task").mkdir()
        package.unpack(function.code_bytes, root / "task", places)
        variables = self._variables(function, root, opt, provided)
        return Setup(str(function.run_time), root, opt, provided, int(function.memory_size), variables)

    def _variables(self, function: LambdaFunction, root: Path, opt: Path, provided: Path) -> Mapping[str, str]:
        major = str(function.run_time).removeprefix("nodejs").partition(".")[0]
        nodes = [
            opt / "nodejs" / f"node{major}" / "node_modules",
            opt / "nodejs" / "node_modules",
            provided / "node_modules",
        ]
        version = str(function.version)
        return {
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PATH": os.pathsep.join([str(provided / "bin"), "/usr/local/bin", "/usr/bin", "/bin", str(opt / "bin")]),
            "LD_LIBRARY_PATH": str(opt / "lib"),
            "NODE_PATH": os.pathsep.join(map(str, nodes)),
            "PYTHONPATH": str(provided / "python"),
            "HOME": str(root / "home"),  # is not there, as in Lambda: nobody's own ~/.aws may be read
            "TMPDIR": str(root / "tmp"),
            "LAMBDA_TASK_ROOT": str(root / "task"),
            "LAMBDA_RUNTIME_DIR": str(provided),
            "_HANDLER": str(function.handler),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_REGION": self._world.region,
            "AWS_DEFAULT_REGION": self._world.region,
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_LOG_STREAM_NAME": new_stream_name(version),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            **logging_variables(function),
            **_credentials(self._world, function),
            **{name: str(value) for name, value in function.environment_vars.items()},
            "AWS_ENDPOINT_URL": self._world.endpoint,
            **proxy.environment(self._world, without_internet(function)),
        }


def logging_variables(function: LambdaFunction) -> dict[str, str]:
    """Return what the function's LoggingConfig makes of its environment."""
    config: dict[str, Any] = getattr(function, "logging_config", None) or {}
    variables = {"AWS_LAMBDA_LOG_GROUP_NAME": config.get("LogGroup", f"/aws/lambda/{function.function_name}")}
    if config.get("LogFormat") == "JSON":
        variables |= {
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": config.get("ApplicationLogLevel", "INFO"),
        }
    return variables


def archives(function: LambdaFunction) -> list[bytes]:
    """Return the zips of the function's layers, in their order."""
    backend = lambda_backends[function.account_id][function.region]
    found = [backend.layers_versions_by_arn(layer["Arn"]) for layer in function.layers]
    return [layer.code_bytes for layer in found if layer]


def _credentials(world: World, function: LambdaFunction) -> dict[str, str]:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return dict(zip(names, session_keys(world, function.role, function.function_name), strict=True))


def _identity(function: LambdaFunction) -> tuple[object, ...]:
    """Return what must be equal for an environment to be used again."""
    config = getattr(function, "logging_config", None) or {}
    return (
        function.function_arn, function.code_sha_256, function.handler, function.run_time, function.role,
        function.memory_size, function.last_modified, str(function.environment_vars), str(function.layers), str(config),
    )  # fmt: skip

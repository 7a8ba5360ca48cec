"""CodeBuild: projects, and builds that take their time and do their work as the project's role."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.access.guard import Guard
from rehearsal.functions.credentials import session_keys
from rehearsal.wire.call import Call, Handler, Refused
from rehearsal.world import World

PROVISIONING, BUILDING = 60.0, 600.0  # seconds; to pull, build and push some gigabytes
SAME_FOR = 300.0  # seconds for which a token that comes again means the same build
NO_LIMIT = (60, 480)  # minutes that a build may take and wait, unless its project says otherwise
Record = dict[str, Any]
Work = Callable[[Record, bool], tuple[str, list[str]]]
FAILED = "COMMAND_EXECUTION_ERROR: Error while executing command. Reason: exit status 1"


@dataclass
class CodeBuild:
    """Projects by name and builds by id.

    `carry_out` does a build's work, or fails it on demand; it returns why it failed, if it did, and what was printed.
    """

    world: World
    guard: Guard
    carry_out: Work = lambda _, fault: (FAILED if fault else "", [])
    projects: dict[str, Record] = field(default_factory=dict)
    builds: dict[str, Record] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)  # by the builds that they began

    def operations(self) -> dict[str, Handler]:
        """Return the handlers of CodeBuild."""
        return {
            "CreateProject": self.create_project,
            "UpdateProject": self.update_project,
            "DeleteProject": self.delete_project,
            "BatchGetProjects": lambda call: _found(
                "projects", "projectsNotFound", self.projects, call.parameters["names"]
            ),
            "ListProjects": lambda _: {"projects": list(self.projects)},
            "StartBuild": self.start_build,
            "StopBuild": self.stop_build,
            "BatchGetBuilds": lambda call: _found("builds", "buildsNotFound", self.builds, call.parameters["ids"]),
            "ListBuildsForProject": self.builds_of,
        }

    def listed(self) -> dict[str, Callable[[], list[str]]]:
        """Return what exists, by kind; builds are records of the past."""
        return {"codebuild Project": lambda: list(self.projects)}

    def create_project(self, call: Call) -> Record:
        """Make a project whose role CodeBuild may assume."""
        given = call.parameters
        if given["name"] in self.projects:
            raise Refused(
                "ResourceAlreadyExistsException", f"Project already exists: {self._arn('project', given['name'])}"
            )
        self._refuse(call, given)
        minutes = dict(zip(("timeoutInMinutes", "queuedTimeoutInMinutes"), NO_LIMIT, strict=True))
        defaults = {**minutes, "created": self.world.clock.now()}
        self.projects[given["name"]] = {**defaults, **given, "arn": self._arn("project", given["name"])}
        return {"project": self.projects[given["name"]]}

    def update_project(self, call: Call) -> Record:
        """Change a project."""
        project = self._project(call.parameters["name"])
        self._refuse(call, {**project, **call.parameters})
        project |= call.parameters
        return {"project": project}

    def delete_project(self, call: Call) -> Record:
        """Remove a project; one that is not there is no error, as in CodeBuild."""
        self.projects.pop(call.parameters["name"], None)
        return {}

    def start_build(self, call: Call) -> Record:
        """Begin a build, unless the same token has begun one a short while ago.

        https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html
        """
        given, project = call.parameters, self._project(call.parameters["projectName"])
        if same := self._same(given):
            return {"build": same}
        made_id = f"{project['name']}:{call.request_id}"
        group = project.get("logsConfig", {}).get("cloudWatchLogs", {}).get("groupName")
        logs = {"groupName": group or f"/aws/codebuild/{project['name']}", "streamName": call.request_id}
        self.builds[made_id] = {
            **{
                name: project.get(name)
                for name in ("source", "environment", "artifacts", "serviceRole", "timeoutInMinutes")
            },
            **{
                name.removesuffix("Override"): value
                for name, value in given.items()
                if name.endswith("Override") and name != "environmentVariablesOverride"
            },
            "id": made_id,
            "arn": self._arn("build", made_id),
            "buildNumber": 1 + sum(each["projectName"] == project["name"] for each in list(self.builds.values())),
            "environment": _overridden(project["environment"], given),
            "projectName": project["name"],
            "buildStatus": "IN_PROGRESS",
            "currentPhase": "PROVISIONING",
            "buildComplete": False,
            "startTime": self.world.clock.now(),
            "logs": logs,
        }
        self.tokens[made_id] = given.get("idempotencyToken", "")
        self.world.in_background(f"build {made_id}", lambda: self._run(self.builds[made_id]))
        return {"build": self.builds[made_id]}

    def stop_build(self, call: Call) -> Record:
        """Stop a build that has not ended."""
        build = self.builds.get(call.parameters["id"])
        if build is None:
            raise Refused("ResourceNotFoundException", f"Build {call.parameters['id']} not found")
        if not build["buildComplete"]:
            self._end(build, "STOPPED", "")
        return {"build": build}

    def builds_of(self, call: Call) -> Record:
        """Return the ids of a project's builds, the newest first."""
        name = self._project(call.parameters["projectName"])["name"]
        return {"ids": [made for made, build in reversed(list(self.builds.items())) if build["projectName"] == name]}

    def _run(self, build: Record) -> None:
        clock, limit = self.world.clock, build["timeoutInMinutes"] * 60.0
        clock.wait(min(PROVISIONING, limit), lambda: build["buildComplete"])
        problem = self._open_log(build)
        if not problem and not build["buildComplete"]:
            build["currentPhase"] = "BUILD"
            clock.wait(min(BUILDING, max(limit - PROVISIONING, 0)), lambda: build["buildComplete"])
            problem = self._outcome(build)
        if build["buildComplete"]:
            return
        late = limit < PROVISIONING + BUILDING
        self._end(build, "TIMED_OUT" if late else "FAILED" if problem else "SUCCEEDED", problem)

    def _outcome(self, build: Record) -> str:
        problem, printed = self.carry_out(build, self.world.faults.strikes("job-fail", build["projectName"]))
        return self._log(build, printed) or problem

    def _end(self, build: Record, status: str, reason: str) -> None:
        context = [{"statusCode": reason.partition(":")[0], "message": reason}] if reason else []
        phase = {"phaseType": build["currentPhase"], "phaseStatus": status, "contexts": context}
        build |= {"phases": [phase], "currentPhase": "COMPLETED", "buildStatus": status}
        build |= {"buildComplete": True, "endTime": self.world.clock.now()}

    def _open_log(self, build: Record) -> str:
        """Begin the log as the project's role may; return what kept it from that."""
        group, stream = build["logs"]["groupName"], build["logs"]["streamName"]

        def opened(logs: Any) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
            if "logsConfig" not in self.projects[build["projectName"]]:
                with suppress(logs.exceptions.ResourceAlreadyExistsException):
                    logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName=stream)

        return self._as_role(build, opened) or self._log(build, ["[Container] Waiting for agent ping"])

    def _log(self, build: Record, lines: list[str]) -> str:
        """Write lines to the log as the project's role may; return what kept it from that."""
        now = int(time.time() * 1000)  # the wall's time: CloudWatch refuses what is hours ahead of it
        events = [{"timestamp": now, "message": line or " "} for line in lines]
        place = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
        return self._as_role(build, lambda logs: logs.put_log_events(**place, logEvents=events)) if events else ""

    def _as_role(self, build: Record, work: Callable[[Any], object]) -> str:
        logs = self.world.client("logs", *session_keys(self.world, build["serviceRole"], "AWSCodeBuild"))
        try:
            work(logs)
        except ClientError as error:
            return f"ACCESS_DENIED: Service role {build['serviceRole']} does not allow it: {error}"
        return ""

    def _same(self, given: Record) -> Record | None:
        token, since = given.get("idempotencyToken"), self.world.clock.now() - timedelta(seconds=SAME_FOR)
        begun = [self.builds[made] for made, used in list(self.tokens.items()) if token and used == token]
        return next((build for build in begun if build["startTime"] >= since), None)

    def _refuse(self, call: Call, project: Record) -> None:
        role, source = project["serviceRole"], project["source"]
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{call.account}:role/{role}"
        if not self.guard.service_may("codebuild.amazonaws.com", "sts:AssumeRole", arn, call, {}):
            raise Refused("InvalidInputException", f"CodeBuild is not authorized to perform: sts:AssumeRole on {arn}")
        if source["type"] == "NO_SOURCE" and not source.get("buildspec"):
            raise Refused(
                "InvalidInputException", "Buildspec must be specified for a project with source type NO_SOURCE"
            )

    def _project(self, name: str) -> Record:
        name = name.rsplit("/", 1)[-1]
        if name not in self.projects:
            raise Refused("ResourceNotFoundException", f"Project cannot be found: {self._arn('project', name)}")
        return self.projects[name]

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:codebuild:{self.world.region}:{self.world.account}:{kind}/{name}"


def _overridden(environment: Record, given: Record) -> Record:
    """Return a project's environment with the variables that a build is given."""
    names = {each["name"]: each for each in environment.get("environmentVariables") or ()}
    names |= {each["name"]: each for each in given.get("environmentVariablesOverride", ())}
    return {**environment, "environmentVariables": list(names.values())}


def _found(name: str, missing: str, records: dict[str, Record], asked: list[str]) -> Record:
    names = [each.rsplit("/", 1)[-1] for each in asked]
    return {
        name: [records[each] for each in names if each in records],
        missing: [each for each in names if each not in records],
    }

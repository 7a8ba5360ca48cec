"""Starting a run: its input and the quotas looked at, its code put in place, StartJobRun."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import inputs, quotas, workflow
from .runs import EXECUTION, NAME, REQUEST, RESOURCE, run_name

# States of a stack in which a resource of it is made or changed.
_CHANGING = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
WANTING = {"Create": _CHANGING, "Update": _CHANGING}
PLACEHOLDER = "{run}"  # in the request, for the name of the run


class Wanted:
    """What the properties of the resource say, for the runs of one physical id."""

    def __init__(self, properties: Mapping[str, Any], physical_id: str) -> None:
        request = json.loads(properties["Request"])
        self.name = run_name(request["name"], physical_id)
        self.request: dict[str, Any] = json.loads(properties["Request"].replace(PLACEHOLDER, self.name))
        self.request["name"] = self.name
        self.cluster = str(request["virtualClusterId"])
        self.resource = str(properties["Resource"])
        self.output = str(properties["Output"]).replace(PLACEHOLDER, self.name)
        self.scripts = str(properties["Scripts"]).replace(PLACEHOLDER, self.name)
        self.waits = properties["Wait"] == "wait"
        self.workflow = str(properties.get("Workflow", ""))  # the ARN of the state machine that starts runs
        self.tags: dict[str, str] = json.loads(properties.get("Tags", "{}"))
        self.reports = properties["OnFailure"] == "report"
        self.properties = properties

    @property
    def log_group(self) -> str:
        """The log group of the run."""
        return str(self._log["logGroupName"])

    @property
    def request_uri(self) -> str:
        """Where the parameters of StartJobRun are stored."""
        return f"{self.scripts}/request.json"

    def streams(self, run_id: str) -> str:
        """Return how the names of a run's log streams begin."""
        return f"{self._log['logStreamNamePrefix']}/{self.cluster}/jobs/{run_id}"

    @property
    def _log(self) -> Mapping[str, str]:
        monitoring = self.request["configurationOverrides"]["monitoringConfiguration"]
        return dict(monitoring["cloudWatchMonitoringConfiguration"])


@dataclass(frozen=True)
class Clients:
    """Clients of AWS."""

    emr: Any
    s3: Any
    logs: Any
    quotas: Any
    machine: Any
    stacks: Any
    region: str


def given_up(stacks: Any, wanted: Wanted, kind: str) -> str:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the state of the stack if it cannot want a run (any more), or nothing: a request may be delivered late."""
    stack = wanted.resource.rpartition("/")[0]
    status = str(stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
    return "" if status in WANTING[kind] else status


def problem(clients: Clients, wanted: Wanted) -> str:
    """Return why a run would be started in vain and what to do, or nothing."""
    given = wanted.properties
    found = inputs.problem(clients.s3, given["Input"], int(given["MostRows"]))
    return found or quotas.problem(clients.quotas, json.loads(given["Quotas"]))


def put_in_place(s3: Any, wanted: Wanted) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
    """Copy code and pod templates to where the request says they are; what is there already is the same."""
    bucket, prefix = inputs.place(wanted.scripts)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", [])
    there = {each["Key"].removeprefix(f"{prefix}/") for each in listed}
    package = wanted.properties["Package"]
    if package["Name"] not in there:
        source = {"Bucket": package["Bucket"], "Key": package["Key"]}
        s3.copy_object(Bucket=bucket, Key=f"{prefix}/{package['Name']}", CopySource=source, TaggingDirective="REPLACE")
    files = json.loads(wanted.properties["Files"]) | {"request.json": json.dumps(wanted.request, indent=1)}
    for name in sorted(set(files) - there):
        s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=files[name].encode())


def start(clients: Clients, wanted: Wanted, request: str, attempt: int) -> str:
    """Start a run, or have it started; return its id, or nothing. Done again for an attempt, it is the same run."""
    tags = {**wanted.tags, NAME: wanted.name, RESOURCE: wanted.resource, REQUEST: request}
    if wanted.workflow:
        name = workflow.execution_name(wanted.name, request, attempt)
        given = {**wanted.request, "tags": {**tags, EXECUTION: name}}
        workflow.start(clients.machine, wanted.workflow, name, given)
        return ""
    token = request if attempt == 1 else f"{request}-{attempt}"
    return str(clients.emr.start_job_run(**wanted.request, clientToken=token, tags=tags)["id"])


def lacks_access(text: str) -> bool:
    """Return whether it is EMR's own access to a new namespace that is not in force yet.

    https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/setting-up-cluster-access.html
    """
    return "does not have sufficient permissions" in text or "Unauthorized" in text

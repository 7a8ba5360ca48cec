"""Handlers as Lambda runs them: what they see, what their failures look like, what they may do."""

import json
import textwrap
import time
from pathlib import Path
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from rehearsal.faults import Fault
from rehearsal.world import World


class Answer(Protocol):
    payload: Any
    error: str | None
    log: str


class Lab(Protocol):
    world: World

    def archive(self, files: dict[str, str | bytes]) -> bytes: ...
    def role(self, name: str, *allowed: str, trusted: str = "") -> str: ...
    def function(self, name: str, code: str | bytes, *allowed: str, runtime: str = "", **settings: Any) -> str: ...  # noqa: ANN401
    def invoke(self, name: str, event: object = None, **settings: Any) -> Answer: ...  # noqa: ANN401
    def logged(self, group: str) -> list[str]: ...


ECHO = {
    "python3.13": "def handler(event, context):\n    return {'event': event, 'name': context.function_name}",
    "nodejs24.x": "exports.handler = async (event, context) => ({ event, name: context.functionName })",
    "nodejs20.x": "exports.handler = (event, context, done) => done(null, { event, name: context.functionName })",
}
QUEUES = """
import boto3
def handler(event, context):
    sqs = boto3.client("sqs")
    sqs.list_queues()
    sqs.create_queue(QueueName=event)
"""
CALLED = (("List", "s"), ("Create", ""))


@pytest.mark.parametrize("runtime", ECHO)
def test_a_handler_gets_the_event_and_its_context(lab: Lab, runtime: str) -> None:
    name = lab.function(f"echo-{runtime.split('.')[0]}", ECHO[runtime], runtime=runtime)
    assert lab.invoke(name, {"a": [1, None]}).payload == {"event": {"a": [1, None]}, "name": name}


def test_an_es_module_finds_the_sdk_that_lambda_provides(lab: Lab) -> None:
    code = 'import { STS } from "@aws-sdk/client-sts"; export const handler = async () => typeof STS;'
    name = lab.function("module", lab.archive({"index.mjs": code}), runtime="nodejs24.x")
    assert lab.invoke(name).payload == "function"


def test_a_handler_sees_no_package_that_lambda_does_not_provide(lab: Lab) -> None:
    answer = lab.invoke(lab.function("lean", "import boto3, requests\ndef handler(event, context): ..."))
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.ImportModuleError"
    assert answer.payload["errorMessage"] == "Unable to import module 'index': No module named 'requests'"


def test_a_child_process_is_a_plain_python_with_the_sdk(lab: Lab) -> None:
    code = """
        import subprocess
        def handler(event, context):
            run = lambda name: subprocess.run(["python3", "-c", f"import {name}"], capture_output=True)
            return [run(name).returncode for name in event]
    """
    assert lab.invoke(lab.function("child", textwrap.dedent(code)), ["boto3", "moto"]).payload == [0, 1]


def test_an_environment_is_used_again_but_not_by_two_events_at_once(lab: Lab) -> None:
    name = lab.function(
        "warm", "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count"
    )
    assert [lab.invoke(name).payload for _ in range(3)] == [1, 2, 3]


def test_a_changed_configuration_reaches_the_next_event(lab: Lab) -> None:
    code = "import os\ndef handler(event, context): return os.environ['COLOUR']"
    name = lab.function("colour", code, Environment={"Variables": {"COLOUR": "red"}})
    assert lab.invoke(name).payload == "red"
    lab.world.client("lambda").update_function_configuration(
        FunctionName=name, Environment={"Variables": {"COLOUR": "blue"}}
    )
    assert lab.invoke(name).payload == "blue"


PYTHON_ERROR = "def handler(event, context): raise KeyError('gone')"
NODE_ERROR = "exports.handler = async () => { throw new RangeError('gone') }"


@pytest.mark.parametrize(
    ("runtime", "code", "kind", "trace"),
    [("python3.12", PYTHON_ERROR, "KeyError", "stackTrace"), ("nodejs22.x", NODE_ERROR, "RangeError", "trace")],
)
def test_an_error_is_reported_in_the_shape_of_its_runtime(
    lab: Lab, runtime: str, code: str, kind: str, trace: str
) -> None:
    answer = lab.invoke(lab.function(f"error-{runtime.split('.')[0]}", code, runtime=runtime))
    assert (answer.error, answer.payload["errorType"]) == ("Unhandled", kind)
    assert "gone" in answer.payload["errorMessage"]
    assert "index." in "".join(answer.payload[trace])
    assert "runtimes" not in "".join(answer.payload.get("stackTrace", []))


@pytest.mark.parametrize(
    ("handler", "kind"),
    [("index.other", "Runtime.HandlerNotFound"), ("other.handler", "Runtime.ImportModuleError")],
)
@pytest.mark.parametrize("runtime", ["python3.13", "nodejs24.x"])
def test_a_wrong_handler_name_is_told_apart(lab: Lab, runtime: str, handler: str, kind: str) -> None:
    name = f"wrong-{runtime.split('.')[0]}-{handler.split('.')[0]}"
    answer = lab.invoke(lab.function(name, ECHO[runtime], runtime=runtime, Handler=handler))
    assert answer.payload["errorType"] == kind


SPIN = {
    "python3.13": "def handler(event, context):\n    while True: ...",
    "nodejs24.x": "exports.handler = async () => { for (;;); }",
}


@pytest.mark.parametrize("runtime", SPIN)
def test_a_handler_is_killed_when_its_time_is_over(lab: Lab, runtime: str) -> None:
    name = lab.function(f"spin-{runtime.split('.')[0]}", SPIN[runtime], runtime=runtime, Timeout=1)
    began = time.monotonic()
    answer = lab.invoke(name)
    assert time.monotonic() - began < 4
    assert answer.payload["errorType"] == "Sandbox.Timedout"
    assert answer.payload["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert "Task timed out after 1.00 seconds" in answer.log


EXIT = {
    "python3.13": "import os\ndef handler(event, context): os._exit(3)",
    "nodejs24.x": "exports.handler = async () => process.exit(3)",
}


@pytest.mark.parametrize("runtime", EXIT)
def test_an_exit_of_the_process_is_an_error(lab: Lab, runtime: str) -> None:
    answer = lab.invoke(lab.function(f"exit-{runtime.split('.')[0]}", EXIT[runtime], runtime=runtime))
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert answer.payload["errorMessage"].endswith("Runtime exited with error: exit status 3")


def test_too_much_memory_ends_the_process(lab: Lab) -> None:
    code = (
        "import time\ndef handler(event, context):\n    block = bytearray(300 << 20)\n    time.sleep(5)\n    del block"
    )
    answer = lab.invoke(lab.function("greedy", code, MemorySize=128))
    assert answer.payload["errorType"] == "Runtime.OutOfMemory"


def test_a_response_may_have_six_megabytes(lab: Lab) -> None:
    name = lab.function("large", "def handler(event, context): return 'x' * event")
    assert len(lab.invoke(name, 5 * 2**20).payload) == 5 * 2**20
    assert lab.invoke(name, 6 * 2**20).payload["errorType"] == "Function.ResponseSizeTooLarge"


def test_calls_are_made_as_the_role_and_with_its_permissions_only(lab: Lab) -> None:
    code = """
        import boto3
        def handler(event, context):
            return boto3.client("sts").get_caller_identity()["Arn"], boto3.client("sqs").list_queues()
    """
    answer = lab.invoke(lab.function("caller", textwrap.dedent(code), "logs:*"))
    assert answer.payload["errorType"] == "ClientError"
    assert (
        "assumed-role/caller-role/caller is not authorized to perform: sqs:ListQueues" in answer.payload["errorMessage"]
    )


def test_a_role_that_does_not_trust_lambda_is_refused(lab: Lab) -> None:
    role = lab.role("for-pods", trusted="pods.eks.amazonaws.com")
    with pytest.raises(ClientError, match="The role defined for the function cannot be assumed by Lambda"):
        lab.function("untrusted", ECHO["python3.13"], Role=role)


def test_a_new_function_is_pending_for_a_while(lab: Lab) -> None:
    client = lab.world.client("lambda")
    code = {"ZipFile": lab.archive({"index.py": ECHO["python3.13"]})}
    made = client.create_function(
        FunctionName="slow", Runtime="python3.13", Role=lab.role("slow-role"), Handler="index.handler", Code=code
    )
    assert made["State"] == "Pending"
    assert lab.world.clock.wait(
        60, lambda: client.get_function(FunctionName="slow")["Configuration"]["State"] == "Active"
    )


def test_a_function_takes_no_more_events_than_it_has_reserved(lab: Lab) -> None:
    name = lab.function("single", ECHO["python3.13"])
    lab.world.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        lab.invoke(name)


FLAKY = """
import os
def handler(event, context):
    with open(event["file"], "a") as tally:
        tally.write("x")
    if os.path.getsize(event["file"]) < event["succeeds"]:
        raise RuntimeError("again")
"""


@pytest.mark.parametrize(("succeeds", "attempts"), [(1, 1), (2, 2), (9, 3)])
def test_an_asynchronous_event_is_tried_three_times(lab: Lab, tmp_path: Path, succeeds: int, attempts: int) -> None:
    name = lab.function(f"flaky-{succeeds}", FLAKY, "logs:*")
    tally, group = tmp_path / "tally", f"/aws/lambda/flaky-{succeeds}"
    event = json.dumps({"file": str(tally), "succeeds": succeeds})
    lab.world.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=event)

    def reports() -> int:
        try:
            return sum(line.startswith("REPORT") for line in lab.logged(group))
        except ClientError:
            return 0

    assert lab.world.clock.wait(3600, lambda: reports() == attempts, 10)
    lab.world.clock.sleep(300)
    assert len(tally.read_text()) == attempts


def test_the_number_of_retries_can_be_set_again_and_again(lab: Lab) -> None:
    name = lab.function("retries", ECHO["python3.13"])
    client = lab.world.client("lambda")
    for retries in (1, 0):
        client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=retries)
        assert client.get_function_event_invoke_config(FunctionName=name)["MaximumRetryAttempts"] == retries


def test_what_failed_for_good_goes_to_the_destination(lab: Lab) -> None:
    sqs, client = lab.world.client("sqs"), lab.world.client("lambda")
    url = sqs.create_queue(QueueName="failures")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    name = lab.function("doomed", PYTHON_ERROR, "sqs:*")
    client.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"a": 1}')
    found: list[dict[str, Any]] = []

    def received() -> bool:
        found.extend(sqs.receive_message(QueueUrl=url).get("Messages", []))
        return bool(found)

    assert lab.world.clock.wait(1200, received, 30)
    record = json.loads(found[0]["Body"])
    assert (record["requestPayload"], record["responsePayload"]["errorType"]) == ({"a": 1}, "KeyError")


def test_a_function_can_be_killed_in_the_midst_of_an_event(lab: Lab) -> None:
    name = lab.function("victim", "import time\ndef handler(event, context): time.sleep(event)")
    lab.world.faults.plant(Fault("kill-function", name))
    assert lab.invoke(name, 15).payload["errorType"] == "Runtime.ExitError"
    assert lab.invoke(name, 0).error is None


@pytest.mark.parametrize(("when", "made"), [("before", False), ("after", True)])
def test_a_function_can_be_killed_at_a_call_before_and_after_it_is_made(lab: Lab, when: str, made: bool) -> None:
    name = lab.function(f"killed-{when}", QUEUES, "sqs:CreateQueue", "sqs:ListQueues")
    lab.world.faults.plant(Fault(f"kill-{when}", f"killed-{when}*@sqs:CreateQueue"))  # type: ignore[arg-type]
    queues = lab.world.client("sqs")
    assert lab.invoke(name, f"of-{name}").payload["errorType"] == "Runtime.ExitError"
    assert bool(queues.list_queues(QueueNamePrefix=f"of-{name}").get("QueueUrls")) is made
    assert lab.invoke(name, f"of-{name}").error is None
    calls = lab.world.page("calls")["calls"]
    assert [each for each in calls if each.startswith(name)] == [f"{name}@sqs:{each}Queue{s}" for each, s in CALLED]

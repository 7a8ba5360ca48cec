"""What functions print, in CloudWatch Logs."""

from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from rehearsal.world import World


class Lab(Protocol):
    world: World

    def function(self, name: str, code: str | bytes, *allowed: str, runtime: str = "", **settings: Any) -> str: ...  # noqa: ANN401
    def invoke(self, name: str, event: object = None, **settings: Any) -> Any: ...  # noqa: ANN401
    def logged(self, group: str) -> list[str]: ...


PRINTS = """
import logging
logging.getLogger().setLevel("INFO")
def handler(event, context):
    print("plain")
    logging.info("told")
"""


def wait_for(lab: Lab, group: str, lines: int = 1) -> list[str]:
    def there() -> bool:
        try:
            return len(lab.logged(group)) >= lines
        except ClientError:
            return False

    assert lab.world.clock.wait(1800, there, 5)
    return lab.logged(group)


def test_a_log_group_appears_with_the_first_event(lab: Lab) -> None:
    lab.invoke(lab.function("talker", PRINTS, "logs:*"))
    lines = wait_for(lab, "/aws/lambda/talker")
    assert "plain" in lines
    assert any(line.startswith("[INFO]\t") and line.endswith("\ttold") for line in lines)
    assert lines[-1].startswith("REPORT RequestId: ")


def test_a_deleted_log_group_comes_back_with_the_next_event(lab: Lab) -> None:
    name = lab.function("stubborn", PRINTS, "logs:*")
    lab.invoke(name)
    wait_for(lab, "/aws/lambda/stubborn")
    lab.world.client("logs").delete_log_group(logGroupName="/aws/lambda/stubborn")
    lab.invoke(name)
    assert "plain" in wait_for(lab, "/aws/lambda/stubborn")


def test_without_permission_nothing_is_logged_and_nothing_fails(lab: Lab) -> None:
    quiet = lab.function("quiet", PRINTS)
    assert lab.invoke(quiet).error is None
    loud = lab.function("loud", PRINTS, "logs:*")
    lab.invoke(loud)
    wait_for(lab, "/aws/lambda/loud")  # written after the other's would have been
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        lab.logged("/aws/lambda/quiet")


def test_logs_go_to_the_group_that_the_function_names(lab: Lab) -> None:
    lab.world.client("logs").create_log_group(logGroupName="/mine")
    code = "exports.handler = async () => { console.debug('low'); console.error('high'); }"
    config = {"LogGroup": "/mine", "LogFormat": "JSON", "ApplicationLogLevel": "ERROR"}
    name = lab.function("named", code, "logs:Create*", "logs:Put*", runtime="nodejs24.x", LoggingConfig=config)
    lab.invoke(name)
    lines = "\n".join(wait_for(lab, "/mine"))
    assert '"message":"high"' in lines
    assert "low" not in lines
    assert lab.world.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"] == config

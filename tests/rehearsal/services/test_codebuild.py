from datetime import timedelta
from typing import Any

import pytest
from moto.iam.models import iam_backends

from rehearsal.access.guard import Guard
from rehearsal.faults import Fault
from rehearsal.services.codebuild import SAME_FOR, CodeBuild
from rehearsal.wire.call import Refused

ROLE = {"source": {"type": "NO_SOURCE", "buildspec": "{}"}, "artifacts": {"type": "NO_ARTIFACTS"}, "environment": {}}


@pytest.fixture
def builds(account: Any, monkeypatch: pytest.MonkeyPatch) -> CodeBuild:  # noqa: ANN401 - the conftest's Account
    made = CodeBuild(account.world, Guard(account.world))
    monkeypatch.setattr(CodeBuild, "_open_log", lambda *_: "")
    account.handlers = made.operations()
    return made


def build(account: Any, builds: CodeBuild, **project: Any) -> dict[str, Any]:  # noqa: ANN401
    account.call("CreateProject", {"name": "p", "serviceRole": account.role, **ROLE, **project})
    made = account.call("StartBuild", {"projectName": "p"})["build"]["id"]
    assert builds.builds[made]["buildStatus"] == "IN_PROGRESS"
    account.wait(3600, lambda: builds.builds[made]["buildComplete"])
    return builds.builds[made]


def test_a_build_takes_its_time_and_succeeds(account: Any, builds: CodeBuild) -> None:  # noqa: ANN401
    made = build(account, builds)
    assert made["buildStatus"] == "SUCCEEDED"
    assert (made["endTime"] - made["startTime"]).total_seconds() >= 300


def test_a_build_beyond_its_limit_times_out(account: Any, builds: CodeBuild) -> None:  # noqa: ANN401
    assert build(account, builds, timeoutInMinutes=4)["buildStatus"] == "TIMED_OUT"


def test_a_planted_fault_fails_a_build_with_a_reason(account: Any, builds: CodeBuild) -> None:  # noqa: ANN401
    account.world.faults.plant(Fault("job-fail", "p"))
    made = build(account, builds)
    assert made["buildStatus"] == "FAILED"
    assert made["phases"][0]["contexts"][0]["statusCode"] == "COMMAND_EXECUTION_ERROR"


def test_a_role_that_does_not_trust_codebuild_is_refused(account: Any, builds: CodeBuild) -> None:  # noqa: ANN401, ARG001
    role = next(iter(iam_backends["111122223333"]["aws"].roles.values()))
    role.assume_role_policy_document = role.assume_role_policy_document.replace("codebuild", "lambda")
    with pytest.raises(Refused, match="not authorized to perform: sts:AssumeRole"):
        account.call("CreateProject", {"name": "p", "serviceRole": account.role, **ROLE})


def test_the_same_token_begins_one_build_until_it_is_forgotten(account: Any, builds: CodeBuild) -> None:  # noqa: ANN401
    account.call("CreateProject", {"name": "p", "serviceRole": account.role, **ROLE})
    asked = {"projectName": "p", "idempotencyToken": "request"}
    first = account.call("StartBuild", asked)["build"]["id"]
    assert account.call("StartBuild", asked)["build"]["id"] == first
    builds.builds[first]["startTime"] -= timedelta(seconds=SAME_FOR + 1)
    builds.builds["p:before"] = builds.builds.pop(first)  # the test's calls all have one id
    builds.tokens["p:before"] = builds.tokens.pop(first)
    assert account.call("StartBuild", asked)["build"]["id"] == first, "a new one"


def test_a_build_has_the_projects_variables_and_its_own(account: Any, builds: CodeBuild) -> None:  # noqa: ANN401, ARG001
    project = {"environment": {"environmentVariables": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]}}
    account.call("CreateProject", {"name": "p", "serviceRole": account.role, **ROLE, **project})
    given = [{"name": "B", "value": "2"}, {"name": "C", "value": "2"}]
    made = account.call("StartBuild", {"projectName": "p", "environmentVariablesOverride": given})["build"]
    found = {each["name"]: each["value"] for each in made["environment"]["environmentVariables"]}
    assert found == {"A": "1", "B": "2", "C": "2"}
    assert made["buildNumber"] == 1

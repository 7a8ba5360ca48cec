from typing import Any

import pytest
from moto.iam.models import iam_backends

from rehearsal.access.guard import Guard
from rehearsal.faults import Fault
from rehearsal.services.codebuild import CodeBuild
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

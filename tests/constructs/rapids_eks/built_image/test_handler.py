"""Every state of a build, for every request of CloudFormation, and what is told of it."""

from dataclasses import dataclass, field
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from rapids_eks.built_image.handler import index
from rapids_eks.built_image.handler.index import RUNNING, built, reason, stopped

WANTED = {"Project": "p", "Repository": "r", "Tag": "t" * 40, "Base": "b:1", "Context": "s3://x/y.zip"}
ENDED = ("SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED")
DIGESTS = {"Digest": "sha256:1", "BaseDigest": f"sha256:{'a' * 64}"}


class MissingError(Exception):
    pass


@dataclass
class FakeAws:
    """A registry, builds, which end as `ends` says when they are looked at a second time, and a log."""

    ends: str = "SUCCEEDED"
    tags: list[str] = field(default_factory=list)
    builds: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=lambda: ["#9 ERROR", "exit code: 1"])
    exists: bool = True
    exceptions = SimpleNamespace(
        ImageNotFoundException=MissingError,
        RepositoryNotFoundException=MissingError,
        ResourceNotFoundException=MissingError,
    )

    @property
    def clients(self) -> dict[str, Any]:
        return {"codebuild": self, "ecr": self, "logs": self}

    def describe_images(self, repositoryName: str, imageIds: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - boto3's own
        assert repositoryName == "r"
        if imageIds[0]["imageTag"] not in self.tags:
            raise MissingError
        return {"imageDetails": [{"imageDigest": "sha256:1", "imageTags": self.tags}]}

    def list_builds_for_project(self, projectName: str) -> dict[str, Any]:  # noqa: N803
        if not self.exists or projectName != "p":
            raise MissingError
        return {"ids": list(reversed(self.builds))}

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        assert ids, "CodeBuild refuses to be asked for nothing"
        return {"builds": [self.builds[each] for each in ids if each in self.builds]}

    def start_build(
        self,
        projectName: str,  # noqa: N803
        environmentVariablesOverride: list[dict[str, str]],  # noqa: N803
        idempotencyToken: str,  # noqa: N803
    ) -> dict[str, Any]:
        made = self.tokens.setdefault(idempotencyToken, f"p:{len(self.builds) + 1}")
        if made not in self.builds:
            self.add(made, RUNNING, {each["name"]: each["value"] for each in environmentVariablesOverride})
        assert projectName == "p"
        return {"build": {"id": made}}

    def stop_build(self, id: str) -> None:  # noqa: A002
        self.stopped.append(id)
        self.builds[id]["buildStatus"] = "STOPPED"

    def get_log_events(self, logGroupName: str, logStreamName: str, limit: int, startFromHead: bool) -> dict[str, Any]:  # noqa: N803
        assert (logGroupName, startFromHead) == ("g", False)
        assert logStreamName
        return {"events": [{"message": f"{line}\n"} for line in self.log[-limit:]]}

    def add(self, made: str, status: str, given: dict[str, str] | None = None) -> None:
        """Add a build; of this image unless it is given variables."""
        variables = [{"name": name, "value": value} for name, value in (given or {"TAG": WANTED["Tag"]}).items()]
        self.builds[made] = {
            "id": made,
            "buildStatus": status,
            "environment": {"environmentVariables": [{"name": "REPOSITORY", "value": "r"}, *variables]},
            "logs": {"groupName": "g", "streamName": "s"},
        }

    def end(self, status: str) -> None:
        """Let all builds end; one that succeeds has pushed its image."""
        for build in self.builds.values():
            build["buildStatus"] = status
        if status == "SUCCEEDED":
            self.tags = [WANTED["Tag"], f"{WANTED['Tag']}-base-{'a' * 64}-7"]


def test_an_image_that_is_there_is_told_and_not_built() -> None:
    aws = FakeAws()
    aws.end("SUCCEEDED")
    assert built(aws.clients, WANTED, "request", None) == {"done": True, "left": [], "data": DIGESTS}
    assert not aws.builds


def test_an_image_that_tells_no_base_is_none_of_ours_and_said_so() -> None:
    aws = FakeAws(tags=[WANTED["Tag"]])
    assert built(aws.clients, WANTED, "request", None)["data"]["BaseDigest"] == "unknown"


def test_a_build_is_begun_watched_and_told() -> None:
    aws = FakeAws()
    step = built(aws.clients, WANTED, "request", None)
    assert (step["done"], step["build"]) == (False, "p:1")
    given = {each["name"]: each["value"] for each in aws.builds["p:1"]["environment"]["environmentVariables"]}
    assert given == {"REPOSITORY": "r", "TAG": WANTED["Tag"], "BASE": "b:1", "CONTEXT": "s3://x/y.zip"}
    assert "build p:1" in built(aws.clients, WANTED, "request", step["build"])["left"][0]
    aws.end("SUCCEEDED")
    assert built(aws.clients, WANTED, "request", step["build"]) == {"done": True, "left": [], "data": DIGESTS}
    assert len(aws.builds) == 1


@pytest.mark.parametrize("crash", [True, False], ids=["crashed", "went on"])
@pytest.mark.parametrize("status", ENDED)
def test_every_end_of_a_build_ends_the_wait_and_no_request_builds_twice(status: str, crash: bool) -> None:
    """A crash forgets the build's id; the request's token and what goes on tell it again."""
    aws = FakeAws()
    begun = built(aws.clients, WANTED, "request", None)["build"]
    aws.end(status)
    step = built(aws.clients, WANTED, "request", None if crash else begun)
    assert step["done"]
    assert ("failed" in step) == (status != "SUCCEEDED")
    assert status in step.get("failed", "SUCCEEDED")
    assert len(aws.builds) == 1


def test_a_build_of_the_same_image_that_goes_on_is_watched_not_repeated() -> None:
    aws = FakeAws()
    aws.add("p:old", RUNNING)
    assert built(aws.clients, WANTED, "another request", None)["build"] == "p:old"
    assert not aws.tokens


@pytest.mark.parametrize("status", [*ENDED, RUNNING])
def test_other_builds_are_no_obstacle(status: str) -> None:
    """What failed was of an earlier request; what goes on is of another image."""
    aws = FakeAws()
    aws.add("p:old", status, {"TAG": "u"} if status == RUNNING else None)
    assert built(aws.clients, WANTED, "request", None)["build"] == "p:2"


def test_a_build_that_pushed_and_failed_then_has_made_the_image() -> None:
    aws = FakeAws()
    begun = built(aws.clients, WANTED, "request", None)["build"]
    aws.end("SUCCEEDED")
    aws.builds[begun]["buildStatus"] = "FAILED"
    assert built(aws.clients, WANTED, "request", begun)["data"] == DIGESTS


def test_a_build_without_an_image_is_a_failure_though_it_succeeded() -> None:
    aws = FakeAws()
    begun = built(aws.clients, WANTED, "request", None)["build"]
    aws.builds[begun]["buildStatus"] = "SUCCEEDED"
    assert "it pushed no image" in built(aws.clients, WANTED, "request", begun)["failed"]


def test_a_build_that_is_gone_ends_the_wait() -> None:
    assert "p:1 ended and is gone" in built(FakeAws().clients, WANTED, "request", "p:1")["failed"]


@pytest.mark.parametrize("status", [RUNNING, *ENDED])
def test_deletion_stops_what_still_builds_the_image_and_looks_again(status: str) -> None:
    aws = FakeAws()
    aws.add("p:1", status)
    aws.add("p:2", RUNNING, {"TAG": "u"})
    step = stopped(aws, WANTED)
    assert step["done"] == (status != RUNNING)
    assert aws.stopped == ["p:1"] * (status == RUNNING)
    assert stopped(aws, WANTED) == {"done": True, "left": []}


@pytest.mark.parametrize("aws", [FakeAws(exists=False), FakeAws()], ids=["no project", "no builds"])
def test_deletion_is_done_where_there_is_nothing(aws: FakeAws) -> None:
    assert stopped(aws, WANTED) == {"done": True, "left": []}


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_request_is_done_as_its_type_says(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = FakeAws()
    monkeypatch.setattr("boto3.client", lambda _: aws)
    aws.add("p:1", RUNNING)
    event = {"type": kind, "id": "of CloudFormation", "request": "q", "properties": WANTED, "found": {}, "waited": 0}
    assert index.handler(event, None)["left"] == [
        "build p:1, which is being stopped" if kind == "Delete" else "build p:1, in phase None"
    ]


@pytest.mark.parametrize(
    ("letter", "lines", "message"), list(product(["x", "é", "\N{SNOWMAN}"], [0, 1, 100], ["", "m" * 3000]))
)
def test_a_reason_is_short_whatever_the_build_printed(letter: str, lines: int, message: str) -> None:
    aws = FakeAws(log=[letter * 500] * lines + ["the last one"])
    aws.add("p" * 90, "FAILED")
    build = {**aws.builds["p" * 90], "phases": [{"contexts": [{"message": message}]}, {}]}
    said = reason(build, index.last_lines(aws, build))
    assert len(said.encode()) < 1024
    assert "the last one" in said
    assert "aws logs tail g --log-stream-names s" in said


def test_a_build_that_never_had_a_log_is_told_without_one() -> None:
    aws = FakeAws()
    assert index.last_lines(aws, {"logs": {"groupName": "g"}}) == []
    assert "Last lines: none" in reason({"id": "p:1", "buildStatus": "FAULT"}, [])

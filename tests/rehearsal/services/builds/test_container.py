"""What a build's commands do, and what they are refused."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rehearsal.access.propagation import PROPAGATION
from rehearsal.services.builds.container import Container
from rehearsal.world import World

ACCOUNT = "111122223333"
REGISTRY = f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com"
LOGIN = f"aws ecr get-login-password --region us-west-2 | docker login --username AWS --password-stdin {REGISTRY}"
ENTER = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
PUSH = {"Effect": "Allow", "Action": "ecr:*", "Resource": f"arn:aws:ecr:us-west-2:{ACCOUNT}:repository/mine"}
MAKE = "mkdir context; printf 'ARG BASE\\nFROM ${BASE}\\n' > context/Dockerfile"
BUILD = f"docker build --build-arg BASE=x --tag {REGISTRY}/mine:1 context"


@pytest.fixture(scope="module")
def roles(world: World) -> Callable[..., str]:
    """Make a role of CodeBuild with statements; return its ARN."""
    iam, made = world.client("iam"), iter(range(100))
    world.client("ecr").create_repository(repositoryName="mine", imageTagMutability="IMMUTABLE")
    trusted = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}

    def role(*statements: dict[str, Any]) -> str:
        name = f"build-{next(made)}"
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trusted]}))["Role"][
            "Arn"
        ]
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
        world.clock.advance(timedelta(seconds=PROPAGATION))
        return str(arn)

    return role


def done(
    world: World,
    role: str,
    *commands: str,
    fault: bool = False,
    stopped: bool = False,
    more: dict[str, object] | None = None,
) -> tuple[str, str]:
    """Run commands in a build; return why it failed, and what it printed."""
    asked = {"version": 0.2, "env": {"shell": "bash"}, "phases": {"build": {"commands": commands}}, **(more or {})}
    variables = [{"name": "GIVEN", "value": "a value"}]
    build = {
        "id": f"p:{len(commands)}",
        "buildNumber": 7,
        "buildComplete": stopped,
        "serviceRole": role,
        "source": {"buildspec": json.dumps(asked)},
        "environment": {"environmentVariables": variables},
    }
    problem, lines = Container(world)(build, fault)
    return problem, "\n".join(lines)


def test_commands_run_one_after_the_other_in_one_shell_until_one_fails(world: World, roles: Callable[..., str]) -> None:
    problem, printed = done(
        world, roles(), 'own="$GIVEN $CODEBUILD_BUILD_NUMBER"', 'echo "[$own]"; (exit 3)', "echo never"
    )
    assert problem == "COMMAND_EXECUTION_ERROR: Error while executing command. Reason: exit status 3"
    assert "[a value 7]" in printed.splitlines()
    assert "never" not in printed


def test_an_image_is_pushed_as_the_role_may(world: World, roles: Callable[..., str]) -> None:
    push = f"docker push {REGISTRY}/mine:1"
    denied, printed = done(world, roles(ENTER), MAKE, LOGIN, BUILD, push)
    assert denied
    assert "is not authorized to perform: ecr:BatchGetImage" in printed
    role = roles(ENTER, PUSH)
    assert done(world, role, MAKE, LOGIN, BUILD, push)[0] == ""
    (image,) = world.client("ecr").describe_images(repositoryName="mine")["imageDetails"]
    assert image["imageTags"] == ["1"]
    again, printed = done(world, role, MAKE, LOGIN, BUILD, push, "true")
    assert again
    assert "and tag '1' already exists in the repository with name 'mine'" in printed, "its tags never move"


@pytest.mark.parametrize(
    ("commands", "says"),
    [
        (("aws ec2 describe-instances",), "the rehearsal does not know ec2 describe-instances"),
        (("docker run x",), "the rehearsal does not know run x"),
        (("aws s3 cp s3://nobody/x y",), "403"),
        ((MAKE, "docker build context"), "base name (${BASE}) should not be blank"),
        ((MAKE, BUILD, f"docker push {REGISTRY}/mine:1"), "no basic auth credentials"),
        (("docker push mine:2",), "does not exist locally with the tag: mine:2"),
        (("docker image inspect --format '{{index .RepoDigests 0}}' x:1",), "No such image: x:1"),
    ],
)
def test_what_would_fail_or_is_not_known_fails(
    commands: tuple[str, ...], says: str, world: World, roles: Callable[..., str]
) -> None:
    problem, printed = done(world, roles(), *commands)
    assert problem
    assert says in printed


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"version": 0.1}, "only builds of version 0.2"),
        ({"env": {}}, "only builds of version 0.2 with `env: {shell: bash}`"),
        ({"artifacts": {}}, "artifacts of a build specification is not rehearsed"),
        ({"env": {"shell": "bash", "exported-variables": ["A"]}}, "exported-variables of a build specification"),
        ({"phases": {"post_build": {}}}, "post_build of a build specification is not rehearsed"),
    ],
)
def test_a_specification_that_is_not_rehearsed_is_refused_by_name(
    more: dict[str, object], says: str, world: World, roles: Callable[..., str]
) -> None:
    problem, _ = done(world, roles(), "true", more=more)
    assert problem.startswith("YAML_FILE_ERROR")
    assert says in problem


def test_a_fault_fails_the_building_of_an_image(world: World, roles: Callable[..., str]) -> None:
    problem, printed = done(world, roles(), MAKE, BUILD, fault=True)
    assert problem
    assert "did not complete successfully: exit code: 1" in printed


def test_a_build_that_is_stopped_ends_with_its_processes(world: World, roles: Callable[..., str]) -> None:
    problem, printed = done(world, roles(), "sleep 600 & wait", "echo never", stopped=True)
    assert problem
    assert "never" not in printed

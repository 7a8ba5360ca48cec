"""One look at an image that shall be in a repository: it is there, is being built, or its build is begun."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import boto3

RUNNING = "IN_PROGRESS"
LINES, SHOWN = 8, 450  # the last lines of a build's log, and the characters of them that a reason shows
BASE = re.compile(r"-base-([0-9a-f]{64})-\d+$")
Step = dict[str, Any]


def handler(event: Mapping[str, Any], _context: object) -> Step:
    """Do what CloudFormation asks for, as far as one look gets."""
    clients = {name: boto3.client(name) for name in ("codebuild", "ecr", "logs")}
    wanted = event["properties"]
    if event["type"] == "Delete":
        return stopped(clients["codebuild"], wanted)
    return built(clients, wanted, event["request"], event["found"].get("build"))


def built(clients: Mapping[str, Any], wanted: Mapping[str, str], request: str, build: str | None) -> Step:
    """Return the image if it is there; else begin to build it, once for a request, and return how its build goes."""
    if digests := found(clients["ecr"], wanted["Repository"], wanted["Tag"]):
        return {"done": True, "left": [], "data": digests}
    builds = clients["codebuild"]
    if build is None:
        build = next((each["id"] for each in running(builds, wanted)), None) or started(builds, wanted, request)
    state = next(iter(builds.batch_get_builds(ids=[build])["builds"]), {"id": build, "buildStatus": "and is gone"})
    if state["buildStatus"] == RUNNING:
        return {"done": False, "left": [f"build {build}, in phase {state.get('currentPhase')}"], "build": build}
    # It may have ended since the first look.
    if digests := found(clients["ecr"], wanted["Repository"], wanted["Tag"]):
        return {"done": True, "left": [], "data": digests}
    return {"done": True, "left": [], "failed": reason(state, last_lines(clients["logs"], state))}


def stopped(builds: Any, wanted: Mapping[str, str]) -> Step:  # noqa: ANN401 - boto3 makes its classes at run time
    """Stop what still builds the image; the repository takes the image itself along."""
    left = [each["id"] for each in running(builds, wanted)]
    for build in left:
        builds.stop_build(id=build)
    return {"done": not left, "left": [f"build {build}, which is being stopped" for build in left]}


def found(registry: Any, repository: str, tag: str) -> dict[str, str]:  # noqa: ANN401 - the same
    """Return the digests of an image and of the base it was made from; nothing where there is no such image."""
    missing = (registry.exceptions.ImageNotFoundException, registry.exceptions.RepositoryNotFoundException)
    try:
        (image,) = registry.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
    except missing:
        return {}
    bases = [match[1] for each in image["imageTags"] if (match := BASE.search(each))]
    return {"Digest": image["imageDigest"], "BaseDigest": f"sha256:{bases[0]}" if bases else "unknown"}


def running(builds: Any, wanted: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - the same
    """Yield the project's newest builds that go on and make this image; none where the project is gone."""
    try:
        ids = builds.list_builds_for_project(projectName=wanted["Project"])["ids"]
    except builds.exceptions.ResourceNotFoundException:
        return
    for each in builds.batch_get_builds(ids=ids)["builds"] if ids else ():
        given = {one["name"]: one["value"] for one in each["environment"]["environmentVariables"]}
        if each["buildStatus"] == RUNNING and given.get("TAG") == wanted["Tag"]:
            yield each


def started(builds: Any, wanted: Mapping[str, str], request: str) -> str:  # noqa: ANN401 - the same
    """Begin a build and return its id; a request that comes again within five minutes begins none."""
    given = {"TAG": wanted["Tag"], "BASE": wanted["Base"], "CONTEXT": wanted["Context"]}
    variables = [{"name": name, "value": value, "type": "PLAINTEXT"} for name, value in given.items()]
    begun = builds.start_build(
        projectName=wanted["Project"], environmentVariablesOverride=variables, idempotencyToken=request
    )
    return str(begun["build"]["id"])


def last_lines(logs: Any, build: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - the same
    """Return the last lines of a build's log; none of a build that ended before it had one."""
    place = build.get("logs", {})
    if not place.get("streamName"):
        return []
    try:
        events = logs.get_log_events(
            logGroupName=place["groupName"], logStreamName=place["streamName"], limit=4 * LINES, startFromHead=False
        )["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    lines = [line for event in events for line in event["message"].splitlines() if line.strip()]
    return lines[-LINES:]


def reason(build: Mapping[str, Any], lines: list[str]) -> str:
    """Return why a build has made no image, in less than 1 KB."""
    contexts = [each for phase in build.get("phases", ()) for each in phase.get("contexts", ()) if each.get("message")]
    why = contexts[-1]["message"][:200] if contexts else "it pushed no image of the tag"
    place = build.get("logs", {})
    text = " | ".join(lines).encode()[-SHOWN:].decode(errors="ignore") or "none"
    read = f"aws logs tail {place.get('groupName')} --log-stream-names {place.get('streamName')} --since 1d"
    return f"Build {build['id']} ended {build['buildStatus']}: {why}. Last lines: {text}. All of them: {read}"

"""As much of Docker as building an image in ECR takes; run as a program. Nothing is built, but all that is asked is."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

STATE = Path.home() / ".docker-stand-in.json"
PRIVATE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)")
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
State = dict[str, dict[str, Any]]
FAILING = "/bin/bash -euo pipefail -c python3.11 -m venv /opt/spark-rapids"


def login(arguments: list[str], state: State) -> None:
    """Remember that a registry was logged in to."""
    if not sys.stdin.read().strip():
        sys.exit("Error: password is empty")
    state["registries"][arguments[-1]] = True
    sys.stdout.write("Login Succeeded\n")


def pull(arguments: list[str], state: State) -> None:
    """Bring an image, whose digest is made up from its name and tag unless it is given."""
    name = arguments[-1]
    repository, digest = _parts(name)
    if found := PRIVATE.fullmatch(name):
        _logged_in(name, state)
        boto3.client("ecr", region_name=found[2]).batch_get_image(
            registryId=found[1], repositoryName=_parts(found[3])[0], imageIds=[_asked(name)]
        )
    state["images"][name] = {"digest": f"{repository}@{digest}"}
    sys.stdout.write(f"{name}\n")


def image(arguments: list[str], state: State) -> None:
    """Print the digest of an image that is here; the one thing that is asked of `docker image inspect`."""
    if arguments[:3] != ["inspect", "--format", "{{index .RepoDigests 0}}"]:
        sys.exit(f"docker: the rehearsal does not know image {' '.join(arguments)}")
    if arguments[3] not in state["images"]:
        sys.exit(f"Error response from daemon: No such image: {arguments[3]}")
    sys.stdout.write(state["images"][arguments[3]]["digest"] + "\n")


def build(arguments: list[str], state: State) -> None:
    """Make an image of a context: what its Dockerfile names must be there. No two builds make the same bytes."""
    context = Path(arguments[-1])
    text = (context / "Dockerfile").read_text()
    given = dict(each.split("=", 1) for each in _values(arguments, "--build-arg"))
    if missing := next(_missing(text, given, context), ""):
        sys.exit(f"ERROR: failed to solve: {missing}")
    if os.environ.get("REHEARSAL_FAULT"):
        sys.stdout.write("#9 12.3 ERROR: No matching distribution found for xgboost\n")
        sys.exit(f"ERROR: failed to solve: process {FAILING!r} did not complete successfully: exit code: 1")
    made = json.dumps([text, given, os.environ["CODEBUILD_BUILD_ID"]])
    for tag in _values(arguments, "--tag"):
        state["images"][tag] = {"layer": made, "labels": _values(arguments, "--label")}


def _missing(text: str, given: dict[str, str], context: Path) -> Iterator[str]:
    for name in re.findall(r"(?m)^ARG (\w+)$", text):
        if not given.get(name):
            yield f"base name (${{{name}}}) should not be blank"
    for source in re.findall(r"(?m)^(?:COPY|ADD) (\S+) ", text):
        if not (context / source).exists():
            yield f'failed to compute cache key: "/{source}": not found'


def push(arguments: list[str], state: State) -> None:
    """Send an image to ECR, call for call as Docker does."""
    name = arguments[-1]
    found = PRIVATE.fullmatch(name)
    if not found or name not in state["images"]:
        sys.exit(f"An image does not exist locally with the tag: {name}")
    _logged_in(name, state)
    registry, place = boto3.client("ecr", region_name=found[2]), {"repositoryName": _parts(found[3])[0]}
    layer = state["images"][name]["layer"].encode()
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    with suppress(registry.exceptions.ImageNotFoundException):
        registry.batch_get_image(**place, imageIds=[_asked(name)])
    registry.batch_check_layer_availability(**place, layerDigests=[digest])
    upload = registry.initiate_layer_upload(**place)["uploadId"]
    registry.upload_layer_part(
        **place, uploadId=upload, partFirstByte=0, partLastByte=len(layer) - 1, layerPartBlob=layer
    )
    with suppress(registry.exceptions.LayerAlreadyExistsException):
        registry.complete_layer_upload(**place, uploadId=upload, layerDigests=[digest])
    part = {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": len(layer), "digest": digest}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": part, "layers": [part]}
    registry.put_image(**place, imageManifest=json.dumps(manifest), imageTag=name.rpartition(":")[2])


def tag(arguments: list[str], state: State) -> None:
    """Give an image another name."""
    state["images"][arguments[1]] = state["images"][arguments[0]]


def _asked(name: str) -> dict[str, str]:
    kind = "imageDigest" if "@" in name else "imageTag"
    return {kind: re.split("[:@]", name.rpartition("/")[2], maxsplit=1)[1]}


def _parts(name: str) -> tuple[str, str]:
    """Return the repository and the digest of an image's name."""
    repository, _, digest = name.partition("@")
    folder, _, last = repository.rpartition("/")
    bare = f"{folder}/{last.partition(':')[0]}".lstrip("/")
    return bare, digest or f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def _values(arguments: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(arguments) if name == option]


def _logged_in(name: str, state: State) -> None:
    if name.partition("/")[0] not in state["registries"]:
        sys.exit("no basic auth credentials")


COMMANDS: dict[str, Callable[[list[str], State], None]] = {
    "build": build,
    "image": image,
    "login": login,
    "pull": pull,
    "push": push,
    "tag": tag,
}


def main(arguments: list[str]) -> None:
    """Do what the command line says, or name what is not rehearsed."""
    state: State = json.loads(STATE.read_text()) if STATE.exists() else {"registries": {}, "images": {}}
    if arguments[0] not in COMMANDS:
        sys.exit(f"docker: the rehearsal does not know {' '.join(arguments)}")
    try:
        COMMANDS[arguments[0]](arguments[1:], state)
    except ClientError as error:
        sys.exit(f"denied: {error}")
    STATE.write_text(json.dumps(state))


if __name__ == "__main__":
    main(sys.argv[1:])

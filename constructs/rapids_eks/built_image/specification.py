"""What CodeBuild is told to do."""

import json

from rapids_eks.built_image.base import Base

# In a subshell, so that its options are not the agent's. What is built on is what is told afterwards, whatever
# the base's tag does meanwhile. The repository's tags never move: one tells the base, the last one that all is there.
SCRIPT = """(
  set -euo pipefail
  aws s3 cp --no-progress "$CONTEXT" context.zip
  python3 -m zipfile -e context.zip context
  aws ecr get-login-password --region "$AWS_REGION" | docker login --username AWS --password-stdin "${REPOSITORY%%/*}"
  LOGIN
  docker pull --quiet "$BASE"
  resolved=$(docker image inspect --format '{{index .RepoDigests 0}}' "$BASE")
  docker build --build-arg "BASE_IMAGE=$resolved" \\
    --label "org.opencontainers.image.base.name=$BASE" \\
    --label "org.opencontainers.image.base.digest=${resolved#*@}" \\
    --tag "$REPOSITORY:$TAG" context
  described="$REPOSITORY:$TAG-base-${resolved##*:}-$CODEBUILD_BUILD_NUMBER"
  docker tag "$REPOSITORY:$TAG" "$described"
  docker push --quiet "$described"
  docker push --quiet "$REPOSITORY:$TAG"
)"""


def specification(base: Base) -> str:
    """Return it as JSON, which is YAML too."""
    command = SCRIPT.replace("LOGIN", base.login)
    build = {"commands": [command]}
    return json.dumps({"version": 0.2, "env": {"shell": "bash"}, "phases": {"build": build}}, sort_keys=True)

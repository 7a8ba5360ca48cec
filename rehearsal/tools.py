"""The programs that a user points at the rehearsal: cdk, node, kubectl, helm, and what they need in the environment."""

import os
import sys
from pathlib import Path

from rehearsal.charts import proxy
from rehearsal.kubernetes.build import tools as client_tools
from rehearsal.world import ADMIN_KEY, ADMIN_SECRET, World

ROOT = Path(__file__).resolve().parent.parent
FORGOTTEN = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "KUBECONFIG", "CDK_DEFAULT_ACCOUNT")


def environment(world: World) -> dict[str, str]:
    """Return the variables that send every AWS client to this rehearsal and keep it from the user's own accounts."""
    folders = (ROOT / "node_modules/.bin", Path(sys.executable).parent, client_tools())
    return {
        "AWS_ENDPOINT_URL": world.endpoint,
        "AWS_ACCESS_KEY_ID": ADMIN_KEY,
        "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET,
        "AWS_REGION": world.region,
        "AWS_DEFAULT_REGION": world.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(world.directory / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(world.directory / "aws-credentials"),
        "KUBECONFIG": str(world.directory / "kubeconfig"),
        "NO_PROXY": "127.0.0.1",
        "PATH": os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)]),
        **proxy.environment(world),
    }


def full_environment(world: World) -> dict[str, str]:
    """Return this process's environment with the variables of `environment` in it."""
    kept = {name: value for name, value in os.environ.items() if name not in FORGOTTEN}
    return kept | environment(world)

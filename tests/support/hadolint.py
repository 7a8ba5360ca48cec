"""The linter of Dockerfiles."""

import shutil
import subprocess


def linted(text: str) -> str:
    """Return what the linter says of a Dockerfile; nothing where it is clean."""
    linter = shutil.which("hadolint")
    assert linter, "the linter is not installed: run `make setup`"
    done = subprocess.run([linter, "--no-color", "-"], input=text, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr

"""Runs a command and ends it, with all that it has started, when the rehearsal dies or asks for it.

A JVM and its Python programs do not end with each other, nor with their parent: this process leads their group.
"""

import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> int:
    """Run the command and return its status; 1 where its parent has gone meanwhile."""
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        return 1
    status = subprocess.run(command, check=False).returncode  # noqa: S603 - the job that the user submitted
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))

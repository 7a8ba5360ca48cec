"""Lets a zip of this folder be started: `python dcgm-cloudwatch.zip`. Python 2 and 3.6 read this file, too."""

import sys

NEEDED = (
    ", and 3.9 or newer with boto3 is needed: on a head node of AWS ParallelCluster run this by "
    "/opt/parallelcluster/pyenv/versions/*/envs/node_virtualenv/bin/python, elsewhere install one "
    "(dnf install python3.11 python3.11-pip, apt-get install python3-boto3)"
)

if sys.version_info < (3, 9):  # noqa: UP036 - head nodes have older ones, which cannot read the package
    sys.exit("error: this is Python " + ".".join(map(str, sys.version_info[:3])) + NEEDED)

from dcgm_cloudwatch.cli import main  # noqa: E402 - see above

sys.exit(main())

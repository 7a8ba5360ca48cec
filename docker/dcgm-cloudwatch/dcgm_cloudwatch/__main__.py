"""Starts the command line: `python -m dcgm_cloudwatch`, or the zipapp."""

from __future__ import annotations

import sys

from dcgm_cloudwatch.cli import main

sys.exit(main())

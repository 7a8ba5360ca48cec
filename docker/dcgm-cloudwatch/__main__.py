"""Lets a zip of this folder be started: `python dcgm-cloudwatch.zip`."""

from __future__ import annotations

import sys

from dcgm_cloudwatch.cli import main

sys.exit(main())

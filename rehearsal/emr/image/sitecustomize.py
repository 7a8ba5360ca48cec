"""Takes the project's own packages off the path of a job, whose image has none of them: they must come in its zip."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() not in (PROJECT, PROJECT / "jobs")]

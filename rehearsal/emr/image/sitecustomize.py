"""Takes the project's own packages off the path of a job, whose image has none of them: they must come in its zip."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() not in (PROJECT, PROJECT / "jobs")]
# an editable install of two source roots is found by a finder instead of a path
sys.meta_path[:] = [
    finder for finder in sys.meta_path if not getattr(finder, "__module__", "").startswith("__editable__")
]

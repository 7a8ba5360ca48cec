"""Raw loan files to a feature table with label and splits."""

from xgboost_pipeline.features.build import Settings, Staged, build, run, stage
from xgboost_pipeline.features.scoring import Recipe, scoring_table

__all__ = ["Recipe", "Settings", "Staged", "build", "run", "scoring_table", "stage"]

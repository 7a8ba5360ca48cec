"""Write what came out as one page for people and one file for programs: the `report` verb."""

from xgboost_pipeline.report.run import Settings, run, write

__all__ = ["Settings", "run", "write"]

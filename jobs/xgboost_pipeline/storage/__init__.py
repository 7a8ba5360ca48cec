"""Outputs that appear whole or not at all, on local disk or any file system that Spark can reach."""

from xgboost_pipeline.storage.files import FileInfo, list_files, read_edge
from xgboost_pipeline.storage.outputs import Output, Stored, open_output, output, refuse_existing, scratch, together

__all__ = [
    "FileInfo",
    "Output",
    "Stored",
    "list_files",
    "open_output",
    "output",
    "read_edge",
    "refuse_existing",
    "scratch",
    "together",
]

"""Proves without a GPU that the pipeline's Spark plans run on one: `make gpu-plan`.

Runs the verbs on a small synthetic data set with RAPIDS in explain-only mode and judges every query, and at full width
the frames that are written or handed to XGBoost. Exit status 0 all on the GPU, 1 something is not, 77 no jar here.
"""

import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

from pyspark.ml import Estimator, Transformer
from pyspark.sql import DataFrame, DataFrameWriter
from pyspark.sql import functions as F

import rapids_jar
from gpu_verdict import Verdict, python_nodes, refused
from xgboost_pipeline.progress import say

RESULT = Path(__file__).parents[1] / "build" / "gpu-plan.json"
SKIPPED = 77  # automake's exit status for a test that cannot run here
ROWS = 12_000
HARMLESS = ("<CollectLimitExec>",)  # the root that hands a few rows to the driver; RAPIDS leaves it off by default
XGBOOSTS_OWN = ("_train_booster", "predict_udf")  # functions of xgboost.spark.core


@dataclass
class Step:
    """What was found in one step: refused operators, Python functions, columns of the frames written or handed over.

    `python_before` are the Python functions in frames that are handed to XGBoost.
    """

    name: str
    queries: int
    frames: dict[str, list[str]]
    off: list[str]
    python: list[str]
    python_before: list[str]

    def faults(self) -> list[str]:
        """Return what must not be: Python up to the feature table, other Python than xgboost.spark's after it."""
        allowed = () if self.name.startswith("features") else XGBOOSTS_OWN
        nodes = [*self.python_before, *(node for node in self.python if node.split()[-1] not in allowed)]
        python = [f"runs Python: {node}" for node in nodes]
        return [line for line in self.off if not any(name in line for name in HARMLESS)] + python


class Watch:
    """Explains every frame that is written as parquet, fitted or transformed while a step runs."""

    def __init__(self, verdict: Verdict) -> None:
        """Judge with `verdict`."""
        self._verdict = verdict
        self._frames: dict[str, list[str]] = {}
        self._off: list[str] = []
        self._before: list[str] = []

    def step(self, name: str, action: Callable[[], object]) -> Step:
        """Run an action and return what it made Spark do."""
        self._frames, self._off, self._before = {}, [], []
        self._verdict.reported()
        self._verdict.queries()
        with self._patched():
            action()
        queries = self._verdict.queries()
        off = [*self._off, *self._verdict.reported()]
        python = [node for query in queries for node in python_nodes(query)]
        return Step(name, len(queries), self._frames, _unique(off), _unique(python), _unique(self._before))

    def _look(self, name: str, frame: DataFrame) -> None:
        self._frames[name] = frame.columns
        self._off += refused(self._verdict.explain(frame).splitlines())
        if not name.startswith("write"):
            self._before += python_nodes(self._verdict.plan(frame))

    @contextmanager
    def _patched(self) -> Iterator[None]:
        parquet, fit, transform = DataFrameWriter.parquet, Estimator.fit, Transformer.transform

        def watched_parquet(writer: Any, path: str, *rest: Any, **named: Any) -> None:  # noqa: ANN401 - PySpark's own signature
            self._look(f"write {Path(path).name}", writer._df)  # noqa: SLF001 - the frame about to be written
            parquet(writer, path, *rest, **named)

        def watched_fit(estimator: Any, frame: DataFrame, *rest: Any) -> Any:  # noqa: ANN401 - the same
            self._look("fit", frame)
            return fit(estimator, frame, *rest)

        def watched_transform(model: Any, frame: DataFrame, *rest: Any) -> DataFrame:  # noqa: ANN401 - the same
            self._look("transform", frame)
            return transform(model, frame, *rest)

        with (
            mock.patch.object(DataFrameWriter, "parquet", watched_parquet),
            mock.patch.object(Estimator, "fit", watched_fit),
            mock.patch.object(Transformer, "transform", watched_transform),
        ):
            yield


def controls(watch: Watch, verdict: Verdict, folder: Path) -> Iterator[Step]:
    """Yield steps that are wrong on purpose, each of which must be found faulty."""
    path = str(folder / "numbers")
    verdict.spark.range(100).write.parquet(path)
    numbers = verdict.spark.read.parquet(path)
    plus_one = F.udf(lambda number: number + 1, "long")
    yield watch.step("control: python udf", numbers.select(plus_one("id")).collect)
    yield watch.step("control: csv write", lambda: numbers.write.csv(str(folder / "csv")))
    yield watch.step("features control: mapInPandas", numbers.mapInPandas(lambda frames: frames, "id long").collect)
    yield watch.step("control: text scan", verdict.spark.read.text(str(folder / "csv")).collect)


def pipeline(watch: Watch, folder: Path) -> Iterator[Step]:
    """Yield the verbs' steps, on generated files."""
    files, forward = str(folder / "files"), str(folder / "forward")
    model = str(folder / "model")
    _verb("generate", output=files, truth=str(folder / "truth"), rows=ROWS, workers=1)
    wide: dict[str, object] = {"encoding": "one-hot", "normalise": "standard"}
    options: dict[str, dict[str, object]] = {"forward": {}, "reference": {"label": "reference"}, "one-hot": wide}
    for name, chosen in options.items():
        out = str(folder / name)
        yield watch.step(f"features {name}", lambda: _verb("features", input=files, output=out, **chosen))  # noqa: B023 - called at once
    training: dict[str, object] = {"features": forward, "split": "rows", "rounds": 3, "resamples": 0}
    yield watch.step("train", lambda: _verb("train", output=model, **training))
    balanced = {"output": str(folder / "balanced"), "weighting": "balanced"}
    yield watch.step("train balanced", lambda: _verb("train", **balanced, **training))
    yield watch.step("score", lambda: _verb("score", model=model, input=files, output=str(folder / "scores")))


def main() -> int:
    """Judge everything, print a line for each step, and write build/gpu-plan.json."""
    try:
        jar = rapids_jar.jar()
    except rapids_jar.JarUnavailableError as error:
        say(f"gpu-plan skipped: {error}")
        return SKIPPED
    verdict = Verdict(jar)
    watch = Watch(verdict)
    with tempfile.TemporaryDirectory(prefix="gpu-plan-") as name:
        folder = Path(name)
        wrong = list(controls(watch, verdict, folder))
        everything = verdict.explain(verdict.spark.read.parquet(str(folder / "numbers")), "ALL")
        steps = list(pipeline(watch, folder))
    return _told(wrong, steps, everything)


def _told(wrong: list[Step], steps: list[Step], everything: str) -> int:
    missed = [f"{step.name} is not reported" for step in wrong if not step.faults()]
    if "will run on GPU" not in everything:
        missed.append("RAPIDS says of nothing that it will run on the GPU")
    for step in steps:
        frames = ", ".join(f"{name} ({len(columns)} columns)" for name, columns in step.frames.items())
        say(f"{step.name}: {step.queries} queries; {frames}; {'; '.join(step.faults()) or 'all on the GPU'}")
    result = {"controls": wrong, "steps": steps}
    written: dict[str, Any] = {
        kind: {step.name: dataclasses.asdict(step) | {"faults": step.faults()} for step in found}
        for kind, found in result.items()
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(written | {"missed": missed}, indent=1))
    for line in missed:
        say(line)
    return int(bool(missed) or any(step.faults() for step in steps))


def _verb(verb: str, **options: object) -> None:
    module = import_module(f"xgboost_pipeline.{verb}")
    module.run(module.Settings(**options))


def _unique(lines: list[str]) -> list[str]:
    return list(dict.fromkeys(lines))


if __name__ == "__main__":
    sys.exit(main())

"""Asks RAPIDS, in explain-only mode and without a GPU, which parts of Spark's plans would not run on one."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from xgboost_pipeline.session import spark_session

OVERRIDES = "com.nvidia.spark.rapids.GpuOverrides"
PYTHON_NODE = re.compile(r"\b(\w*(?:Python|Pandas|InArrow)\w*)\b")
PINNED = ("castStringToFloat", "castFloatToIntegralTypes", "variableFloatAgg", "csv.read.float", "csv.read.double")
# Fixed when the JVM starts; adaptive execution would have joins and shuffles reported that do run on the GPU.
SETTINGS = {
    "spark.plugins": "com.nvidia.spark.SQLPlugin",
    "spark.rapids.sql.mode": "explainOnly",
    "spark.rapids.sql.explain": "NOT_ON_GPU",
    "spark.rapids.skipGpuArchitectureCheck": "true",
    "spark.rapids.shims-provider-override": "com.nvidia.spark.rapids.shims.spark355.SparkShimServiceProvider",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",  # compiling costs most of the time on little data; RAPIDS looks before it
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.ui.retainedExecutions": "10000",
    "spark.sql.maxPlanStringLength": "100000000",
    **{f"spark.rapids.sql.{name}.enabled": "true" for name in PINNED},
}


class Verdict:
    """What RAPIDS says about this process's Spark session."""

    def __init__(self, jar: Path) -> None:
        """Start the session of this process with RAPIDS; it must be the first one, as the JVM starts with it."""
        self.spark: SparkSession = spark_session("gpu-plan", SETTINGS | {"spark.driver.extraClassPath": str(jar)})
        self._jvm: Any = self.spark._jvm  # noqa: SLF001 - RAPIDS has no Python interface
        self._log = self._catch_log()
        self._seen = 0
        self._queries = 0

    def explain(self, frame: DataFrame, mode: str = "NOT") -> str:
        """Return what of a frame's plan cannot run on the GPU, empty if all can; mode `ALL` tells of each operator."""
        return str(self._jvm.com.nvidia.spark.rapids.ExplainPlan.explainPotentialGpuPlan(frame._jdf, mode)).strip()  # noqa: SLF001 - the same

    def reported(self) -> list[str]:
        """Return the operators that RAPIDS reported as not on the GPU in queries since the last call."""
        text = str(self._log.toString())
        new, self._seen = text[self._seen :], len(text)
        return refused(new.splitlines())

    def queries(self) -> list[str]:
        """Return the physical plans, formatted, of the queries that Spark ran since the last call."""
        listed = self.spark._jsparkSession.sharedState().statusStore().executionsList()  # noqa: SLF001 - Spark keeps it for its web pages only
        found = [listed.apply(i) for i in range(self._queries, listed.size())]
        self._queries = listed.size()
        return [str(query.physicalPlanDescription()) for query in found]

    def plan(self, frame: DataFrame) -> str:
        """Return a frame's physical plan , formatted."""
        formatted = self._jvm.org.apache.spark.sql.execution.ExplainMode.fromString("formatted")
        return str(frame._jdf.queryExecution().explainString(formatted))  # noqa: SLF001 - PySpark only prints it

    def _catch_log(self) -> Any:  # noqa: ANN401 - a java.io.StringWriter
        log4j, java = self._jvm.org.apache.logging.log4j, self._jvm.java
        core, writer = log4j.core, java.io.StringWriter()
        layout = core.layout.PatternLayout.newBuilder().withPattern("%m%n").build()
        appender = core.appender.WriterAppender.createAppender(layout, None, writer, "gpu-plan", False, True)  # noqa: FBT003 - Java has no names for arguments
        appender.start()
        context = log4j.LogManager.getContext(False)  # noqa: FBT003 - the same
        logger = core.config.LoggerConfig(OVERRIDES, log4j.Level.ALL, False)  # noqa: FBT003 - the same
        logger.addAppender(appender, log4j.Level.ALL, None)
        context.getConfiguration().addLogger(OVERRIDES, logger)
        context.updateLoggers()
        return writer


def refused(lines: Iterable[str]) -> list[str]:
    """Return the operators (`!Exec <Name> ... because reason`, `! <Name>`) among lines of an explanation."""
    return [line.strip() for line in lines if re.match(r"\s*!\s?(Exec|<|\w*Exec|Output|DataWritingCommand)", line)]


def python_nodes(plan: str) -> list[str]:
    """Return the operators of a formatted physical plan that run Python: `Operator function`."""
    return list(dict.fromkeys(_python_nodes(plan)))


def _python_nodes(plan: str) -> Iterator[str]:
    """Each operator has a paragraph, `(3) MapInPandas`, whose line `Arguments:` names the function or functions."""
    for number, operator, details in re.findall(r"^\((\d+)\) (\w+)[^\n]*\n((?:.+\n?)*)", plan, re.MULTILINE):
        if PYTHON_NODE.fullmatch(operator):
            arguments = re.search(r"^Arguments: (.*)", details, re.MULTILINE)
            functions = _outermost(arguments[1]) if arguments else []
            yield from (f"{operator} {function}" for function in functions or [f"number {number}"])


def _outermost(arguments: str) -> list[str]:
    """Return the functions called in `[f(g(a), b)#1, h(c)#2], ...`, without those called in their arguments: f, h."""
    found, depth = [], 0
    for name, bracket in re.findall(r"([\w.<>]*)([()])", arguments):
        if bracket == "(" and depth == 0:
            found.append(name)
        depth += 1 if bracket == "(" else -1
    return found

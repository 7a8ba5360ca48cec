"""The dashboard of Spark jobs, of what drivers of Spark 3.5 publish: https://spark.apache.org/docs/3.5.6/monitoring.html."""

from rapids_eks.grafana_dashboards.dashboard import TAG, Section, Variable, dashboard
from rapids_eks.grafana_dashboards.panels import FULL, THIRD, Json, Panel, Query, Scale, over_time, single
from rapids_eks.scrape_targets import SPARK_NAMESPACE

UID = f"{TAG}-spark"
NO_JOB = "No Spark job is running: its driver publishes these only as long as it lives."
_EXECUTORS = "metrics_executor"
_SCHEDULER = f"metrics_{SPARK_NAMESPACE}_driver_DAGScheduler"
_CHOSEN = 'namespace=~"$namespace", job_run=~"$run"'
_WORKERS = f'{_CHOSEN}, executor_id!="driver"'  # the driver is in the list of executors too, but runs no tasks
_BY, _LEGEND = "namespace, job_run, executor_id", "{{job_run}} executor {{executor_id}}"
_RATE = "$__rate_interval"


def spark() -> Json:
    """Return the dashboard. It has no time on the GPU and nothing spilled: Spark publishes neither."""
    cores = f"{_EXECUTORS}_totalCores"
    variables = [
        Variable("namespace", "Team", cores, "namespace"),
        Variable("run", "Run", f'{cores}{{namespace=~"$namespace"}}', "job_run"),
    ]
    sections = [
        Section("", _progress()),
        Section("Data", _data()),
        Section("Memory and garbage collection", _memory()),
    ]
    description = "What the executors of a job do, as its driver tells; a run is EMR's job run."
    return dashboard(UID, "Spark jobs", description, variables, sections)


def _gauge(name: str) -> Query:
    return Query(f"max by ({_BY}) ({_EXECUTORS}_{name}{{{_WORKERS}}})", _LEGEND)


def _rate(name: str) -> Query:
    return Query(f"sum by ({_BY}) (rate({_EXECUTORS}_{name}{{{_WORKERS}}}[{_RATE}]))", _LEGEND)


def _sum(title: str, description: str, name: str, *, bad: float | None = None) -> Panel:
    query = Query(f"sum({_EXECUTORS}_{name}{{{_WORKERS}}})", title)
    return single(title, description, query, Scale("short", NO_JOB, bad=bad))


def _progress() -> list[Panel]:
    stages = [_stages(state) for state in ("running", "waiting", "failed")]
    executors = Query(f"count({_EXECUTORS}_totalCores{{{_WORKERS}}})", "Executors")
    return [
        single("Executors", "That are registered with the chosen jobs' drivers.", executors, Scale("short", NO_JOB)),
        _sum("Tasks Running", "At once.", "activeTasks"),
        _sum("Task Slots", "How many can run at once.", "maxTasks"),
        _sum("Tasks Completed", "Since the jobs began, by executors that still live.", "completedTasks_total"),
        _sum("Tasks Failed", "Since the jobs began, on executors that still live.", "failedTasks_total", bad=1),
        over_time("Stages", "Of each driver.", stages, Scale("short", NO_JOB)),
        over_time(
            "Running Tasks", "Of each executor.", [_gauge("activeTasks")], Scale("short", NO_JOB), style="stacked"
        ),
        over_time(
            "Completed Tasks",
            "A second, of each executor.",
            [_rate("completedTasks_total")],
            Scale("ops", NO_JOB),
            width=FULL,
        ),
    ]


def _stages(state: str) -> Query:
    found = f"{_SCHEDULER}_stage_{state}Stages_Value{{{_CHOSEN}}}"
    return Query(f"max by (namespace, job_run) ({found})", f"{{{{job_run}}}} {state}")


def _data() -> list[Panel]:
    names = {
        "Input": ("Read from storage.", "totalInputBytes_bytes_total"),
        "Shuffle Read": ("From other executors and from the own disk.", "totalShuffleRead_bytes_total"),
        "Shuffle Written": ("To the own disk, for other executors.", "totalShuffleWrite_bytes_total"),
    }
    scale = Scale("Bps", NO_JOB)
    return [over_time(title, means, [_rate(name)], scale, width=THIRD) for title, (means, name) in names.items()]


def _memory() -> list[Panel]:
    collected, worked = (
        f"sum by ({_BY}) (rate({_EXECUTORS}_{name}_seconds_total{{{_WORKERS}}}[{_RATE}]))"
        for name in ("totalGCTime", "totalDuration")
    )
    share = Query(f"{collected} / ({worked} > 0)", _LEGEND)
    heap = "Most of an executor's Java heap that was in use at once, GPU memory not counted."
    return [
        over_time("Peak Heap", heap, [_gauge("JVMHeapMemory_bytes")], Scale("bytes", NO_JOB), width=THIRD),
        over_time(
            "Storage Memory", "Cached blocks.", [_gauge("memoryUsed_bytes")], Scale("bytes", NO_JOB), width=THIRD
        ),
        over_time(
            "Garbage Collection",
            "Share of the tasks' time; it is told when a task ends. Above 10 % the heap is too small.",
            [share],
            Scale("percentunit", NO_JOB, bad=0.1),
            width=THIRD,
        ),
    ]

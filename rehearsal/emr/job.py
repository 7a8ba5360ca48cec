"""A StartJobRun request, read as EMR and spark-submit read it."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.emr.sizes import BadSetting

# https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-jobs-CLI.html#emr-eks-jobs-parameters
CLASSIFICATIONS = frozenset(
    (
        *("core-site", "emrfs-site", "spark-defaults", "spark-env", "spark-hive-site", "spark-log4j", "spark-log4j2"),
        *("spark-metrics", "hive-site", "emr-containers-defaults", "emr-job-submitter"),
    )
)
START_TIMEOUT = 900.0  # seconds
# https://spark.apache.org/docs/3.5.6/submitting-applications.html
OPTIONS = {
    "--archives": "spark.archives",
    "--driver-class-path": "spark.driver.extraClassPath",
    "--driver-cores": "spark.driver.cores",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--driver-library-path": "spark.driver.extraLibraryPath",
    "--driver-memory": "spark.driver.memory",
    "--executor-cores": "spark.executor.cores",
    "--executor-memory": "spark.executor.memory",
    "--files": "spark.files",
    "--jars": "spark.jars",
    "--name": "spark.app.name",
    "--num-executors": "spark.executor.instances",
    "--packages": "spark.jars.packages",
    "--py-files": "spark.submit.pyFiles",
}


@dataclass(frozen=True)
class Monitoring:
    """Where a run's logs go; empty where nothing was asked for."""

    log_group: str = ""
    stream_prefix: str = ""
    log_uri: str = ""


@dataclass(frozen=True)
class Job:
    """One run as it was asked for: `conf` is what spark-submit has in the end."""

    run_id: str
    virtual_cluster_id: str
    cluster: str
    namespace: str
    name: str
    account: str
    role_arn: str
    release: str
    entry_point: str
    arguments: tuple[str, ...]
    conf: Mapping[str, str]
    main_class: str = ""
    submitter: Mapping[str, str] = field(default_factory=dict)  # the emr-job-submitter classification
    defaults: Mapping[str, str] = field(default_factory=dict)  # the emr-containers-defaults classification
    monitoring: Monitoring = field(default_factory=Monitoring)
    attempts: int = 0  # 0: without a retry policy

    @property
    def python(self) -> bool:
        """Whether it is a Python program."""
        return self.entry_point.endswith(".py")

    @property
    def start_timeout(self) -> float:
        """Seconds that the run may stay SUBMITTED."""
        return float(self.defaults.get("job-start-timeout", START_TIMEOUT))

    @property
    def role_name(self) -> str:
        """Name of the execution role, without its path."""
        return self.role_arn.rpartition("/")[2]


def configurations(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the classifications of a request with their properties, in order."""
    for each in request.get("configurationOverrides", {}).get("applicationConfiguration", []):
        yield each["classification"], each.get("properties", {})


def read(run_id: str, request: Mapping[str, Any], place: tuple[str, str], account: str) -> Job:
    """Return the job of a request; `place` is cluster and namespace. Raise BadSetting as spark-submit would."""
    driver = request["jobDriver"]["sparkSubmitJobDriver"]
    merged: dict[str, dict[str, str]] = {}
    for name, properties in configurations(request):
        merged.setdefault(name, {}).update(properties)
    conf, main_class = _submitted(driver.get("sparkSubmitParameters", ""))
    return Job(
        run_id,
        request["virtualClusterId"],
        *place,
        name=request.get("name", run_id),
        account=account,
        role_arn=request["executionRoleArn"],
        release=request["releaseLabel"],
        entry_point=driver["entryPoint"],
        arguments=tuple(driver.get("entryPointArguments", [])),
        conf={**merged.get("spark-defaults", {}), **conf},
        main_class=main_class,
        submitter=merged.get("emr-job-submitter", {}),
        defaults=merged.get("emr-containers-defaults", {}),
        monitoring=_monitoring(request),
        attempts=request.get("retryPolicyConfiguration", {}).get("maxAttempts", 0),
    )


def _monitoring(request: Mapping[str, Any]) -> Monitoring:
    asked = request.get("configurationOverrides", {}).get("monitoringConfiguration", {})
    cloud_watch = asked.get("cloudWatchMonitoringConfiguration", {})
    return Monitoring(
        cloud_watch.get("logGroupName", ""),
        cloud_watch.get("logStreamNamePrefix", ""),
        asked.get("s3MonitoringConfiguration", {}).get("logUri", ""),
    )


def _submitted(parameters: str) -> tuple[dict[str, str], str]:
    """Return the settings and the main class of spark-submit's options."""
    conf, main_class = {}, ""
    words = iter(_split(parameters))
    for word in words:
        option, _, given = word.partition("=") if word.startswith("--") else (word, "", "")
        value = given or next(words, "")
        if option in ("--conf", "-c") and "=" in value:
            key, _, setting = value.partition("=")
            conf[key.strip()] = setting
        elif option == "--class":
            main_class = value
        elif option in OPTIONS and value:
            conf[OPTIONS[option]] = value
        else:
            raise BadSetting(f"Unrecognized option or missing value: {word}")
    return conf, main_class


def _split(parameters: str) -> list[str]:
    try:
        return shlex.split(parameters)
    except ValueError as error:
        raise BadSetting(f"sparkSubmitParameters cannot be read: {error}") from error

"""One job run from PENDING to its end, pod by pod."""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import urllib3
from botocore.exceptions import ClientError

from rehearsal.emr import pod_templates, pods, spark
from rehearsal.emr.job import Job
from rehearsal.emr.namespace import Item, Namespace
from rehearsal.emr.pod_log import Keys, PodLog
from rehearsal.emr.s3_objects import parts
from rehearsal.emr.sizes import BadSetting, Role, check, executors
from rehearsal.emr.validation import Failed
from rehearsal.kubernetes.api import ApiError
from rehearsal.world import World

SUBMISSION = 10.0  # seconds until EMR has the submitter's Job in the cluster
SPARK_SUBMIT = 20.0  # seconds that spark-submit takes to ask for the driver
LOOK = 5.0  # seconds between two looks at pods
SLOW = 600.0  # seconds that the fault job-slow adds
Made = TypeVar("Made")
REFER = "Refer logs uploaded to S3/CloudWatch based on your monitoring configuration."


class Halted(Exception):  # noqa: N818 - a way to leave, not a defect
    """The run was cancelled, or the rehearsal ends."""


@dataclass
class Lifecycle:
    """Takes one run through its states; `halted` says that it is to stop, `enter` notes a new state."""

    world: World
    job: Job
    space: Namespace
    keys: Keys
    halted: Callable[[], bool]
    enter: Callable[[str, int], None]
    attempt: int = 0
    _executors: list[str] = field(default_factory=list)

    def carry_out(self) -> None:
        """Do all that follows validation; return when the job has completed, raise Failed or Halted otherwise."""
        self._pause(SUBMISSION)
        deadline = self.world.clock.patience() + self.job.start_timeout
        self._refusable(self.space.submit)
        self.enter("SUBMITTED", 0)
        self._until_running(self._submitter, deadline)
        submitter = PodLog(self.world, self.job, self._submitter(), self.keys)
        submitter.write("stdout", f"spark-submit {self.job.entry_point}")
        submitter.close()
        self._spark_submit(lambda: check(self.job.conf))
        self._pause(SPARK_SUBMIT)
        while not self._ends_well(deadline):
            deadline = self.world.clock.patience() + self.job.start_timeout
        self.space.end(self._submitter(), 0)

    def clear(self) -> None:
        """Take away what the run has in the cluster; a cluster that cannot be reached has nothing left."""
        with suppress(ApiError, urllib3.exceptions.HTTPError):
            self.space.remove_all()

    def _ends_well(self, deadline: float) -> bool:
        """Make one attempt; return False where another is due, raise Failed where none is left."""
        self.attempt += 1
        suffix = f"-{self.attempt:05x}" if self.job.attempts else ""
        driver = self._start("driver", lambda template: pods.driver(self.job, suffix, template))
        name = str(driver["metadata"]["name"])
        self._until_running(lambda: name, deadline)
        self.enter("RUNNING", self.attempt)
        output = PodLog(self.world, self.job, f"{pods.application_id(self.job, suffix)}/{name}", self.keys)
        try:
            ran = self._drive(driver, suffix, output)
        finally:
            output.close()
            self.space.remove(*self._executors)
        self._settle(name, ran)
        if ran.status and self.attempt >= self.job.attempts:
            raise self._failure(ran)
        return not ran.status

    def _drive(self, driver: Item, suffix: str, output: PodLog) -> spark.Ran:
        """Be the driver: get executors, then run the program; return how it ended."""
        name = driver["metadata"]["name"]

        def unwanted() -> bool:
            return self.halted() or self.space.phase(name) != "Running"

        self._executors = []
        try:
            ready = self._get_executors(driver, suffix, output, unwanted)
        except BadSetting as bad:
            output.write("stderr", f'Exception in thread "main" org.apache.spark.SparkException: {bad}')
            return spark.Ran(1, str(bad))
        if not ready or not self._gets_through(unwanted):
            return spark.Ran(1, "the driver's pod was deleted")
        if self.world.faults.strikes("job-fail", self.job.name):
            output.write("stderr", 'Exception in thread "main" java.lang.RuntimeException: the fault job-fail')
            return spark.Ran(1, output.lines("stderr")[-1])
        return spark.run(self.world, self.job, self.keys, output, unwanted)

    def _gets_through(self, unwanted: Callable[[], bool]) -> bool:
        """Be as slow as the planted faults say, or hang; return whether the run is still wanted after that."""
        if self.world.faults.strikes("job-slow", self.job.name):
            self.world.clock.wait(SLOW, unwanted, LOOK)
        if self.world.faults.strikes("job-hang", self.job.name):
            self.world.clock.wait(math.inf, unwanted, LOOK)
        return not unwanted()

    def _get_executors(self, driver: Item, suffix: str, output: PodLog, unwanted: Callable[[], bool]) -> bool:
        """Wait until all executors run; return False if the run became unwanted before.

        Spark starts with 80 % of them, but XGBoost's barrier stage waits for all: so does every job here.
        """
        template = self._template("executor")
        count, refused = executors(self.job.conf), ""
        missing = {n: pods.executor(self.job, n, suffix, template, driver) for n in range(1, count + 1)}
        self._executors = [str(each["metadata"]["name"]) for each in missing.values()]
        while not unwanted():
            for number in list(missing):
                try:
                    self.space.start(missing[number])
                    del missing[number]
                except ApiError as error:
                    if error.message != refused:
                        output.write("stderr", f"WARN ExecutorPodsAllocator: {error.message}")
                    refused = error.message
            if self._wait(15, lambda: unwanted() or (not missing and self._all_running())):
                return not unwanted()
            warning = "Initial job has not accepted any resources; check your cluster UI to ensure that workers"
            output.write("stderr", f"WARN TaskSchedulerImpl: {warning} are registered and have sufficient resources")
            output.flush()
        return False

    def _all_running(self) -> bool:
        return set(self._executors) <= self.space.running()

    def _settle(self, name: str, ran: spark.Ran) -> None:
        """Let the driver's pod end as its program did; raise what the end of the pod, or of the run, means."""
        if self.halted():
            raise Halted
        if not self.space.exists():
            message = (
                f"Trouble monitoring your JobRun. Cluster {self.job.cluster} does not have sufficient permissions."
            )
            raise Failed("CLUSTER_UNAVAILABLE", message)
        self.space.end(name, ran.status)
        self._wait(60, lambda: self.space.phase(name) != "Running")

    def _failure(self, ran: spark.Ran) -> Failed:
        with suppress(ApiError):
            self.space.end(self._submitter(), 1)
        start = "Jobrun failed. Main Spark container terminated with errors. Last error seen in logs - "
        room = 256 - len(start) - len(REFER) - 1
        return Failed("USER_ERROR", f"{start}{ran.error[:room]}\n{REFER}")

    def _start(self, role: Role, make: Callable[[Item], Item]) -> Item:
        pod = self._spark_submit(lambda: make(self._template(role)))
        return self._refusable(lambda: self.space.start(pod))

    def _spark_submit(self, work: Callable[[], Made]) -> Made:
        try:
            return work()
        except BadSetting as bad:
            raise Failed("USER_ERROR", f"JobRun failed. spark-submit: {bad}") from bad

    def _template(self, role: Role) -> Item:
        """Return the job's own pod template, an empty one where it has none."""
        uri = self.job.conf.get(f"spark.kubernetes.{role}.podTemplateFile")
        if not uri:
            return {}
        bucket, key = parts(uri)
        try:
            text = self.world.client("s3", *self.keys).get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        except ClientError as error:
            raise BadSetting(f"Could not load pod from template file {uri}: {error}") from error
        return pod_templates.read(text, pods.MAIN[role])

    def _refusable(self, work: Callable[[], Made]) -> Made:
        try:
            return work()
        except ApiError as refused:
            raise Failed("USER_ERROR", f"JobRun submission failed. {refused.message}") from refused

    def _submitter(self) -> str:
        pod = self.space.submitter()
        return str(pod["metadata"]["name"]) if pod else ""

    def _until_running(self, name: Callable[[], str], deadline: float) -> None:
        def running() -> bool:
            return bool(found := name()) and self.space.phase(found) == "Running"

        if not self._wait(deadline - self.world.clock.patience(), running):
            waiting = name()
            why = self.space.why_pending(waiting) if waiting else "no pod was admitted"
            raise Failed("USER_ERROR", f"cluster timeout. Pod {waiting or self.job.run_id}: {why}")

    def _wait(self, seconds: float, until: Callable[[], bool]) -> bool:
        done = self.world.clock.wait(max(seconds, 0), lambda: self.halted() or until(), LOOK)
        if self.halted():
            raise Halted
        return done

    def _pause(self, seconds: float) -> None:
        self._wait(seconds, lambda: False)

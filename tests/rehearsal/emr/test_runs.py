"""Job runs from StartJobRun to their end, in a real control plane and on real Spark."""

import gzip
from datetime import timedelta
from typing import Any

import psutil
import pytest
from kubernetes.client import V1ObjectMeta, V1ResourceQuota, V1ResourceQuotaSpec

from rehearsal.faults import Fault

COUNT = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
table = spark.read.csv(sys.argv[1], header=True)
print("rows:", table.count())
table.write.parquet(sys.argv[2])
spark.stop()
"""
EXIT = "import sys; print('to stderr', file=sys.stderr); print('ValueError: it went wrong'); sys.exit(3)"
ONE = "--conf spark.executor.instances=1"
HUGE = f"{ONE} --conf spark.driver.memory=900g"
GPU = f"{ONE} --conf spark.executor.resource.gpu.amount=1 --conf spark.executor.resource.gpu.vendor=nvidia.com"


def test_a_run_reads_its_input_and_leaves_its_output(team: Any) -> None:  # noqa: ANN401 - the conftest's Team
    source = team.put("in/a.csv", "x,y\n1,2\n3,4\n")
    started = team.start(COUNT, source.removesuffix("/a.csv"), source.replace("in/a.csv", "out"))
    run = team.completes(started)
    assert run["finishedAt"] > run["createdAt"]
    assert "rows: 2" in team.log(started)
    assert "out/_SUCCESS" in team.stored("out/")
    assert any(key.endswith(".parquet") for key in team.stored("out/"))
    assert not [key for key in team.stored() if key.endswith(".crc")]
    phases = {name: pod.status.phase for name, pod in team.pods().items()}
    assert phases[f"spark-{started}-driver"] == "Succeeded"
    assert not [name for name in phases if "-exec-" in name], "executors go with the end of the program"


def test_a_program_that_fails_ends_the_run_with_its_last_error(team: Any) -> None:  # noqa: ANN401
    to_s3 = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": team.put("logs/", b"")}}}
    started = team.start(EXIT, configurationOverrides=to_s3)
    run = team.until(started, "FAILED", "COMPLETED")
    assert (run["state"], run["failureReason"]) == ("FAILED", "USER_ERROR")
    assert "Last error seen in logs - ValueError: it went wrong" in run["stateDetails"]
    place = f"logs/{team.virtual_cluster}/jobs/{started}/containers/"
    driver = f"{place}spark-{started}/spark-{started}-driver/"
    assert f"{driver}stderr.gz" in team.stored(place)
    assert "ValueError: it went wrong" in gzip.decompress(team.get(f"{driver}stdout.gz")).decode()
    assert [key for key in team.stored(place) if f"/{started}-" in key], "the submitter has logs too"


def test_executors_of_no_size_end_the_run(team: Any) -> None:  # noqa: ANN401
    started = team.start(COUNT, parameters=f"{ONE} --conf spark.executor.cores=banana")
    run = team.until(started, "FAILED", "COMPLETED")
    assert (run["state"], run["failureReason"]) == ("FAILED", "USER_ERROR")
    assert "Executor cores must be a positive number" in run["stateDetails"]


def hanging(team: Any, *arguments: str, **more: Any) -> str:  # noqa: ANN401
    team.world.faults.plant(Fault("job-hang", team.name))
    started = team.start(COUNT, *arguments, **more)
    team.until(started, "RUNNING", "FAILED")
    return str(started)


def test_a_run_has_a_submitter_a_driver_and_executors_until_it_is_cancelled(team: Any) -> None:  # noqa: ANN401
    started = hanging(team, parameters="--conf spark.executor.instances=2")
    name = f"spark-{started}-driver"
    team.eventually(lambda: len(team.pods()) == 4)
    pods = team.pods()
    roles = {pod.metadata.labels["emr-containers.amazonaws.com/component"]: pod for pod in pods.values()}
    times = [roles[role].metadata.creation_timestamp for role in ("job.submitter", "driver", "executor")]
    assert times == sorted(times)
    assert {pod.spec.service_account_name.split("-")[4] for pod in roles.values()} == {"client", "driver", "executor"}
    assert all(pod.spec.node_name for pod in pods.values()), "the real scheduler has placed them"
    assert [ref.name for ref in roles["executor"].metadata.owner_references] == [name]
    with pytest.raises(team.emr.exceptions.ValidationException, match=f"active job runs: {started}"):
        team.emr.delete_virtual_cluster(id=team.virtual_cluster)
    team.emr.cancel_job_run(id=started, virtualClusterId=team.virtual_cluster)
    assert "finishedAt" in team.until(started, "CANCELLED")
    team.eventually(lambda: not team.pods())
    with pytest.raises(team.emr.exceptions.ValidationException, match="not in a cancellable state"):
        team.emr.cancel_job_run(id=started, virtualClusterId=team.virtual_cluster)


def test_a_cancelled_program_ends_with_all_its_processes(team: Any) -> None:  # noqa: ANN401
    started = team.start("import time; print('up', flush=True); time.sleep(600)")
    team.eventually(lambda: "up" in team.log(started))
    family = [each for each in psutil.Process().children(recursive=True) if _works_for(started, each)]
    assert len(family) >= 2, "a JVM and the program"
    team.emr.cancel_job_run(id=started, virtualClusterId=team.virtual_cluster)
    team.until(started, "CANCELLED")
    assert not psutil.wait_procs(family, 10)[1]


def _works_for(run: str, process: psutil.Process) -> bool:
    try:
        return run in str(process.environ())
    except psutil.NoSuchProcess:  # it has ended since it was listed
        return False


def test_a_driver_that_fits_nowhere_times_out(team: Any) -> None:  # noqa: ANN401
    started = team.start(COUNT, parameters=HUGE)
    team.until(started, "SUBMITTED")
    team.eventually(lambda: f"spark-{started}-driver" in team.pods())
    assert team.run(started)["state"] == "SUBMITTED"
    team.world.clock.advance(timedelta(seconds=900))
    run = team.until(started, "FAILED", "RUNNING")
    assert run["stateDetails"].startswith("cluster timeout")
    assert "Insufficient memory" in run["stateDetails"]
    team.eventually(lambda: not team.pods())


def test_a_submitter_without_a_toleration_times_out_too(team: Any) -> None:  # noqa: ANN401
    nowhere = {"classification": "emr-job-submitter", "properties": {"jobsubmitter.node.selector.pool": "none"}}
    started = team.start(COUNT, configurationOverrides={"applicationConfiguration": [nowhere]})
    team.until(started, "SUBMITTED")
    team.world.clock.advance(timedelta(seconds=900))
    assert "node affinity/selector" in team.until(started, "FAILED", "RUNNING")["stateDetails"]


def test_a_longer_start_timeout_is_kept(team: Any) -> None:  # noqa: ANN401
    longer = {"classification": "emr-containers-defaults", "properties": {"job-start-timeout": "1000000"}}
    started = team.start(COUNT, parameters=HUGE, configurationOverrides={"applicationConfiguration": [longer]})
    team.until(started, "SUBMITTED")
    team.world.clock.advance(timedelta(seconds=900_000))
    team.world.clock.sleep(60)
    assert team.run(started)["state"] == "SUBMITTED"
    team.emr.cancel_job_run(id=started, virtualClusterId=team.virtual_cluster)
    team.until(started, "CANCELLED")


def test_a_run_waits_for_executors_that_fit_nowhere_and_says_so(team: Any) -> None:  # noqa: ANN401
    started = team.start(COUNT, parameters=GPU)
    team.until(started, "RUNNING", "FAILED")
    team.eventually(lambda: any("sufficient resources" in line for line in team.log(started)))
    assert team.run(started)["state"] == "RUNNING"
    team.emr.cancel_job_run(id=started, virtualClusterId=team.virtual_cluster)
    team.until(started, "CANCELLED")


def test_a_quota_holds_back_the_driver(team: Any) -> None:  # noqa: ANN401
    quota = V1ResourceQuota(metadata=V1ObjectMeta(name="q"), spec=V1ResourceQuotaSpec(hard={"pods": "1"}))
    team.core.create_namespaced_resource_quota(team.name, quota)
    run = team.until(team.start(COUNT), "FAILED", "RUNNING")
    assert "exceeded quota: q" in run["stateDetails"]


def test_a_namespace_for_restricted_pods_admits_no_submitter(team: Any) -> None:  # noqa: ANN401
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    team.core.patch_namespace(team.name, label)
    started = team.start(COUNT)
    team.until(started, "SUBMITTED")
    team.world.clock.advance(timedelta(seconds=900))
    assert "no pod was admitted" in team.until(started, "FAILED", "RUNNING")["stateDetails"]


def test_another_team_s_input_is_denied(site: Any, team: Any) -> None:  # noqa: ANN401
    other = site.team()
    secret = other.put("in/a.csv", "x\n1\n")
    run = team.until(started := team.start(COUNT, secret, team.put("out", b"")), "FAILED", "COMPLETED")
    assert "AccessDeniedException" in run["stateDetails"]
    assert any(secret in line for line in team.log(started))


def test_faults_come_as_planted(team: Any) -> None:  # noqa: ANN401
    for fault in (Fault("job-slow", team.name), Fault("job-fail", team.name)):
        team.world.faults.plant(fault)
    before = team.world.clock.now()
    run = team.until(team.start(COUNT), "FAILED", "COMPLETED")
    assert "java.lang.RuntimeException: the fault job-fail" in run["stateDetails"]
    assert team.world.clock.now() - before > timedelta(seconds=600)


def test_a_retry_policy_makes_another_driver(team: Any) -> None:  # noqa: ANN401
    for _ in range(2):
        team.world.faults.plant(Fault("job-fail", team.name))
    started = team.start(COUNT, retryPolicyConfiguration={"maxAttempts": 2})
    run = team.until(started, "FAILED", "COMPLETED")
    assert (run["state"], run["retryPolicyExecution"]) == ("FAILED", {"currentAttemptCount": 2})


def test_a_driver_that_is_taken_away_fails_the_run(team: Any) -> None:  # noqa: ANN401
    started = hanging(team)
    team.core.delete_namespaced_pod(f"spark-{started}-driver", team.name)
    assert "driver's pod was deleted" in team.until(started, "FAILED")["stateDetails"]


def test_a_namespace_that_goes_takes_its_runs_with_it(team: Any) -> None:  # noqa: ANN401
    started = hanging(team)
    team.core.delete_namespace(team.name)
    run = team.until(started, "FAILED")
    assert run["failureReason"] in ("CLUSTER_UNAVAILABLE", "USER_ERROR")
    virtual = {"id": team.virtual_cluster}
    team.eventually(lambda: team.emr.describe_virtual_cluster(**virtual)["virtualCluster"]["state"] == "ARRESTED")
    with pytest.raises(team.emr.exceptions.ValidationException, match="ARRESTED is not valid to create resource"):
        team.start(COUNT)

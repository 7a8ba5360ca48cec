"""A team's cluster in the rehearsal, where runs are deployed as resources."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.constructs.rapids_eks.spark_job_run.stacks import TEAM, synthesized
from tests.rehearsal.live.account import Account, Outcome
from tests.stacks.assembly import Assembly

INPUT = f"{TEAM}/spark-rapids-emr/input/fannie-mae-single-family-loan-performance"


@dataclass
class Site:
    """A team's cluster, and where runs are deployed."""

    account: Account
    folder: Path
    code: Path
    bucket: str = ""
    virtual_cluster: str = ""
    stacks: list[Outcome] = field(default_factory=list)
    _made: int = 0

    def wanted(self, **given: Any) -> Assembly:  # noqa: ANN401 - SparkJobRun's
        self._made += 1
        assembly = synthesized(self.folder / str(self._made), self.code, **given)
        assembly.publish(self.account, "Job")
        return assembly

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs that were ever started, the newest first."""
        emr = self.account.client("emr-containers")
        found = emr.list_job_runs(virtualClusterId=self.virtual_cluster)["jobRuns"]
        return [emr.describe_job_run(virtualClusterId=self.virtual_cluster, id=each["id"])["jobRun"] for each in found]

    def put(self, key: str, text: str = "|loan|012020|\n") -> None:
        self.account.client("s3").put_object(Bucket=self.bucket, Key=f"{INPUT}/{key}", Body=text.encode())

    def text(self, uri: str) -> str:
        key = uri.removeprefix(f"s3://{self.bucket}/")
        return str(self.account.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read().decode())

    def live(self) -> list[str]:
        """Return the states of the runs that are not over."""
        return [run["state"] for run in self.runs() if run["state"] not in {"COMPLETED", "FAILED", "CANCELLED"}]

    def discarded(self, stack: Outcome) -> None:
        gone = self.account.delete(stack)
        assert gone.status == "DELETE_COMPLETE", gone.reasons
        assert not self.live()

"""The rehearsal of an app: bootstrap, deploy, no change, diff, destroy, deploy and destroy again."""

from collections.abc import Sequence

from rehearsal.cdk_cli import STANDARD, CdkCli, StepFailed
from rehearsal.left_over import LeftOver

VCPUS = 256  # that an app's node groups may need


def rehearse(cdk: CdkCli, left: LeftOver, stacks: Sequence[str] = ("--all",)) -> None:
    """Run every step with some of the app's stacks, noting what is left after each destroy. Raises StepFailed."""
    cdk.prepare()
    left.remember()
    cdk.ask({STANDARD: VCPUS}, "a new account starts 5 of standard types")
    for turn in ("", " again"):
        cdk.deploy(f"deploy{turn}", *stacks)
        if not turn:
            _unchanged(cdk, stacks)
            cdk.built("diff", "diff", *stacks, "--fail")
        cdk.destroy(f"destroy{turn}")
        left.look(f"destroy{turn}")


def _unchanged(cdk: CdkCli, stacks: Sequence[str]) -> None:
    name = "deploy without a change"
    said = cdk.deploy(name, *stacks)
    unchanged, deployed = said.count("(no changes)"), said.count("Stack ARN:")
    if unchanged != deployed:
        raise StepFailed(f"{name}: {unchanged} of {deployed} stacks had no changes")

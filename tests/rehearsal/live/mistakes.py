"""What a one-mistake stack is, and how it must fail."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.rehearsal.live.account import Account, Resources, changed


@dataclass(frozen=True)
class Mistake:
    """A sound template, the values in it that are wrong, what AWS says to that, and where that is documented."""

    sound: Resources
    wrong: Mapping[str, object]  # by path
    says: tuple[str, ...]
    documented: str

    @property
    def name(self) -> str:
        return "-".join(self.wrong)


def refused(account: Account, mistake: Mistake) -> None:
    """Assert that the stack with the mistake fails and names it, and that the corrected one deploys and goes."""
    template = mistake.sound
    for path, value in mistake.wrong.items():
        template = changed(template, path, value)
    wrong = account.create(template)
    assert wrong.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED"), "the mistake was accepted"
    for words in mistake.says:
        assert words in wrong.reasons
    account.discard(wrong)
    right = account.create(mistake.sound)
    assert right.status == "CREATE_COMPLETE", right.reasons
    assert account.delete(right).status == "DELETE_COMPLETE"

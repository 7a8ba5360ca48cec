"""What the rehearsal cannot decide is refused by name, never allowed."""

from rehearsal.wire.call import Refused


class Unrehearsed(Refused):
    """A part of IAM that this rehearsal does not know: the policy may be right, but nobody can tell here."""

    def __init__(self, what: str, value: str, advice: str) -> None:
        """Name what is unknown, its value as it was given, and what to do."""
        super().__init__("NotRehearsed", f"The rehearsal does not know the {what} {value!r}: {advice}", 400)

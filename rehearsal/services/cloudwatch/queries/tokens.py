"""What the languages of CloudWatch's queries have in common: they are read token by token."""

import re
from collections.abc import Iterator

from rehearsal.services.cloudwatch.queries.samples import NotKnownError


def tokenized(text: str, token: re.Pattern[str]) -> Iterator[str]:
    """Yield the tokens of a text; raises NotKnownError for what is none."""
    at = 0
    while text[at:].strip():
        found = token.match(text, at)
        if not found:
            raise NotKnownError(f"cannot read {text[at:].strip()!r} of {text!r}")
        yield found.group().strip()
        at = found.end()

"""Deleting one thing that may be gone already, or may not go yet."""

from collections.abc import Callable, Iterable, Mapping

from botocore.exceptions import ClientError

DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")
GONE = ("NoSuchEntity", "ResourceNotFoundException")


def attempt(what: str, call: Callable[[], object], why_not: Callable[[], Iterable[str]] = tuple) -> str:
    """Delete something and return how that stands; where AWS refuses, with what `why_not` finds."""
    if reason := refusal(call):
        return f"{what} ({'; '.join(why_not()) or reason})"
    return f"{what} (being deleted)"


def refusal(call: Callable[[], object]) -> str:
    """Make a call and return why AWS refuses it, or nothing where it succeeds or the thing is gone.

    A ClientError is raised only where the call is not allowed: other refusals may end.
    """
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in DENIED:
            raise
        return "" if code in GONE or "NotFound" in code else str(error.response["Error"].get("Message", code))
    return ""


def tag_filters(tags: Mapping[str, str]) -> list[dict[str, object]]:
    """Return a filter of EC2 for each of the tags: a resource of the cluster has at least one of them."""
    return [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]


def is_tagged(found: Iterable[Mapping[str, str]], tags: Mapping[str, str]) -> bool:
    """Return whether any of a resource's tags is one of the cluster's."""
    return any(tags.get(each["Key"]) == each.get("Value") for each in found if each["Key"] in tags)

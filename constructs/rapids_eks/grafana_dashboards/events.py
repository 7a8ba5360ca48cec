"""Counters of rare events, as PromQL."""

from collections.abc import Sequence

_GAP = "15m"  # AMP is paid by the samples that a query reads, so it is no longer than the other windows


def new_events(counter: str, window: str, labels: Sequence[str], *, restarting: bool) -> str:
    """Return how many events a counter has got within `window`, for each set of `labels`.

    `increase` is blind to a series' first sample, and such counters come into being with their first event. What was
    there a window ago is looked for further back, so that a gap in the scraping makes no events; and it is looked for
    under `labels` alone, as others change: a GPU gets another pod. With `restarting` the count begins anew in each pod
    that counts.
    """
    identity = ", ".join([*labels, *(["pod"] if restarting else [])])
    now = f"max by ({identity}) ({counter})"
    before = f"max by ({identity}) (last_over_time({counter}[{_GAP}] offset {window}))"
    return f"sum by ({', '.join(labels)}) (clamp_min({now} - ({before} or 0 * {now}), 0))"

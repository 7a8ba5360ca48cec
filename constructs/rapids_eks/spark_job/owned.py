"""What a job may not set by itself, as it is derived from its other fields."""

import re
from collections.abc import Iterable, Iterator

# Keys that are derived, and keys that would change the size or the place of a pod behind the arithmetic's back.
_KEYS = re.compile(
    r"spark\.(?:"
    r"(?:driver|executor)\.(?:cores|memory|memoryOverhead|memoryOverheadFactor|pyspark\.memory)"
    r"|executor\.instances|dynamicAllocation\..*|memory\.offHeap\..*"
    r"|(?:driver|executor|task)\.resource\.gpu\.(?:amount|vendor)|task\.cpus|plugins"
    r"|kubernetes\.(?:(?:driver|executor)\.)?(?:container\.image|memoryOverheadFactor|node\.selector\..*)"
    r"|kubernetes\.(?:driver|executor)\.(?:podTemplate.*|(?:request|limit)\.cores)"
    r"|rapids\.memory\.(?:gpu\.(?:pool|.*allocFraction|.*AllocFraction)|pinnedPool\.size)"
    r"|rapids\.sql\.(?:enabled|concurrentGpuTasks|batchSizeBytes)"
    r"|metrics\.namespace|metrics\.conf\.\*\.sink\.prometheusServlet\..*|ui\.prometheus\.enabled"
    r"|rapids\.shuffle\.mode|shuffle\.manager|submit\.pyFiles|app\.name"
    r")"
)
_OPTIONS = ("--device", "--input", "--output")


def problems(conf: Iterable[str], arguments: Iterable[str]) -> Iterator[str]:
    """Yield settings and arguments that are derived; the job's own would contradict them."""
    for key in conf:
        if _KEYS.fullmatch(key):
            yield f"conf has {key}, which follows from the job's other fields: leave it out and set those"
        elif not key.startswith("spark."):
            yield f'conf has "{key}", but Spark passes over what does not begin with "spark.": correct the name'
    for word in arguments:
        option = word.partition("=")[0]
        # The command line takes the beginning of an option's name for its name.
        if len(option) > len("--") and any(own.startswith(option) for own in _OPTIONS):
            yield f"arguments has {word}, but {', '.join(_OPTIONS)} are set for every run: leave it out"

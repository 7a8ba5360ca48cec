"""Whatever DCGM's exporter writes, no number is published but those that are in it, each under its GPU."""

import math
from collections.abc import Sequence

from dcgm_text import BLANK, BLANK_INT32, NOT_SUPPORTED, Form, Gpu, MigInstance, Workload
from hypothesis import example, given
from hypothesis import strategies as st

from dcgm_cloudwatch.catalogue import PRESETS
from dcgm_cloudwatch.readings import Readings, Window
from dcgm_cloudwatch.scrape import measures
from dcgm_cloudwatch.series import read
from dcgm_cloudwatch.translate import Datum, Shape, translate
from tests.docker.dcgm_cloudwatch.fleet import LABEL, LINE, history
from tests.docker.dcgm_cloudwatch.oracle import Rows, stored

WINDOW = Window(1_800_000_000, 60)
EKS = PRESETS["eks"]
SHAPE = Shape(EKS.metrics, EKS.levels, "c")
FIELDS = ("GPU_UTIL", "MEM_COPY_UTIL", "GPU_TEMP", "POWER_USAGE", "FB_USED", "FB_FREE", "CLOCKS_EVENT_REASONS")
NUMBERS = st.integers(-5, 150) | st.sampled_from([BLANK, BLANK_INT32, NOT_SUPPORTED, 0, 0.5, math.inf, 1e300])
NAMED = st.sampled_from([f"DCGM_FI_DEV_{name}" for name in FIELDS])
ENGINE = st.fixed_dictionaries({"DCGM_FI_PROF_GR_ENGINE_ACTIVE": st.sampled_from([0, 0.25, 1, 7, BLANK])})
PODS = st.builds(Workload, st.sampled_from(["x", "y"]), st.sampled_from(["red", "blue"]))
SLICES = st.builds(MigInstance, st.integers(1, 9), workload=st.none() | PODS, values=ENGINE)
VALUES = st.dictionaries(NAMED, NUMBERS, max_size=4)


@st.composite
def fleets(draw: st.DrawFn) -> list[Gpu]:
    """Draw up to three GPUs on two nodes, whole, shared by pods, or in slices."""
    found = []
    for node, index in draw(st.sets(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 1)), max_size=3)):
        slices = draw(st.lists(SLICES, max_size=3, unique_by=lambda each: each.id))
        pods = draw(st.lists(PODS, max_size=2, unique=True))
        found.append(Gpu(index, node, pods, draw(VALUES), draw(st.lists(NAMED, max_size=2)), instances=slices))
    return found


def published(fleet: Sequence[Gpu], form: Form) -> list[Datum]:
    """Return what the exporter makes of a fleet's text, as Prometheus answers it."""
    series = history(WINDOW.start, WINDOW.end, lambda _: fleet, form, virtual_gpus=True)
    answer = [{"metric": labels, "values": [list(pair) for pair in samples]} for labels, samples in series]
    readings = Readings(WINDOW)
    for measure in measures(EKS.metrics):
        readings.add(measure, [each for each in read(answer) if each.name in measure.fields])
    return translate(readings, {}, SHAPE)


def rows(data: Sequence[Datum]) -> Rows:
    """Return sums and numbers of observations as CloudWatch stores them."""
    found: Rows = {}
    for each in data:
        where = ",".join(sorted(f"{name}={value}" for name, value in each.dimensions))
        total, number = found.setdefault((each.name, where), {}).get(each.moment, (0.0, 0.0))
        total += sum(value * count for value, count in zip(each.values, each.counts, strict=True))
        found[each.name, where][each.moment] = (total, number + sum(each.counts))
    return found


def rounded(some: Rows) -> dict[tuple[str, str], tuple[float, float]]:
    """Round: the text has six digits after the point. Errors are left to tests of their own."""
    return {
        of: (float(f"{total:.5g}"), number)
        for of, minutes in some.items()
        if not of[0].endswith("Errors")
        for total, number in minutes.values()
    }


@given(fleets(), st.sampled_from(["4.8", "4.9"]))
@example([Gpu(0, "a", values={"DCGM_FI_DEV_FB_USED": 0, "DCGM_FI_DEV_FB_FREE": 0})], "4.8")
@example([Gpu(0, "a", instances=[MigInstance(1), MigInstance(2)], values={"DCGM_FI_DEV_GPU_TEMP": BLANK})], "4.9")
def test_what_is_published_is_what_the_gpus_measured(fleet: list[Gpu], form: Form) -> None:
    wanted = stored(WINDOW.start, WINDOW.end, lambda _: fleet, {})
    assert rounded(rows(published(fleet, form))) == rounded(wanted)


@given(st.text(max_size=40) | st.from_regex(LINE, fullmatch=True), st.sampled_from(["4.8", "4.9"]))
def test_a_line_that_is_none_of_dcgms_changes_nothing(line: str, form: Form) -> None:
    """It may even be DCGM's: with other labels it is another series, and of no GPU."""
    fleet = [Gpu(0, "a")]
    found = LINE.fullmatch(line)
    labels = {"__name__": found[1], **dict(LABEL.findall(found[2]))} if found else {"__name__": line}
    readings = Readings(WINDOW)
    other = [{"metric": labels, "values": [[WINDOW.start + 1, found[3] if found else line]]}]
    series = history(WINDOW.start, WINDOW.end, lambda _: fleet, form)
    answer = [{"metric": each, "values": [list(pair) for pair in samples]} for each, samples in series]
    for measure in measures(EKS.metrics):
        readings.add(measure, read([*answer, *other]))
    assert translate(readings, {}, SHAPE) == published(fleet, form)

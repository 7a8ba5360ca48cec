"""Numbers as people read them; a dash stands for what could not be computed."""

NOTHING = "\N{EN DASH}"


def decimal(value: float | None, digits: int = 3) -> str:
    """Return a number with a fixed number of decimals."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return NOTHING if value is None else f"{100 * value:.{digits}f} %"


def count(value: float | None) -> str:
    """Return a whole number with thousands marked."""
    return NOTHING if value is None else f"{value:,.0f}"


def interval(ends: list[float | None] | None, digits: int = 3) -> str:
    """Return an interval, empty where there is none."""
    if not ends or None in ends:
        return ""
    return f"{decimal(ends[0], digits)} to {decimal(ends[1], digits)}"


def duration(seconds: float) -> str:
    """Return seconds as `12.3 s`, or as `2 min 5 s` from two minutes on."""
    minutes = int(seconds // 60)
    return f"{seconds:.1f} s" if minutes < 2 else f"{minutes} min {seconds - 60 * minutes:.0f} s"  # noqa: PLR2004 - as said above

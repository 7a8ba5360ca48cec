"""The settings, read from a file of NAME=value lines and from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dcgm_cloudwatch.catalogue import LEVELS, PRESETS, Metric, Preset
from dcgm_cloudwatch.readings import Labels
from dcgm_cloudwatch.setting_table import MINUTE, TABLE, watermark
from dcgm_cloudwatch.translate import Shape


class SettingsError(Exception):
    """Settings that cannot be used; the message lists every problem."""


@dataclass(frozen=True)
class Settings:
    """What one exporter does; the table below says what each setting means."""

    preset: Preset
    cluster: str
    namespace: str
    prometheus: str
    region: str
    interval: int
    settle: int
    shape: Shape
    labels: Labels
    watermark: str
    listen: tuple[str, int]
    backlog_rate: float
    first_backfill: int
    kubernetes: str

    @property
    def resolution(self) -> int:
        """Seconds that CloudWatch keeps apart: only windows shorter than a minute need more than minutes."""
        return 60 if self.interval >= MINUTE else 1

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that are published."""
        return self.shape.metrics


PROMETHEUS = {"eks": "http://kps-prometheus.monitoring:9090", "parallelcluster": "http://localhost:9090"}
OTHER_NAMES = {"AWS_DEFAULT_REGION": "AWS_REGION"}


def load(environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Return the settings; the environment wins over the file. Raises SettingsError with all problems at once."""
    problems: list[str] = []
    given = {**_from_file(file, problems), **_known(environment)}
    values: dict[str, object] = {}
    for each in TABLE:
        text = given.get(each.name, each.default).strip()
        values[each.name] = ""
        try:
            values[each.name] = each.read(text) if text else ""
        except ValueError as error:
            problems.append(f"{each.name}={text}: {error}")
    preset = PRESETS.get(str(values["PRESET"]))
    if preset is None:
        problems.append(f"PRESET={values['PRESET']}: give one of {', '.join(PRESETS)}")
    if not given.get("CLUSTER_NAME"):
        problems.append("CLUSTER_NAME is not set: give the cluster's name")
    settings = _settings(values, preset or PRESETS["eks"], problems)
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _known(given: Mapping[str, str]) -> dict[str, str]:
    names = {each.name for each in TABLE}
    known = {OTHER_NAMES[name]: text for name, text in given.items() if name in OTHER_NAMES and text}
    return known | {name: text for name, text in given.items() if name in names and text}


def _from_file(file: Path | None, problems: list[str]) -> dict[str, str]:
    if file is None:
        return {}
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{file} cannot be read: {error}")
        return {}
    return dict(_pairs(file, lines, problems))


def _pairs(file: Path, lines: list[str], problems: list[str]) -> list[tuple[str, str]]:
    names, found = {each.name for each in TABLE} | OTHER_NAMES.keys(), []
    for number, line in enumerate(lines, 1):
        name, sign, text = (part.strip() for part in line.partition("="))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not sign or name not in names:
            problems.append(
                f"{file}:{number}: {line.strip()!r} is no setting: give NAME=value, of {', '.join(sorted(names))}"
            )
        else:
            found.append((OTHER_NAMES.get(name, name), text.strip("\"'")))
    return found


def _settings(values: Mapping[str, object], preset: Preset, problems: list[str]) -> Settings:
    cluster = str(values["CLUSTER_NAME"])
    known = {each.name: each for each in preset.metrics}
    levels = _chosen("AGGREGATION", values, preset.levels, LEVELS, problems)
    chosen = _chosen("METRICS", values, preset.chosen, tuple(known), problems)
    named = [known[name] for name in chosen if name in known]
    if named and not any({*levels} & {*each.levels} for each in named):
        problems.append(f"AGGREGATION={','.join(levels)}: {','.join(chosen)} has none of it: add cluster, or a metric")
    try:
        kept = watermark(str(values["WATERMARK"]) or preset.watermark)
    except ValueError as error:
        kept = ""
        problems.append(f"WATERMARK={values['WATERMARK']}: {error}")
    namespace = str(values["NAMESPACE"]) or preset.namespace.format(cluster=cluster)
    if not re.fullmatch(r"[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}", namespace) or namespace.startswith("AWS/"):
        problems.append(f"NAMESPACE={namespace}: give 1 to 255 of letters, digits and . _ / # : -, without AWS/ first")
    return Settings(
        preset=preset,
        cluster=cluster,
        namespace=namespace,
        prometheus=str(values["PROMETHEUS_URL"]) or PROMETHEUS[preset.name],
        region=str(values["AWS_REGION"]),
        interval=_number(values["SCRAPE_INTERVAL"]),
        settle=_number(values["SETTLE"]),
        shape=Shape(
            tuple(known[name] for name in chosen if name in known),
            levels,
            cluster if preset.cluster_dimension else None,
        ),
        labels=Labels(_texts(values["INSTANCE_ID_LABELS"]), str(values["TEAM_LABEL"])),
        watermark=kept,
        listen=_address(values["LISTEN"]),
        backlog_rate=float(str(values.get("BACKLOG_REQUESTS") or 1)),
        first_backfill=_number(values["FIRST_BACKFILL"]),
        kubernetes=str(values["KUBERNETES_URL"]),
    )


def _chosen(
    name: str, values: Mapping[str, object], default: tuple[str, ...], allowed: tuple[str, ...], problems: list[str]
) -> tuple[str, ...]:
    chosen = _texts(values.get(name)) or default
    wrong = [each for each in chosen if each not in allowed]
    if wrong:
        problems.append(
            f"{name}={','.join(chosen)}: {', '.join(wrong)} is not known: give some of {', '.join(allowed)}"
        )
    return chosen


def _texts(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _address(value: object) -> tuple[str, int]:
    return value if isinstance(value, tuple) else ("", 0)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0

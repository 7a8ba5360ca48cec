"""The pod templates that a job brings: what EMR lets them say, and how Spark fills them in."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from rehearsal.emr.sizes import BadSetting

Item = dict[str, Any]
# https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/pod-templates.html#pod-template-fields
OF_POD = frozenset(
    (
        *("activeDeadlineSeconds", "affinity", "containers", "enableServiceLinks", "ephemeralContainers"),
        *("hostAliases", "hostname", "imagePullSecrets", "initContainers", "nodeName", "nodeSelector", "overhead"),
        *("preemptionPolicy", "priority", "priorityClassName", "readinessGates", "restartPolicy", "runtimeClassName"),
        *("schedulerName", "subdomain", "terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints"),
        "volumes",
    )
)
OF_CONTAINER = frozenset(
    (
        *("env", "envFrom", "name", "lifecycle", "livenessProbe", "readinessProbe", "resources", "startupProbe"),
        *("stdin", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty", "volumeDevices"),
        *("volumeMounts", "workingDir"),
    )
)


def read(text: str, main: str) -> Item:
    """Return a template whose main container is named `main`; raise BadSetting for what EMR or Spark refuses."""
    try:
        template = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadSetting(
            f"Encountered exception while attempting to load initial pod spec from file: {error}"
        ) from error
    if not isinstance(template, dict) or template.get("kind") != "Pod":
        raise BadSetting("Encountered exception while attempting to load initial pod spec from file: it is no Pod")
    _refuse("pod", template, {"apiVersion", "kind", "metadata", "spec"})
    spec = template.get("spec") or {}
    _refuse("pod.spec", spec, OF_POD)
    for container in spec.get("containers", []):
        if container.get("name") == main:
            _refuse("container", container, OF_CONTAINER)
    return template


def _refuse(place: str, given: Mapping[str, Any], allowed: Iterable[str]) -> None:
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        raise BadSetting(f"Pod template: {place}.{unknown[0]} is not allowed; see the fields that EMR on EKS supports")


def fill(template: Item, pod: Item, main: Item, sidecars: list[Item]) -> Item:
    """Return the pod that Spark makes of a template: names, labels, resources and service account are Spark's."""
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    given = list(spec.get("containers", []))
    own: Item = next((each for each in given if each.get("name") == main["name"]), {})
    others = [each for each in given if each is not own]
    labels = {**meta.get("labels", {}), **pod["metadata"].get("labels", {})}
    notes = {**meta.get("annotations", {}), **pod["metadata"].get("annotations", {})}
    return {
        **pod,
        "metadata": {**meta, **pod["metadata"], "labels": labels, "annotations": notes},
        "spec": {
            **spec,
            **pod["spec"],
            "nodeSelector": {**spec.get("nodeSelector", {}), **pod["spec"].get("nodeSelector", {})},
            "volumes": [*spec.get("volumes", []), *pod["spec"].get("volumes", [])],
            "containers": [_main(own, main), *others, *sidecars],
        },
    }


def _main(own: Item, main: Item) -> Item:
    lists = ("env", "volumeMounts")
    merged = {name: [*own.get(name, []), *main.get(name, [])] for name in lists if own.get(name) or main.get(name)}
    resources = {
        kind: {**own.get("resources", {}).get(kind, {}), **main["resources"].get(kind, {})}
        for kind in ("requests", "limits")
    }
    return {**own, **main, **merged, "resources": resources}

"""What an add-on is told: only settings that its schema has; and its version, of which few are known."""

import json
from typing import Any

import pytest

from rehearsal.wire.call import Refused


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"nodeSelectors": {}}, r"\$.nodeSelectors: is not defined in the schema"),
        ({"nodeSelector": "core"}, r"\$.nodeSelector: string found, object expected"),
        ({"secrets-store-csi-driver": {"nodeSelector": {}}}, r"\$.secrets-store-csi-driver.nodeSelector: is not def"),
        ({"secrets-store-csi-driver": {"syncSecret": {"enabled": "yes"}}}, "string found, boolean expected"),
    ],
)
def test_a_setting_that_the_secrets_add_on_is_not_known_to_take_is_refused(
    account: Any,  # noqa: ANN401
    values: dict[str, Any],
    said: str,
) -> None:
    account.cluster()
    given = {"clusterName": "c", "addonName": "aws-secrets-store-csi-driver-provider"}
    with pytest.raises(Refused, match=said):
        account.call("CreateAddon", {**given, "configurationValues": json.dumps(values)})
    taken = {"nodeSelector": {"a": "b"}, "secrets-store-csi-driver": {"syncSecret": {"enabled": True}}}
    account.call("CreateAddon", {**given, "configurationValues": json.dumps(taken)})
    with pytest.raises(Refused, match=said):
        account.call("UpdateAddon", {**given, "configurationValues": json.dumps(values)})


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("coredns", "1.2.3"),
        ("coredns", "v1.13.2-eksbuild.99"),
        ("kube-proxy", "v1.34.1-eksbuild.2"),
        ("snapshot-controller", "newest"),
    ],
)
def test_a_version_that_the_add_on_is_not_known_to_have_is_refused(account: Any, name: str, version: str) -> None:  # noqa: ANN401
    account.cluster()
    given = {"clusterName": "c", "addonName": name}
    with pytest.raises(Refused, match=f"Addon version specified is not supported: {version}"):
        account.call("CreateAddon", {**given, "addonVersion": version})
    (listed,) = account.call("DescribeAddonVersions", {"addonName": name, "kubernetesVersion": "1.35"})["addons"]
    (known,) = [each["addonVersion"] for each in listed["addonVersions"]]
    account.call("CreateAddon", {**given, "addonVersion": known})
    with pytest.raises(Refused, match="is not supported"):
        account.call("UpdateAddon", {**given, "addonVersion": version})
    assert account.call("DescribeAddonVersions", {"addonName": name, "kubernetesVersion": "1.30"})["addons"] == []

"""What all nodes of managed groups have in common."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct


class NodeTemplate(ec2.LaunchTemplate):
    """A launch template with an encrypted root volume, whose nodes keep their credentials from pods.

    The group adds its image, its part of the user data and the cluster's security group.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        root_volume_gib: int,
        root_device: str = "/dev/xvda",
        user_data: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Make it; `name` and `tags` are those of instances and volumes."""
        root = ec2.BlockDeviceVolume.ebs(
            root_volume_gib, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3, delete_on_termination=True
        )
        super().__init__(
            scope,
            id,
            block_devices=[ec2.BlockDevice(device_name=root_device, volume=root)],
            user_data=ec2.UserData.custom(user_data) if user_data else None,
            http_endpoint=True,
            http_tokens=ec2.LaunchTemplateHttpTokens.REQUIRED,
            # Only the host's network reaches the metadata, so that no pod gets the node's credentials. Nothing needs
            # more: roles come by Pod Identity, and the EBS CSI driver reads what it must know from the node's labels.
            http_put_response_hop_limit=1,
        )
        for key, value in {"Name": name, **(tags or {})}.items():
            cdk.Tags.of(self).add(key, value)

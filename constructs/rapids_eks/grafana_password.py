"""The password of Grafana's administrator."""

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from rapids_eks.acknowledged import acknowledge
from rapids_eks.awaited_resource.permission import Permission

SECRET_CLASS = "grafana-password"  # noqa: S105 - name of an object
MOUNT, FILE = "/mnt/secrets-store", "admin-password"
LENGTH = 40


class GrafanaPassword(Construct):
    """A password that Secrets Manager makes up and nobody else knows, as a plain string. Exposes `name` and `reading`.

    CloudFormation deletes it at once, so that its name is free for the next deployment.
    """

    def __init__(self, scope: Construct, id: str, *, name: str) -> None:  # noqa: A002 - CDK's own name for it
        """Make it; `name` is the system's."""
        super().__init__(scope, id)
        self.name = f"{name}-grafana"
        made_up = secretsmanager.SecretStringGenerator(password_length=LENGTH, exclude_punctuation=True)
        secret = secretsmanager.Secret(
            self,
            "Secret",
            secret_name=self.name,
            description=f"Password of the user admin of Grafana in {name}",
            generate_secret_string=made_up,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(secret, "SMG4", "Grafana has to be told of a new password, which is a command of two steps")
        self._arn = secret.secret_arn
        self.reading = Permission(["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], [self._arn])

    def manifest(self, namespace: str, region: str) -> dict[str, Any]:
        """Return the object by which pods of a namespace get the password as a file.

        https://github.com/aws/secrets-store-csi-driver-provider-aws#secretproviderclass-options
        """
        wanted = {"objectName": self._arn, "objectType": "secretsmanager", "objectAlias": FILE}
        parameters = {"region": region, "usePodIdentity": "true", "objects": json.dumps([wanted])}
        return {
            "apiVersion": "secrets-store.csi.x-k8s.io/v1",
            "kind": "SecretProviderClass",
            "metadata": {"name": SECRET_CLASS, "namespace": namespace},
            "spec": {"provider": "aws", "parameters": parameters},
        }

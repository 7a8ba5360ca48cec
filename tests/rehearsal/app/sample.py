"""A small CDK application with every mechanism that the rehearsal has to stand in for."""

import os

import aws_cdk as cdk
from network import NetworkStack
from platform_stack import PlatformStack

app = cdk.App()
network = NetworkStack(app, "SampleNetwork")
PlatformStack(app, "SamplePlatform", vpc=network.vpc, note=os.environ.get("SAMPLE_NOTE", "first"))
app.synth()

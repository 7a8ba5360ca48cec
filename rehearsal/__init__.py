"""The AWS that runs on this machine: one port on loopback that the real cdk, kubectl and helm talk to."""

"""The service-linked role of EC2 Spot."""

"""Nodes that the Cluster Autoscaler starts and stops."""

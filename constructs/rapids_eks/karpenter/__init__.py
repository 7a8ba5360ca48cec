"""Nodes that Karpenter starts and stops."""

"""Nodes that Karpenter made, and their end."""

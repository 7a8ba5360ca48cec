"""Constructs for GPU Spark on EKS; each takes plain values and exposes what it made as attributes."""

"""A custom resource whose deletion is waited for."""

"""Carries every closed minute of GPU metrics from Prometheus to CloudWatch, at least once, across outages."""

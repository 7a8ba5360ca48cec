"""The program that brings GPU metrics from Prometheus to CloudWatch."""

"""A dashboard of GPU metrics in CloudWatch."""

"""The log group of an EKS control plane."""

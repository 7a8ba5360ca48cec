"""What is swept up after a cluster."""

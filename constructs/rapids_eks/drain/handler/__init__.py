"""What runs on Lambda."""

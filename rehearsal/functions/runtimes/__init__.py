"""What runs inside an environment; started by path, never imported."""

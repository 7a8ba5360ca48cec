"""The bucket with the teams' data."""

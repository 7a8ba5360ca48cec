"""Helm's repositories: what the real helm is answered when it asks the internet for a chart."""

"""Widgets in a dashboard that somebody else owns."""

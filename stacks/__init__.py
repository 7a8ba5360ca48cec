"""The units of deployment: wiring only."""

"""The Prometheus that is deployed, as a program of this machine: built from source, started, and what it writes to."""

"""Lambda: runs the very zips and layers that were uploaded, each environment in a process of its own."""

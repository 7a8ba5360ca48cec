"""What stops a deployment or a run, or costs more than expected, found before money is spent; nothing is changed."""

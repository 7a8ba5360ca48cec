"""Job runs of the teams: started, watched, cancelled, listed and read."""

"""What people at a terminal do around a deployment: look before it costs money, then start, watch and read runs."""

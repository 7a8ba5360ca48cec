"""What is measured of GPUs: the exporter's fields, how they are scraped, and the rules over them."""

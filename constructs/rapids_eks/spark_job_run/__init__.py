"""A run of a Spark job as a resource of a stack."""

"""EMR on EKS job runs: pods that must be scheduled, and Spark that really runs."""

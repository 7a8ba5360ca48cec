"""Who may do what: IAM's policy evaluation for every call of the rehearsal."""

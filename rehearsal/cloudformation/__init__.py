"""A CloudFormation engine driven by the registry's schemas."""

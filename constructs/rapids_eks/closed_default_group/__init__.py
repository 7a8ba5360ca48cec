"""The default security group of a VPC, without its rules."""

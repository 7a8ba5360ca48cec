"""AWS's requests and answers, read and written by botocore's own service models."""

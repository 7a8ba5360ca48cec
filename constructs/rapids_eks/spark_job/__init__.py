"""The description of a Spark job on GPUs, and the request that starts it: plain values, no CDK and no AWS."""

"""CloudWatch: metrics as PutMetricData stores them, refused where AWS refuses them."""

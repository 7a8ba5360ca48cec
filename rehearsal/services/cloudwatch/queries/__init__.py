"""What CloudWatch's dashboards and alarms would show of stored metrics: SEARCH, metric math, Metrics Insights."""

"""Grafana's dashboards as code: pure functions that return what Grafana loads as JSON, no CDK and no AWS."""

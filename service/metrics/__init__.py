"""What a monitoring system reads: figures in Prometheus' text format.

`page` puts a scrape together, `families` names and explains every metric. Where the figures
come from is the business of `wiring`; what they mean for an operator stands in
docs/metrics.md, and a test keeps that page and this folder alike.
"""

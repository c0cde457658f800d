"""Tests of deploy/monitoring, by Prometheus itself."""

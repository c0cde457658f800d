"""Schemas of the custom resources that deploy/chart renders."""

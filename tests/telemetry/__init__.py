"""Telemetry, seen from where it arrives."""

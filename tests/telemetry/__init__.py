"""Telemetry, tested where it arrives."""

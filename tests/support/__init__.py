"""Helpers for several folders: real processes, an OTLP receiver."""

"""Reads from a streaming replica that may lag, though never behind the caller's own writes."""

"""Implementations of the domain's ports, a folder per technology; none imports another."""

"""Limits of the rate of requests, by class of route, for each user or else each client address."""

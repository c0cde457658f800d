"""The commands of the command line: a function for each, which returns the exit code.

Functions in one module need the same imports; only the module of the chosen command is loaded, as
most commands need little of the service.
"""

"""What the command line can do: a module for what is loaded together, a function for each command.

Each takes the parsed arguments and returns the exit code; only the module that is asked for is
loaded, for most of them need little of the service.
"""

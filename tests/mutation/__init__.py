"""Mutation testing: a seeded sample of small changes to the source, and whether a test notices.

A program of its own: mutmut changes what stands in functions that are not decorated, and texts by
putting XX around them; cosmic-ray runs one command for every mutant. Much of what counts here is
SQL, in statements that modules define: no library leaves out a condition, a lock or a limit.
"""

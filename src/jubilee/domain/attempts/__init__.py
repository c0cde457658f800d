"""Attempts at passwords: what bounds guessing.

Each attempt is counted before a hash is computed. The counter of an account bounds many guesses
at one password, that of a client address one guess at many passwords.

An address from which an account has signed in before has a counter of its own for that account:
guesses from elsewhere never lock a known device out. They never end or delay a session either:
neither an access token nor a refresh is an attempt.
"""

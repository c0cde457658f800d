"""Service accounts: accounts of machines, which act by tokens and never sign in."""

"""Sign-in by other providers: their identities, and the accounts that they are linked with."""

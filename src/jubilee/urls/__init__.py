"""URLs of servers, as settings hold them: each kind is checked and parsed here."""

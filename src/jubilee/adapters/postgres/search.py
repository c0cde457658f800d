"""Finding words and their beginnings through a GIN index, whatever the words contain."""

from sqlalchemy import ColumnElement, Text, bindparam, func, literal_column

from jubilee.adapters.postgres.tables import PUNCTUATION

MOST_WORDS = 16
_SPACES = str.maketrans(PUNCTUATION, " " * len(PUNCTUATION))


def query(search: str) -> str:
    """A tsquery in which every word is a beginning; what parts words in the index parts them here.

    Without a single word it is empty, and finds nothing.
    """
    words = search.translate(_SPACES).split()[:MOST_WORDS]
    return " & ".join(f"'{word}':*" for word in words)


def matches(words: str) -> ColumnElement[bool]:
    """That the text-search vector of the SQL `words` answers the query bound as `words`."""
    asked = func.to_tsquery(literal_column("'simple'"), bindparam("words", type_=Text))
    return literal_column(words).bool_op("@@")(asked)

"""Sentences that several descriptions of the OpenAPI document share."""

PAGED = "Returns at most `limit` rows; `next_cursor` and the `Link` header lead to the next page."
PATCHED = (
    "The body is a JSON merge patch (RFC 7396): absent members are kept, `null` removes a value."
)

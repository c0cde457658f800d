"""Patterns and descriptions of texts for the OpenAPI document.

The patterns are valid in ECMA-262 with and without the u flag, in Python and in Rust, so they use
no Unicode properties and no characters beyond U+FFFF. They accept everything that the service
accepts; its own rules (`jubilee.domain.text`, `jubilee.domain.usernames`) are stricter, as the
descriptions say.
"""

from dataclasses import dataclass

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema

CONTROLS = r"\u0000-\u001F\u007F-\u009F"
LINE_BREAKS = r"\u2028\u2029"
DIRECTIONS = r"\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069"
INVISIBLE = r"\u00AD\u200B\u2060-\u2065\u206A-\u206F\uFEFF\uFFF9-\uFFFB"
PRIVATE = r"\uE000-\uF8FF"
NONCHARACTERS = r"\uFDD0-\uFDEF\uFFFE\uFFFF"
NOT_IN_A_LINE = CONTROLS + LINE_BREAKS + DIRECTIONS + INVISIBLE + PRIVATE + NONCHARACTERS
NOT_IN_A_TEXT = r"\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F" + DIRECTIONS + NONCHARACTERS
NOT_IN_A_USERNAME = (
    r"\u0000-\u002C\u002F\u003A-\u0040\u005B-\u005E\u0060\u007B-\u00A9\u2000-\u206F"
    + PRIVATE
    + NONCHARACTERS
)

LINE_PATTERN = f"^[^{NOT_IN_A_LINE}]*$"
TITLE_PATTERN = rf"^[^{NOT_IN_A_LINE}]*[^\s{NOT_IN_A_LINE}][^{NOT_IN_A_LINE}]*$"
TEXT_PATTERN = f"^[^{NOT_IN_A_TEXT}]*$"
USERNAME_PATTERN = rf"^[^\u002D\u002E\u005F{NOT_IN_A_USERNAME}][^{NOT_IN_A_USERNAME}]*$"

LINE_TEXT = (
    "one line of visible characters, stored in NFC; without control characters, line breaks,"
    " characters that are invisible, change the direction of text, are unassigned or for private"
    " use"
)
BODY_TEXT = (
    "text with tabs and line breaks, stored in NFC; without other control characters and"
    " characters that change the direction of text"
)
USERNAME_TEXT = (
    "letters of one script (Japanese, Korean and Chinese count as one each), digits, `.`, `_` and"
    " `-`, starting with a letter or digit; RFC 8265, UsernameCaseMapped: compared without regard"
    " to case and width"
)


@dataclass(frozen=True, slots=True)
class DocumentedPattern:
    """Annotation of a text with a pattern that is documented, not validated."""

    pattern: str

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Add the pattern to the schema; called by Pydantic."""
        return {**handler(schema), "pattern": self.pattern}

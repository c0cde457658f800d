"""Which metrics a query of PromQL speaks of, and by which labels it chooses them."""

import re

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
NAME = re.compile(r"\b[a-zA-Z_:][a-zA-Z0-9_:]*\b(?!\s*\()")
SELECTOR = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}')
LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
KEYWORDS = {"and", "or", "unless", "bool", "offset"}


def metrics(expression: str) -> set[str]:
    """The names of its metrics."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", STRING.sub("", expression))
    return set(NAME.findall(GROUPING.sub(" ", bare))) - KEYWORDS


def selectors(expression: str) -> set[str]:
    """Its metrics together with the labels in braces."""
    return set(SELECTOR.findall(expression))


def labels(selector: str) -> set[str]:
    """The labels by which a selector chooses."""
    return set(LABEL.findall(selector))

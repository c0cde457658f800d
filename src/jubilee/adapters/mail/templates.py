"""Renders mail from Jinja templates: plain text, and an HTML part made from its paragraphs."""

import re
from collections.abc import Mapping
from textwrap import fill

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from jubilee.domain.mail import MailTemplates, RenderedMail
from jubilee.domain.text import printable
from jubilee.languages.catalogs import DEFAULT_LANGUAGE, LANGUAGES, messages

LINE_CHARS = 76
BLANK_LINES = re.compile(r"\n\s*\n")
HTML = "letter.html"
SIGNATURE = "Jubilee"


class JinjaTemplates(MailTemplates):
    """`templates/<name>.txt` in every language; its first paragraph is the subject."""

    def __init__(self, public_url: str = "") -> None:
        """`public_url` is the service's, which every message links to; empty: none has a link.

        Templates are compiled when they are first rendered: the API enqueues mail, and sends none.
        """
        self._public_url = public_url
        self._environments: dict[str, Environment] = {}

    def render(self, name: str, language: str | None, /, **values: object) -> RenderedMail:
        """Render a template; text values are reduced to one line."""
        known = language if language in LANGUAGES else DEFAULT_LANGUAGE
        written = self._template(known, f"{name}.txt").render(_flat(values))
        subject, *paragraphs = (_line(part) for part in BLANK_LINES.split(written.strip()))
        signature = [SIGNATURE, *([self._public_url] if self._public_url else [])]
        text = "\n\n".join([*map(_wrapped, paragraphs), "\n".join(signature)])
        html = self._template(known, HTML).render(
            language=known, title=subject, paragraphs=paragraphs, signature=SIGNATURE
        )
        return RenderedMail(subject, text + "\n", html)

    def _template(self, language: str, name: str) -> Template:
        if language not in self._environments:
            self._environments[language] = _environment(language, self._public_url)
        return self._environments[language].get_template(name)


def _environment(language: str, public_url: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("jubilee.adapters.mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    catalog = messages(language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        catalog.gettext, catalog.ngettext, newstyle=True
    )
    environment.globals["public_url"] = public_url
    return environment


def _wrapped(paragraph: str) -> str:
    return fill(paragraph, LINE_CHARS, break_long_words=False, break_on_hyphens=False)


def _flat(values: Mapping[str, object]) -> dict[str, object]:
    return {n: _line(value) if isinstance(value, str) else value for n, value in values.items()}


def _line(text: str) -> str:
    return " ".join(printable(text, " ").split())

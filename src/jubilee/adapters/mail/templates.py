"""Renders mail from Jinja templates: one for the plain text, one for the HTML part."""

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from jubilee.domain.mail import MailTemplates, RenderedMail
from jubilee.domain.text import printable


class JinjaTemplates(MailTemplates):
    """`templates/<name>.txt`, whose first line is the subject, and `templates/<name>.html`."""

    def __init__(self, public_url: str = "") -> None:
        """Compile all templates, so that a broken one fails at startup.

        `public_url` is the service's, which every message links to; empty: none has a link.
        """
        environment = Environment(
            loader=PackageLoader("jubilee.adapters.mail"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        environment.globals["public_url"] = public_url
        names = environment.list_templates(extensions=["txt", "html"])
        self._templates = {name: environment.get_template(name) for name in names}

    def render(self, name: str, /, **values: object) -> RenderedMail:
        """Render a template; text values are reduced to one line."""
        flat = _flat(values)
        text = self._templates[f"{name}.txt"].render(flat)
        subject, _, body = text.partition("\n")
        html = self._templates[f"{name}.html"].render(flat)
        return RenderedMail(subject.strip(), body.strip() + "\n", html)


def _flat(values: Mapping[str, object]) -> dict[str, object]:
    return {n: _line(value) if isinstance(value, str) else value for n, value in values.items()}


def _line(text: str) -> str:
    return " ".join(printable(text, " ").split())

"""The mail templates."""

from dataclasses import fields
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from jubilee.adapters.mail import templates as templates_module
from jubilee.adapters.mail.templates import JinjaTemplates
from jubilee.domain.account_mail import MailTemplate
from jubilee.domain.mail import RenderedMail
from jubilee.domain.users.user import User
from jubilee.languages.catalogs import LANGUAGES

VALUES = {"name": "Zoe", "unsubscribe_url": ""}


@pytest.fixture(scope="module")
def templates() -> JinjaTemplates:
    return JinjaTemplates()


def test_a_mail_has_subject_text_and_html(templates: JinjaTemplates) -> None:
    mail = templates.render("welcome", None, name="Zoe Quill", email="zoe@example.com")
    assert mail.subject == "Welcome to Jubilee"
    assert mail.text.startswith("Hello Zoe Quill,\n\nan account was created for zoe@example.com.")
    assert mail.text.endswith("\nJubilee\n")
    assert "<p>Hello Zoe Quill,</p>" in (mail.html or "")


def test_the_welcome_mail_says_what_the_default_of_birthday_greeting_does(
    templates: JinjaTemplates,
) -> None:
    (default,) = (f.default for f in fields(User) if f.name == "birthday_greeting")
    mail = templates.render("welcome", None, name="Zoe", email="zoe@example.com")
    assert default is True
    for text in (mail.text, mail.html or ""):
        assert "We send a greeting on your birthday" in text
        assert "turn this greeting off in your account" in " ".join(text.split())
        assert "birthday_greeting" in text


@pytest.mark.parametrize("name", ["welcome", "birthday"])
def test_check_17_a_mail_links_to_the_public_url_alone(
    templates: JinjaTemplates, name: str
) -> None:
    url, values = "https://api.example/service", {**VALUES, "email": "zoe@example.com"}
    mail = JinjaTemplates(url).render(name, None, **values)
    assert mail.text.endswith(f"\nJubilee\n{url}\n")
    assert f'<a href="{url}">{url}</a>' in (mail.html or "")
    plain = templates.render(name, None, **values)
    assert "://" not in plain.text + (plain.html or "")


def greeting(templates: JinjaTemplates, name: str) -> RenderedMail:
    return templates.render("birthday", None, **{**VALUES, "name": name})


def test_the_mail_about_a_deletion_that_an_older_version_has_queued_leads_to_the_page() -> None:
    """Its job names no link, so that the mail has neither token nor code."""
    values = {"name": "Zoe", "email": "zoe@example.com", "due": "2026-12-04 09:00"}
    mail = JinjaTemplates("https://jubilee.test").render("deletion_waits", None, **values)
    assert "https://jubilee.test/account/restore\n" in mail.text


def test_a_missing_name_leaves_no_gap(templates: JinjaTemplates) -> None:
    assert greeting(templates, "").subject == "Happy birthday!"
    assert greeting(templates, "Zoe").subject == "Happy birthday, Zoe!"
    assert greeting(templates, "").text.startswith("Hello,\n")


def test_a_name_is_escaped_in_html(templates: JinjaTemplates) -> None:
    mail = greeting(templates, "<img src=x> & Zoe")
    assert "&lt;img src=x&gt; &amp; Zoe" in (mail.html or "")
    assert "<img" not in (mail.html or "")
    assert "<img src=x> & Zoe" in mail.text


def test_a_name_cannot_add_lines(templates: JinjaTemplates) -> None:
    mail = templates.render(
        "birthday", None, **{**VALUES, "name": "Zoe\r\nBcc: eve@example.com\u2028\x00!"}
    )
    assert mail.subject == "Happy birthday, Zoe Bcc: eve@example.com !!"
    assert mail.text.splitlines()[0] == "Hello Zoe Bcc: eve@example.com !,"


def test_a_missing_value_of_a_template_is_an_error(templates: JinjaTemplates) -> None:
    with pytest.raises(UndefinedError):
        templates.render("welcome", None, name="Zoe")


def test_every_mail_has_a_template_that_compiles_in_every_language() -> None:
    folder = Path(templates_module.__file__).with_name("templates")
    names = {path.stem for path in folder.glob("*.txt")}
    assert names >= {template.value for template in MailTemplate}
    renderer = JinjaTemplates("https://api.example")
    for language in LANGUAGES:
        for path in folder.iterdir():
            assert renderer._template(language, path.name).name == path.name

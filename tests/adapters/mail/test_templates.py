"""What the service writes."""

from dataclasses import fields

import pytest
from jinja2 import UndefinedError

from jubilee.adapters.mail.templates import JinjaTemplates
from jubilee.domain.users.user import User


@pytest.fixture(scope="module")
def templates() -> JinjaTemplates:
    return JinjaTemplates()


def test_a_letter_has_a_subject_a_text_and_a_page(templates: JinjaTemplates) -> None:
    letter = templates.render("welcome", name="Zoe Quill", email="zoe@example.com")
    assert letter.subject == "Welcome to Jubilee"
    assert letter.text.startswith("Hello Zoe Quill,\n\nan account was made for zoe@example.com.")
    assert letter.text.endswith("\nJubilee\n")
    assert "<p>Hello Zoe Quill,</p>" in (letter.html or "")


def test_the_welcome_mail_says_what_the_default_of_birthday_greeting_does(
    templates: JinjaTemplates,
) -> None:
    (default,) = (f.default for f in fields(User) if f.name == "birthday_greeting")
    mail = templates.render("welcome", name="Zoe", email="zoe@example.com")
    assert default is True
    for text in (mail.text, mail.html or ""):
        assert "We send a greeting on your birthday" in text
        assert "turn this greeting off in your account" in " ".join(text.split())
        assert "birthday_greeting" in text


def test_without_a_name_there_is_no_gap(templates: JinjaTemplates) -> None:
    assert templates.render("birthday", name="").subject == "Happy birthday!"
    assert templates.render("birthday", name="Zoe").subject == "Happy birthday, Zoe!"
    assert templates.render("birthday", name="").text.startswith("Hello,\n")


def test_a_name_is_no_markup(templates: JinjaTemplates) -> None:
    letter = templates.render("birthday", name="<img src=x> & Zoe")
    assert "&lt;img src=x&gt; &amp; Zoe" in (letter.html or "")
    assert "<img" not in (letter.html or "")
    assert "<img src=x> & Zoe" in letter.text


def test_a_name_stays_on_its_line(templates: JinjaTemplates) -> None:
    letter = templates.render("birthday", name="Zoe\r\nBcc: eve@example.com\u2028\x00!")
    assert letter.subject == "Happy birthday, Zoe Bcc: eve@example.com !!"
    assert letter.text.splitlines()[0] == "Hello Zoe Bcc: eve@example.com !,"


def test_what_a_letter_speaks_of_must_be_given(templates: JinjaTemplates) -> None:
    with pytest.raises(UndefinedError):
        templates.render("welcome", name="Zoe")

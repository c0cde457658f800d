"""What the service writes."""

import pytest
from jinja2 import UndefinedError

from jubilee.adapters.mail.templates import JinjaTemplates


@pytest.fixture(scope="module")
def templates() -> JinjaTemplates:
    return JinjaTemplates()


def test_a_letter_has_a_subject_a_text_and_a_page(templates: JinjaTemplates) -> None:
    letter = templates.render("welcome", name="Zoe Quill", email="zoe@example.com")
    assert letter.subject == "Welcome to Jubilee"
    assert letter.text.startswith("Hello Zoe Quill,\n\nan account was made for zoe@example.com.")
    assert letter.text.endswith("\nJubilee\n")
    assert "<p>Hello Zoe Quill,</p>" in (letter.html or "")


def test_nobody_is_called_nothing(templates: JinjaTemplates) -> None:
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

"""Rules for passwords."""

import pytest

from jubilee.adapters.common_passwords import common_passwords
from jubilee.domain.errors import Invalid
from jubilee.domain.passwords import (
    MAX_PASSWORD_CHARS,
    PasswordRules,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)

RULES = PasswordRules(8, common_passwords())
EMAIL, USERNAME, FULL_NAME = "zoe.quill@example.com", "zoe-the-quill", "Zoë Quillington"


def refusal(password: str, rules: PasswordRules = RULES) -> type[Invalid] | None:
    """Return the error of the rule that the password breaks."""
    try:
        rules.check(password, (EMAIL, USERNAME, FULL_NAME))
    except Invalid as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "  leading and trailing  ",
        "🐴🔋📎🎂🎈🎁🎉🎊",
        "alllowercase",
        "pässwörter",
        "x" * 7 + "y",
        "xy" * (MAX_PASSWORD_CHARS // 2),
        "z" * 64 + "q",
    ],
)
def test_check_2_long_and_uncommon_passwords_are_accepted(password: str) -> None:
    assert refusal(password) is None


@pytest.mark.parametrize("password", ["", "qzkwvjx", "🐴🔋📎🎂🎈🎁🎉", "é" * 7])
def test_check_3_short_passwords_are_refused_counting_code_points(password: str) -> None:
    assert refusal(password) is PasswordTooShort


def test_the_error_points_to_the_member_without_the_password() -> None:
    with pytest.raises(PasswordTooShort) as refused:
        RULES.check("qzkwvjx", (EMAIL, None))
    assert refused.value.pointer == "/password"
    assert "qzkwvjx" not in str(refused.value)


def test_check_1_the_minimum_length_is_configurable() -> None:
    assert refusal("correct horse", PasswordRules(15, ())) is PasswordTooShort
    assert refusal("correct horse b", PasswordRules(15, ())) is None


@pytest.mark.parametrize("length", [MAX_PASSWORD_CHARS + 1, 10_000])
def test_check_4_overlong_passwords_are_refused(length: int) -> None:
    assert refusal("🎂" * length) is PasswordTooLong


@pytest.mark.parametrize(
    "password",
    ["password", "PASSWORD", "baseball", "\uff50assword", "12345678", "iloveyou"],
)
def test_check_5_common_passwords_are_refused_in_any_case(password: str) -> None:
    assert refusal(password) is PasswordTooCommon


@pytest.mark.parametrize("password", [EMAIL, EMAIL.upper(), "zoe.quill", USERNAME, "Zoe-The-Quill"])
def test_check_5_the_accounts_own_names_are_refused(password: str) -> None:
    assert refusal(password) is PasswordTooCommon


def test_check_5_the_products_name_is_refused() -> None:
    assert refusal("Jubilee", PasswordRules(7, ())) is PasswordTooCommon


@pytest.mark.parametrize(
    "password",
    [
        "Zoe.Quill-1990",
        "jubilee2026!",
        "quillington1",
        "Example-Jubilee_zoe",
        "\uff3a\uff2f\uff25 quill",
    ],
)
def test_check_5_names_with_little_beside_them_are_refused(password: str) -> None:
    assert refusal(password) is PasswordTooCommon


@pytest.mark.parametrize("password", ["a jubilee of horses", "zoe 83719264", "quill&ink&paper"])
def test_a_name_in_a_longer_password_is_accepted(password: str) -> None:
    assert refusal(password) is None


def test_check_5_the_host_of_the_service_is_refused() -> None:
    rules = PasswordRules(8, (), service_names=("shop.birthdays.example",))
    assert refusal("birthdays-shop-1", rules) is PasswordTooCommon
    assert refusal("jubilee-jubilee", rules) is None


def test_the_list_has_thousands_of_passwords_that_could_be_chosen() -> None:
    found = common_passwords()
    assert len(found) > 10_000
    assert all(len(word) >= 8 and word == word.casefold() for word in found)

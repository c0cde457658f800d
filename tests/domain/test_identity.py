"""Access to owned things, keys of names, and person names."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import NotAllowed
from jubilee.domain.identity import (
    MAX_PERSON_NAME_CHARS,
    OPERATOR,
    Credential,
    Principal,
    SessionId,
    UserId,
    is_person_name,
    name_key,
)
from jubilee.domain.scopes import (
    TOKEN_SCOPES,
    USER_RIGHTS,
    InsufficientScope,
    Scope,
    SessionRequired,
)

OWNER, STRANGER = UserId(new_id()), UserId(new_id())
SESSION = SessionId(new_id())
LONGEST = "a" * MAX_PERSON_NAME_CHARS


def token(*scopes: Scope) -> Principal:
    """The principal of an admin's token with these scopes."""
    limits, every = frozenset(scopes), frozenset(Scope)
    kind = Credential.API_TOKEN
    return Principal(OWNER, None, credential=kind, scopes=limits, rights=every)


def test_the_session_of_an_admin_and_an_operator_have_every_scope() -> None:
    for admin in (Principal(OWNER, SESSION, is_admin=True), OPERATOR):
        admin.require(frozenset(Scope))
        assert admin.allowed == frozenset(Scope)


def test_a_token_needs_all_scopes_and_the_refusal_names_them() -> None:
    token(Scope.ITEMS_READ, Scope.ADMIN).require(frozenset({Scope.ITEMS_READ}))
    with pytest.raises(InsufficientScope) as refusal:
        token(Scope.ITEMS_READ).require(frozenset({Scope.ITEMS_READ, Scope.ADMIN}))
    assert refusal.value.needed == "admin items:read"


def test_a_token_never_does_what_needs_a_session() -> None:
    with pytest.raises(SessionRequired):
        token(*TOKEN_SCOPES).require(frozenset({Scope.ACCOUNT}))
    with pytest.raises(SessionRequired):
        _ = token(*TOKEN_SCOPES).session


def test_a_token_lacks_a_scope_although_it_is_the_only_one_of_its_roles() -> None:
    needed = frozenset({Scope.ITEMS_READ})
    with pytest.raises(InsufficientScope):
        Principal(OWNER, None, scopes=frozenset(), rights=needed).require(needed)


def test_a_scope_that_no_role_gives_is_not_allowed() -> None:
    plain = Principal(OWNER, SESSION)
    plain.require(USER_RIGHTS)
    with pytest.raises(NotAllowed) as refusal:
        plain.require(frozenset({Scope.USERS_READ}))
    assert refusal.type is NotAllowed


def test_owners_and_admins_have_access() -> None:
    assert Principal(OWNER, SESSION).may_access(OWNER)
    assert Principal(STRANGER, SESSION, is_admin=True).may_access(OWNER)
    assert not Principal(STRANGER, SESSION).may_access(OWNER)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ZOË", "zoë"),
        ("Zoë", "Zoe\u0308"),
        ("straße", "STRASSE"),
        ("\uff5a\uff4f\uff45", "zoe"),  # full width
        ("\ufb01n", "FIN"),  # a ligature
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
    ],
)
def test_spellings_of_one_name_have_one_key(name: str, other: str) -> None:
    assert name_key(name) == name_key(other)


@pytest.mark.parametrize(("name", "other"), [("zoe", "zoë"), ("ann", "anna"), ("o", "0")])
def test_other_names_have_other_keys(name: str, other: str) -> None:
    assert name_key(name) != name_key(other)


@given(st.text(max_size=20), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_the_key_does_not_depend_on_how_the_name_is_composed(name: str, form: str) -> None:
    spelled = unicodedata.normalize(form, name)  # type: ignore[arg-type]  # one of the four
    assert name_key(spelled) == name_key(name)


@given(st.text(max_size=20))
def test_a_key_is_in_lower_case(name: str) -> None:
    key = name_key(name)
    assert key == unicodedata.normalize("NFKC", key)
    assert not any("A" <= character <= "Z" for character in key)


@pytest.mark.parametrize(
    "name", ["Z", "Zoë", "Zoe\u0308", "नि", "李", "Ōe", LONGEST, "e\u0301" * 64]
)
def test_letters_and_marks_are_names(name: str) -> None:
    assert is_person_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "1", "z1", "z.q", "z q", "z-q", "\u0308z", "zoe\n", "z\0", "z\u200d", "\ud800", "a" * 65],
)
def test_other_characters_and_lengths_are_no_names(name: str) -> None:
    assert not is_person_name(name)

"""Passkeys by py_webauthn, which is loaded when the first passkey is used."""

import json
from asyncio import to_thread
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from jubilee.domain.base64url import decode_base64url
from jubilee.domain.passkeys.passkey import (
    CredentialJson,
    InvalidPasskey,
    KeyAnswer,
    OptionsJson,
    Passkey,
    RegisteredKey,
    WebAuthnVerifier,
)
from jubilee.domain.users.user import User

T = TypeVar("T")


@dataclass(frozen=True)
class RelyingParty:
    """What browsers bind passkeys to: the domain `id`, the `name` that they show, the origins."""

    id: str
    name: str
    origins: Sequence[str]


class WebAuthnPasskeys(WebAuthnVerifier):
    """Requires the presence and verification of the user, and takes any attestation or none.

    Works in threads: its package takes long to load, and verifies certificates of attestations.
    """

    def __init__(self, party: RelyingParty) -> None:
        self._party = party

    async def creation_options(
        self, user: User, challenge: bytes, known: Sequence[Passkey]
    ) -> OptionsJson:
        return await to_thread(self._creation_options, user, challenge, known)

    async def request_options(self, challenge: bytes) -> OptionsJson:
        return await to_thread(self._request_options, challenge)

    async def registered(self, credential: CredentialJson, challenge: bytes) -> RegisteredKey:
        return await to_thread(self._registered, credential, challenge)

    async def signed(
        self, credential: CredentialJson, challenge: bytes, public_key: bytes
    ) -> KeyAnswer:
        return await to_thread(self._signed, credential, challenge, public_key)

    def _creation_options(
        self, user: User, challenge: bytes, known: Sequence[Passkey]
    ) -> OptionsJson:
        structs = self._structs
        options = self._webauthn.generate_registration_options(
            rp_id=self._party.id,
            rp_name=self._party.name,
            user_id=user.id.bytes,
            user_name=user.email,
            user_display_name=user.full_name or user.username or user.email,
            challenge=challenge,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                structs.PublicKeyCredentialDescriptor(id=one.credential_id) for one in known
            ],
        )
        return self._as_json(options)

    def _request_options(self, challenge: bytes) -> OptionsJson:
        options = self._webauthn.generate_authentication_options(
            rp_id=self._party.id,
            challenge=challenge,
            user_verification=self._structs.UserVerificationRequirement.REQUIRED,
        )
        return self._as_json(options)

    def challenge_of(self, credential: CredentialJson) -> bytes:
        def read() -> bytes:
            client_data: Any = credential["response"]
            return _decoded(json.loads(_decoded(client_data["clientDataJSON"]))["challenge"])

        return _or_invalid(read)

    def credential_id_of(self, credential: CredentialJson) -> bytes:
        return _or_invalid(lambda: _decoded(credential["rawId"]))

    def _registered(self, credential: CredentialJson, challenge: bytes) -> RegisteredKey:
        found = _or_invalid(
            lambda: self._webauthn.verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self._party.id,
                expected_origin=list(self._party.origins),
                require_user_verification=True,
            )
        )
        return RegisteredKey(
            credential_id=found.credential_id,
            public_key=found.credential_public_key,
            sign_count=found.sign_count,
            backed_up=found.credential_backed_up,
        )

    def _signed(self, credential: CredentialJson, challenge: bytes, public_key: bytes) -> KeyAnswer:
        found = _or_invalid(
            lambda: self._webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self._party.id,
                expected_origin=list(self._party.origins),
                credential_public_key=public_key,
                credential_current_sign_count=0,  # the caller compares it with the locked row
                require_user_verification=True,
            )
        )
        return KeyAnswer(found.new_sign_count, found.credential_backed_up)

    @cached_property
    def _webauthn(self) -> ModuleType:
        """Loading it, with pyOpenSSL, takes longer than a service without passkeys should wait."""
        return import_module("webauthn")

    @cached_property
    def _structs(self) -> ModuleType:
        return import_module("webauthn.helpers.structs")

    def _as_json(self, options: object) -> OptionsJson:
        text = self._webauthn.options_to_json(options)
        read: Mapping[str, object] = json.loads(text)
        return read


def _decoded(text: object) -> bytes:
    """Decode Base64 for URLs without padding; raise ValueError."""
    if not isinstance(text, str):
        raise TypeError(text)
    return decode_base64url(text)


def _or_invalid(verify: Callable[[], T]) -> T:
    """Call it; raise InvalidPasskey for any error: it parses what an attacker has made."""
    try:
        return verify()
    except Exception as error:
        raise InvalidPasskey from error

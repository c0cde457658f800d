"""Generation and sealing of signing keys, by pyca/cryptography."""

from hashlib import sha256
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from jubilee.domain.base64url import encode_base64url
from jubilee.domain.seals import SealState
from jubilee.domain.signing_keys.key import KeyAlgorithm, KeyMaterial, KeyVault
from jubilee.sealing import Sealer

P256_BYTES = 32  # of one coordinate

PrivateKey: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey
PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey


class AesKeyVault(KeyVault):
    """Seals the private part, bound to the public one: a row with another one cannot be opened.

    The first secret seals; what any of them sealed can be opened. Secrets have 32 bytes.
    """

    def __init__(self, *secrets: bytes) -> None:
        self._sealer = Sealer(*secrets)

    def generate(self, algorithm: KeyAlgorithm) -> KeyMaterial:
        private: PrivateKey = (
            Ed25519PrivateKey.generate()
            if algorithm is KeyAlgorithm.EDDSA
            else generate_private_key(SECP256R1())
        )
        public = public_jwk(private)
        key_id = encode_base64url(sha256(public.encode()).digest())
        return self._sealed(KeyMaterial(key_id, algorithm, public, b""), private)

    def resealed(self, material: KeyMaterial) -> KeyMaterial | None:
        if self.state(material) is SealState.CURRENT:
            return None
        private = self.open(material)
        return None if private is None else self._sealed(material, private)

    def state(self, material: KeyMaterial) -> SealState:
        return self._sealer.state(material.private, _bound(material))

    def open(self, material: KeyMaterial) -> PrivateKey | None:
        """Return the private key; None if no known secret has sealed it with this public part."""
        content = self._sealer.open(material.private, _bound(material))
        if content is None:
            return None
        private = load_der_private_key(content, password=None)
        assert isinstance(private, Ed25519PrivateKey | EllipticCurvePrivateKey)
        return private

    def _sealed(self, material: KeyMaterial, private: PrivateKey) -> KeyMaterial:
        content = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        sealed = self._sealer.seal(content, _bound(material))
        return KeyMaterial(material.id, material.algorithm, material.public, sealed)


def public_jwk(private: PrivateKey) -> str:
    """Return the public part as JSON with the required members, sorted: RFC 7638 hashes it so."""
    if isinstance(private, Ed25519PrivateKey):
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f'{{"crv":"Ed25519","kty":"OKP","x":"{encode_base64url(raw)}"}}'
    point = private.public_key().public_numbers()
    x, y = (encode_base64url(value.to_bytes(P256_BYTES)) for value in (point.x, point.y))
    return f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'


def _bound(material: KeyMaterial) -> bytes:
    """Return what is authenticated with the private part."""
    return f"{material.id}\n{material.algorithm}\n{material.public}".encode()

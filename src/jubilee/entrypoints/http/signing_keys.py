"""The keys that verify access tokens, and metadata of the service that issues them."""

from typing import Self

from pydantic import Field
from starlette.responses import Response

from jubilee.entrypoints.http.framework.context import PublicInfo
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Nothing,
    ReplyModel,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.problems import PathNotFound
from jubilee.entrypoints.http.framework.responses import current_or_known, ok

TAG = "auth"
JWKS = "/.well-known/jwks.json"
METADATA = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
CACHING = {"Cache-Control": "public, max-age=300"}
"""Half the time for which a key is published before it signs."""

KEY_EXAMPLE = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    "alg": "EdDSA",
    "use": "sig",
}
GRANT_TYPES = ["password", "client_credentials"]
AUTH_METHODS = ["none", "client_secret_basic", "client_secret_post"]
"""Of the token endpoint: the password grant needs no client."""

METADATA_EXAMPLE = {
    "issuer": "https://api.example.com",
    "jwks_uri": "https://api.example.com/.well-known/jwks.json",
    "token_endpoint": "https://api.example.com/auth/token",
    "grant_types_supported": GRANT_TYPES,
    "response_types_supported": [],
    "token_endpoint_auth_methods_supported": AUTH_METHODS,
}


class JsonWebKey(ReplyModel):
    """A public key (RFC 7517) of Ed25519, or of P-256, which has `y`."""

    kty: str
    crv: str
    x: str
    y: str | None = Field(None, exclude_if=lambda value: value is None)
    kid: str
    alg: str
    use: str


class JsonWebKeySet(ReplyModel):
    """The keys that access tokens may be signed with."""

    keys: list[JsonWebKey]


class IssuerMetadata(ReplyModel):
    """Metadata of an authorization server (RFC 8414)."""

    issuer: str
    jwks_uri: str
    token_endpoint: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]

    @classmethod
    def of(cls, public: PublicInfo, mount: str) -> Self:
        """Describe the service; `mount` is the prefix below which the token endpoint is named."""
        return cls(
            issuer=public.issuer,
            jwks_uri=public.url + JWKS,
            token_endpoint=f"{public.url}{mount}/auth/token",
            grant_types_supported=GRANT_TYPES,
            response_types_supported=[],
            token_endpoint_auth_methods_supported=AUTH_METHODS,
        )


async def jwks(call: Call[Nothing, Nothing]) -> Response:
    """GET /.well-known/jwks.json."""
    keys = [JsonWebKey.model_validate_json(key) for key in call.services.signing_keys.published]
    return ok(JsonWebKeySet(keys=keys), headers=CACHING)


async def metadata(call: Call[Nothing, Nothing]) -> Response:
    """GET /.well-known/oauth-authorization-server; 404 without PUBLIC_URL."""
    public = call.context.public
    if not public.url:
        raise PathNotFound
    return ok(IssuerMetadata.of(public, call.mount), headers=CACHING)


def _metadata(path: str, name: str, summary: str) -> AnyEndpoint:
    reply = ResponseSpec(
        status=200, description="The metadata.", model=IssuerMetadata, example=METADATA_EXAMPLE
    )
    return Endpoint(
        method="GET",
        path=path,
        name=name,
        summary=summary,
        tag=TAG,
        handler=metadata,
        access=Access.ANYONE,
        replies=current_or_known(reply),
        errors=(PathNotFound,),
        needs_database=False,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path=JWKS,
        name="getSigningKeys",
        summary="Get the keys that verify access tokens",
        tag=TAG,
        handler=jwks,
        access=Access.ANYONE,
        replies=current_or_known(
            ResponseSpec(
                status=200,
                description="The keys.",
                model=JsonWebKeySet,
                example={"keys": [KEY_EXAMPLE]},
            )
        ),
        needs_database=False,
    ),
    _metadata(
        METADATA, "getIssuerMetadata", "Get the metadata of the service as an issuer of tokens"
    ),
    _metadata(
        OPENID, "getOpenIdConfiguration", "Get the same metadata where OpenID Connect looks for it"
    ),
)

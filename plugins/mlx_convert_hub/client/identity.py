"""Whose token is in use, and what it may write: asked before anything is made or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.trouble.explain import refusal

WHOAMI = "/api/whoami-v2"


@dataclass(frozen=True)
class Identity:
    """An account: its name, its token's role, its organisations and the role there, what a fine-grained token names."""

    name: str
    role: str = ""
    orgs: Mapping[str, str] = field(default_factory=dict)
    writable: frozenset[str] | None = None

    def check_may_create(self, connection: HubConnection, repo_id: str) -> None:
        """Raise UploadError (codes ``up_forbidden``, ``up_namespace``) when ``repo_id`` can't be made."""
        owner = repo_id.partition("/")[0]
        situation = connection.situation(repo_id, uploading=True)
        if owner != self.name and (owner not in self.orgs or self.orgs[owner] == "read"):
            raise refusal("up_namespace", situation)
        if self.role == "read" or (self.writable is not None and self.writable.isdisjoint({owner, repo_id})):
            raise refusal("up_forbidden", situation)


def identify(connection: HubConnection, token: str | None = None) -> Identity:
    """Whose token is in use, or whose ``token`` is; raises what the client raises, and code ``token_none``."""
    from huggingface_hub import get_token

    if token is None and get_token() is None:
        raise refusal("token_none", connection.situation("", uploading=True))
    answer = connection.ask(lambda: connection.get(WHOAMI, token=token)).json()
    return _identity(answer if isinstance(answer, dict) else {})


def _identity(answer: Mapping[str, Any]) -> Identity:
    orgs = [org for org in answer.get("orgs") or () if isinstance(org, dict) and isinstance(org.get("name"), str)]
    token = (answer.get("auth") or {}).get("accessToken") or {}
    return Identity(
        name=str(answer.get("name", "")),
        role=str(token.get("role", "")),
        orgs={org["name"]: str(org.get("roleInOrg", "")) for org in orgs},
        writable=_writable(token),
    )


def _writable(token: Mapping[str, Any]) -> frozenset[str] | None:
    """The names that a fine-grained token may write below; None when it is of another kind or can't be read."""
    scopes = (token.get("fineGrained") or {}).get("scoped")
    if token.get("role") != "fineGrained" or not isinstance(scopes, list):
        return None
    return frozenset(
        str(scope["entity"].get("name"))
        for scope in scopes
        if isinstance(scope.get("entity"), dict)
        and any("write" in str(right) for right in scope.get("permissions", ()))
    )

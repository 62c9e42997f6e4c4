"""The Hugging Face account on this machine, through the client's own login, which keeps the token."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from mlx_convert_core.plugin import AccountState, InvalidRequest, MlxConvertError, SourceError
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.client.identity import identify
from mlx_convert_hub.client.patience import within
from mlx_convert_hub.trouble.explain import explained
from mlx_convert_hub.trouble.row import NEW_TOKEN
from mlx_convert_hub.trouble.seen import token_source


@dataclass(frozen=True)
class HubAccount:
    """Implements Account."""

    name: str = "huggingface"
    title: str = "Hugging Face"
    connection_to: HubConnection | None = None

    @property
    def connection(self) -> HubConnection:
        """How the Hub is reached; by default as the user has set up its client."""
        return self.connection_to or HubConnection.from_environment()

    def state(self) -> AccountState:
        """See Account."""
        source = token_source()
        if not source:
            return AccountState(signed_in=False)
        connection = self.connection
        try:
            with explained(connection.situation("")):
                user = identify(connection).name
        except MlxConvertError as error:
            refused = error.code in ("token_bad", "login_needed", "forbidden")
            return AccountState(signed_in=not refused, source=source, problem=f"{error.message} {error.hint}")
        return AccountState(signed_in=True, user=user, source=source)

    def sign_in(self, token: str) -> AccountState:
        """See Account."""
        from huggingface_hub import login

        token = token.strip()
        if not token or not token.isprintable() or " " in token:
            raise InvalidRequest("this is not a token.", hint=f"{NEW_TOKEN} and paste it whole.", code="token_bad")
        connection = self.connection
        with explained(connection.situation("")):
            self._check(connection, token)
            within(connection.answer_seconds, lambda: login(token, add_to_git_credential=False))
        state = self.state()
        if "environment" not in state.source:
            return state
        return AccountState(
            signed_in=state.signed_in,
            user=state.user,
            source=state.source,
            problem=f"The token is stored, but the one from {state.source} is used: unset it. {state.problem}".strip(),
        )

    def sign_out(self) -> AccountState:
        """See Account."""
        from huggingface_hub import logout

        with contextlib.suppress(OSError):  # it says that a token is left in the environment: so does the state
            logout()
        return self.state()

    def _check(self, connection: HubConnection, token: str) -> None:
        """Raise SourceError when the Hub does not accept ``token``; the client's login would wait for ever."""
        try:
            identify(connection, token)
        except Exception as error:
            if getattr(getattr(error, "response", None), "status_code", 0) != 401:
                raise
            raise SourceError(
                "Hugging Face does not accept this token: it is wrong, expired or revoked.",
                hint=f"{NEW_TOKEN} and paste it whole.",
                code="token_bad",
            ) from None

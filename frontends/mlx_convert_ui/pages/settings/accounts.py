"""Signing in and out where models come from and go to. A token goes to its account and is kept by nobody here."""

from __future__ import annotations

from nicegui import background_tasks, ui

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import Account, AccountState
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Badge, Button, Tag, block, card, field, named, note
from mlx_convert_ui.widgets.dialogs import waiting
from mlx_convert_ui.words import _


def accounts(studio: Studio) -> None:
    """A card for each account that a plugin offers."""
    for account in studio.workspace.accounts().values():
        _Account(studio, account)


class _Account:
    def __init__(self, studio: Studio, account: Account) -> None:
        self._questions = studio.questions
        self._account = account
        with card(account.title):
            self._body = block("").mark(f"account-{account.name}")
        with self._body, block("row-line"):
            Tag("span", "", "spin").props("aria-hidden=true")
            Tag("span", _("Checking whether you are signed in …"), "muted")
        background_tasks.create(self._look(), name=f"account-{account.name}")

    async def _look(self) -> None:
        try:
            state = await self._questions.ask(self._account.state)
        except MlxConvertError as error:
            state = AccountState(signed_in=False, user="", source="", problem=f"{error.message} {error.hint}")
        if state is not None:
            self._draw(state)

    def _draw(self, state: AccountState) -> None:
        self._body.clear()
        with self._body:
            if state.problem:
                note("warning", state.problem, "", self._again)
            if state.signed_in:
                self._signed_in(state)
            else:
                self._signed_out()

    def _again(self) -> None:
        Button(_("Check again"), self._look, icon="rotate-ccw", classes="btn-small").mark("ask-again")

    def _signed_in(self, state: AccountState) -> None:
        with block("row-line wrap"):
            Badge(_("Signed in"), "ok", icon="check")
            Tag("b", state.user)
            if state.source:
                Tag("span", _("Token from {place}", place=state.source), "muted")
            Button(_("Sign out"), self._sign_out, icon="log-out", classes="btn-small push").mark("sign-out")

    def _signed_out(self) -> None:
        with (
            field(
                _("Access token"),
                _("Needed to upload, and for models that ask for your consent. It can't be read back."),
            ) as name,
            block("row-line"),
        ):
            self._token = ui.input(password=True).mark("token").classes("grow")
            named(self._token, name).props('autocomplete=off spellcheck=false placeholder="hf_…"')
            self._token.on("keydown.enter", self._sign_in, [])
            Button(_("Sign in"), self._sign_in, icon="log-in").mark("sign-in")
        Tag("p", _("Without one, you can still convert every open model."), "field-hint").style("margin-top: 6px")
        self._notes = block("notes")

    async def _sign_in(self) -> None:
        token, self._token.value = (self._token.value or "").strip(), ""
        self._notes.clear()
        try:
            if not token:
                raise MlxConvertError(
                    _("no token was given."), hint=_("Make one on the site, under Settings, Access Tokens.")
                )
            async with waiting(_("Signing in …")):
                state = await self._questions.ask(lambda: self._account.sign_in(token))
        except MlxConvertError as error:
            with self._notes:
                note("error", error.message, error.hint)
            return
        if state is not None:
            self._draw(state)

    async def _sign_out(self) -> None:
        async with waiting(_("Signing out …")):
            state = await self._questions.ask(self._account.sign_out)
        if state is not None:
            self._draw(state)

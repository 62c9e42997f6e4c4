"""The Chat page: conversations at the side, the open one beside them, the next message below."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from nicegui import run, ui

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import Attachment, Conversation, expanded
from mlx_convert_ui.pages.chat.composer import Composer
from mlx_convert_ui.pages.chat.conversations import ConversationList
from mlx_convert_ui.pages.chat.dialogs import SettingsDrawer
from mlx_convert_ui.pages.chat.draft import ChatDraft, settings_of
from mlx_convert_ui.pages.chat.header import Header, HeaderActions
from mlx_convert_ui.pages.chat.loading import Loaded, load
from mlx_convert_ui.pages.chat.managing import ExportForm, delete, export, rename
from mlx_convert_ui.pages.chat.turns import TurnActions, Turns, unanswered
from mlx_convert_ui.pages.chat.welcome import welcome
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.attachments import Attachments
from mlx_convert_ui.widgets.components import address_of, block, note
from mlx_convert_ui.widgets.dialogs import lasting, waiting
from mlx_convert_ui.widgets.frame import READ_SECONDS, frame
from mlx_convert_ui.widgets.model_choice import ModelChoice, model_folder, no_models
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.widgets.upload_dialog import upload_dialog
from mlx_convert_ui.words import _

STREAM_SECONDS = 0.05


def register(studio: Studio) -> None:
    """Serve it at /chat (a new conversation) and /chat/ID."""

    @ui.page("/chat", response_timeout=READ_SECONDS)
    async def new(model: str = "") -> None:
        await _page(studio, "", model)

    @ui.page("/chat/{id}", response_timeout=READ_SECONDS)
    async def old(id: str) -> None:
        await _page(studio, id, "")


async def _page(studio: Studio, id: str, model: str) -> None:
    loaded = await run.io_bound(load, studio, id, model) or Loaded()
    subtitle = _("Chat with a converted model. Conversations stay on this machine.")
    with frame(studio, "/chat", _("Chat"), subtitle):
        ChatPage(studio, loaded)


class ChatPage:
    """One tab. What it shows is on disk or in the Chats; what is typed and not sent is in the draft."""

    def __init__(self, studio: Studio, loaded: Loaded) -> None:
        self._studio = studio
        self._chats = chats = studio.chats
        self._loaded = loaded
        self._conversation = loaded.conversation
        self._version = self._chats.version
        self._sending = False
        self._client = ui.context.client  # the button that asked for something may be gone when it is done
        self._draft = ChatDraft(studio)
        self._sampler = self._draft.sampler(loaded)
        self._drawer = SettingsDrawer(studio, self._sampler, self._keep_settings)
        with block("chat"):
            self._list = ConversationList(studio)
            with block("chat-open card", "section", label=_("Conversation")):
                self._header = Header(
                    lambda: ModelChoice(
                        studio, loaded.entries, loaded.model, self._choose, label=_("Model of this conversation")
                    ),
                    HeaderActions(
                        *(self._toggle_list, self._drawer.open, self._pin, self._rename, self._export, self._delete),
                        lasting(lambda: upload_dialog(studio, expanded(self._header.model))),
                    ),
                )
                self._welcome = block("chat-welcome")
                self._turns = Turns(
                    TurnActions(self._edit, self._asking(chats.regenerate), self._asking(chats.go_on), self._switch)
                )
                self._below = block("turns-below")
                draft, id = self._draft, self._id
                self._files = Attachments(studio, draft.files(id), lambda files: draft.keep_files(self._id, files))
                self._composer = Composer(draft.text(id), self._keep_text, self._files, self._send, self._stop)
        self._draw()
        self._to_the_end()
        self._client.on_connect(self._own_draft)
        ui.timer(0, lambda: self._files.follow(self._header.model), once=True)
        ui.timer(STREAM_SECONDS, self._tick)

    def _own_draft(self) -> None:
        """The tab is known now: show what was typed in it, not what another one holds."""
        if self._draft.own():
            self._composer.put(self._draft.text(self._id))
            self._files.show(self._draft.files(self._id))
            if self._conversation is None:
                self._own_model()
                self._drawer.fields.show(self._draft.sampler(self._loaded))

    def _own_model(self) -> None:
        if self._draft.model and not self._loaded.asked:
            self._loaded = replace(self._loaded, model=self._draft.model)
            self._header.choose(self._draft.model)

    # Drawing

    def _draw(self) -> None:
        conversation, loaded = self._conversation, self._loaded
        self._list.draw(loaded.summaries, loaded.problem, self._id)
        self._header.draw(conversation)
        self._draw_welcome()
        self._composer.meter.draw(conversation, loaded.context)
        if conversation is None:  # a new one, or one that was deleted in another tab
            self._turns.clear()
            self._below.clear()
        else:
            view = self._chats.view(conversation.id)
            self._turns.draw(conversation, view)
            self._draw_below(conversation, answered=view is not None)
        self._tick_answer()

    def _draw_welcome(self) -> None:
        self._welcome.clear()
        with self._welcome:
            if self._loaded.error is not None:
                hint = _("Choose another conversation, or start a new one.")
                note("error", self._loaded.error.message, hint)
            if self._conversation is None:
                welcome(self._header.model, lambda text: self._composer.fill(text))

    def _draw_below(self, conversation: Conversation, *, answered: bool) -> None:
        self._below.clear()
        with self._below:
            if self._loaded.missing:
                where = str(conversation.model)
                note(
                    "warning",
                    _("The model's folder is missing: {where}", where=where),
                    _("To go on, choose another model above, or convert it again."),
                    no_models,
                )
            elif not answered and conversation.messages and conversation.messages[-1].role == "user":
                at = len(conversation.messages)
                former = partial(self._switch, at, -1) if conversation.versions(at)[1] else None
                unanswered(self._asking(self._chats.regenerate), former)

    async def _tick(self) -> None:
        """Cheap while nothing happens: compare a number, send what came of the answer."""
        if self._version != self._chats.version:
            self._version = self._chats.version
            await self._reload()
        self._tick_answer()

    def _tick_answer(self) -> None:
        self._turns.refresh()
        view = self._chats.view(self._id)
        self._composer.show(active=view is not None and view.active)

    async def _reload(self) -> None:
        id = self._id
        loaded = await run.io_bound(load, self._studio, id)
        if loaded is not None and id == self._id:
            self._loaded = loaded
            self._conversation = loaded.conversation
            if id:  # another tab may have chosen another model
                self._header.choose(loaded.model)
            if loaded.conversation is not None:
                self._drawer.show(loaded.conversation.settings)
            self._draw()

    # Acting

    async def _send(self) -> None:
        if self._sending:
            return
        self._sending = True
        key, text, files = self._id, self._composer.text, self._files.files
        try:
            if await self._do(self._saying(text, files)):
                self._sent(key, text, files)
        finally:
            self._sending = False

    def _saying(self, text: str, files: tuple[Attachment, ...]) -> Callable[[], Conversation]:
        """What says ``text``, with ``files``, in the open conversation, or begins one with it."""
        id, model = self._id, self._header.model
        if id:
            return lambda: self._chats.say(id, text, files)
        self._keep_draft()
        return lambda: self._chats.begin(model_folder(model), settings_of(self._sampler, None), text, files)

    def _sent(self, key: str, text: str, files: tuple[Attachment, ...]) -> None:
        """Forget the draft of ``key``; what was typed and added meanwhile stays, as the next message."""
        self._draft.sent(key)
        if self._composer.text == text:
            self._composer.clear()
        self._keep_text(self._composer.text)
        self._files.sent(files)

    async def _edit(self, index: int, text: str) -> bool:
        id = self._id
        return await self._do(lambda: self._chats.edit(id, index, text))

    def _asking(self, ask: Callable[[str], Conversation]) -> Callable[[], Awaitable[Any]]:
        """What has the open conversation answered by ``ask``."""
        return lambda: self._do(partial(ask, self._id))

    async def _switch(self, at: int, by: int) -> None:
        """Show another version of message ``at``: nothing is asked for that."""
        id = self._id
        await self._change(lambda: self._chats.switch(id, at, by))
        await self._reload()

    async def _do(self, act: Callable[[], Conversation]) -> bool:
        """Have something answered; what stands in the way is said above the composer."""
        self._composer.notes.clear()
        self._composer.wait()
        new = self._conversation is None
        try:
            async with waiting(_("Opening the model …")):
                conversation = await run.io_bound(act)
        except MlxConvertError as error:
            with self._composer.notes:
                tell(error)
            return False
        finally:
            self._composer.wait(False)
        self._conversation = conversation
        if new and conversation is not None:
            ui.navigate.history.replace(address_of(f"/chat/{conversation.id}"))
        self._version = self._chats.version
        await self._reload()
        self._to_the_end()
        return True

    def _stop(self) -> None:
        view = self._chats.view(self._id)
        if view is not None:
            view.job.cancel()

    async def _choose(self, model: str) -> None:
        await self._files.follow(model)
        if self._conversation is None:
            advice = await run.io_bound(self._studio.advice, model)
            if advice is not None and advice.values:
                self._drawer.fields.show(self._sampler.recommended(advice))
            self._keep_draft()
            return
        id = self._id
        await self._change(lambda: self._chats.change(id, model=model))
        await self._reload()

    async def _keep_settings(self) -> None:
        if self._conversation is None:
            self._keep_draft()
            return
        id = self._id
        await self._change(lambda: self._chats.change(id, settings=settings_of(self._sampler, self._conversation)))

    async def _change(self, act: Callable[[], Any]) -> Any:
        """What ``act`` gives, from a thread; None when it fails, which is said above the composer."""
        self._composer.notes.clear()
        try:
            return await run.io_bound(act)
        except MlxConvertError as error:
            with self._composer.notes:
                tell(error)
        return None

    async def _pin(self) -> None:
        conversation = self._open
        await self._change(lambda: self._chats.pin(conversation.id, not conversation.pinned))

    async def _rename(self) -> None:
        await rename(self._chats, self._open, self._change)

    async def _export(self, form: ExportForm) -> None:
        await export(self._chats, self._open, form, self._change)

    async def _delete(self) -> None:
        await delete(self._chats, self._open, self._change)

    def _toggle_list(self) -> None:
        self._header.expanded(self._list.toggle())

    @property
    def _open(self) -> Conversation:
        """The open conversation: what it is asked for is offered only while one is open."""
        assert self._conversation is not None
        return self._conversation

    @property
    def _id(self) -> str:
        return self._conversation.id if self._conversation else ""

    def _keep_text(self, text: str) -> None:
        self._draft.keep_text(self._id, text)

    def _keep_draft(self) -> None:
        self._draft.keep(self._header.model, self._sampler)

    def _to_the_end(self) -> None:
        if self._conversation is not None:
            self._client.run_javascript("setTimeout(() => scrollTo(0, document.body.scrollHeight), 60)")

"""The Chat page, as a simulated user sees it; what is said is on disk."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from browser.models import copy_model, scripted_model
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Tag
from mlx_convert_ui.widgets.stream import TokenStream
from nicegui import ElementFilter
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction
from simulated import fill, sees, until, visiting

from mlx_convert_core import InvalidRequest
from mlx_convert_core.plugin import Attachment, ChatSettings, Conversation

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("scripted")]
ANSWER = "<think>\nHm.\n</think>\nYou said: {prompt}"


@pytest.fixture
def parrot(tiny_model: Path, tmp_path: Path) -> Path:
    """Give a model that says what it was asked, and waits before it while there is a hold."""
    return scripted_model(
        tiny_model, tmp_path / "parrot", ["<think>\nHm.\n</think>\nYou said: ", "{prompt}"], hold_at=1
    )


def only(studio: Studio) -> Conversation:
    """The one conversation that there is."""
    (summary,) = studio.chats.list()
    return studio.chats.get(summary.id)


def said(studio: Studio) -> list[str]:
    """What was said in it so far, in order."""
    return [message.content for message in only(studio).messages]


def drawn(user: User) -> list[str]:
    """The finished answers on the page."""
    return [element.props["text"] for element in user.find(TokenStream).elements]


async def say(user: User, text: str) -> None:
    """Type ``text`` and send it, once no answer is on its way."""
    await sees(user, "Send")
    await fill(user, "message", text)
    user.find(marker="message").trigger("keydown")


async def answered(studio: Studio, count: int) -> None:
    """Wait until ``count`` messages are kept and nothing is being answered."""
    await until(lambda: studio.chats.list() and len(said(studio)) == count)


async def test_a_conversation_with_an_odd_time_is_there_with_the_others(studio: Studio, parrot: Path) -> None:
    kept = studio.workspace.conversations.create(parrot, title="Of old")
    path = studio.workspace.conversations.folder / f"{kept.id}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "updated": "yesterday"}))
    async with visiting(studio, "/chat") as user:
        await sees(user, "Of old")
        await sees(user, path.name)


async def test_a_conversation_is_kept_and_comes_back(studio: Studio, parrot: Path) -> None:
    async with visiting(studio, f"/chat?model={parrot}") as user:
        await sees(user, "What would you like to know?", "kept here, on this machine only")
        await say(user, "Good morning")
        await answered(studio, 2)
        await sees(user, "Good morning")
        await say(user, "And again")
        await answered(studio, 4)
        await user.open(f"/chat/{only(studio).id}")
        await sees(user, "Good morning", "And again", "parrot")
        assert sorted(drawn(user)) == sorted(said(studio)[1::2])
    assert said(studio) == [
        "Good morning",
        ANSWER.format(prompt="Good morning"),
        "And again",
        ANSWER.format(prompt="And again"),
    ]


async def test_an_answer_is_kept_though_nobody_looks_on(studio: Studio, parrot: Path, held: Path) -> None:
    async with visiting(studio, f"/chat?model={parrot}") as user:
        await say(user, "Hello")
        await sees(user, "Stop")
        id = only(studio).id
        await user.open("/chat")
        held.unlink()
        await answered(studio, 2)
        await user.open(f"/chat/{id}")
        await sees(user, "Hello")
        assert drawn(user) == [ANSWER.format(prompt="Hello")]


async def test_a_stopped_answer_is_kept_as_far_as_it_came(studio: Studio, parrot: Path, held: Path) -> None:
    async with visiting(studio, f"/chat?model={parrot}") as user:
        await say(user, "Hello")
        await until(lambda: studio.chats.list() and (view := studio.chats.view(only(studio).id)) and view.chunks)
        await sees(user, "Stop")
        user.find(marker="send").click()
        await answered(studio, 2)
        await sees(user, "stopped", "Send")
    assert said(studio)[1] == "<think>\nHm.\n</think>\nYou said: "


async def test_an_edited_message_is_answered_anew_and_the_old_one_is_a_click_away(studio: Studio, parrot: Path) -> None:
    studio.chats.begin(str(parrot), ChatSettings(), "One")
    await answered(studio, 2)
    studio.chats.say(only(studio).id, "Two")
    await answered(studio, 4)
    async with visiting(studio, f"/chat/{only(studio).id}") as user:
        await sees(user, "One", "Two")
        first = min(user.find(marker="edit").elements, key=lambda element: element.id)
        UserInteraction(user, {first}, None).click()
        await sees(user, "The old one is kept")
        await fill(user, "edited", "Uno")
        user.find(marker="send-edit").click()
        await until(lambda: said(studio)[0] == "Uno")
        await answered(studio, 2)
        await sees(user, "Uno")
        await user.should_not_see("Two", retries=50)
        assert said(studio) == ["Uno", ANSWER.format(prompt="Uno")]
        await sees(user, "2 of 2")
        user.find(marker="version-1").click()
        await sees(user, "Two", "1 of 2")
    assert said(studio) == ["One", ANSWER.format(prompt="One"), "Two", ANSWER.format(prompt="Two")]


async def test_an_answer_that_was_cut_off_goes_on(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    cut = scripted_model(tiny_model, tmp_path / "cut", ["One, two,"], finish="length", more=[" three."])
    studio.chats.begin(str(cut), ChatSettings(), "Count")
    await answered(studio, 2)
    async with visiting(studio, f"/chat/{only(studio).id}") as user:
        await sees(user, "cut off at the token limit")
        user.find(marker="continue").click()
        await until(lambda: said(studio) == ["Count", "One, two, three."])
        await user.should_not_see("cut off at the token limit", retries=50)


@pytest.mark.parametrize(("left", "said"), [(400, "112 of 512 tokens"), (30, "482 of 512 tokens, nearly full")])
async def test_a_conversation_says_how_much_of_the_context_it_fills(
    studio: Studio, parrot: Path, left: int, said: str
) -> None:
    limited(parrot, 512)
    store = studio.workspace.conversations
    figures = {"prompt_tokens": 500 - left, "generation_tokens": 12}
    store.save(store.create(parrot).with_message("user", "Hello").with_message("assistant", "Hi.", figures))
    async with visiting(studio, f"/chat/{only(studio).id}") as user:
        await until(lambda: [one.text for one in user.find(marker="context").elements] == [said])  # type: ignore[attr-defined]
        (words,) = user.find(marker="context").elements
        assert words.props.get("data-full") == ("true" if "full" in said else None)
        assert user.client is not None
        with user.client:
            tips = [str(one.props.get("data-tip", "")) for one in ElementFilter(kind=Tag)]
        assert any("Nothing of it is left out without asking you" in tip for tip in tips)


async def test_a_question_that_does_not_fit_into_the_context_says_what_to_do(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    small = copy_model(tiny_model, tmp_path / "small")
    limited(small, 64)
    async with visiting(studio, f"/chat?model={small}") as user:
        await say(user, "w5 " * 200)
        await sees(user, "small was made for 64", "Begin a new conversation, or shorten an earlier message")
    assert said(studio) == [("w5 " * 200)]


def limited(model: Path, tokens: int) -> None:
    """Let ``model`` have been made for that many tokens; its files are those of others, so one is put in place anew."""
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").unlink()
    (model / "config.json").write_text(json.dumps({**config, "max_position_embeddings": tokens}))


async def test_the_last_message_is_answered_again(studio: Studio, parrot: Path) -> None:
    studio.chats.begin(str(parrot), ChatSettings(), "One")
    await answered(studio, 2)
    before = only(studio).messages[1].time
    async with visiting(studio, f"/chat/{only(studio).id}") as user:
        user.find(marker="regenerate").click()
        await until(lambda: len(said(studio)) == 2 and only(studio).messages[1].time != before)
        await sees(user, "One")


async def test_a_conversation_is_renamed_exported_and_deleted(studio: Studio, parrot: Path) -> None:
    studio.workspace.scan(parrot)
    studio.chats.begin(str(parrot), ChatSettings(), "What is MLX?")
    await answered(studio, 2)
    id = only(studio).id
    async with visiting(studio, f"/chat/{id}") as user:
        user.find(marker="rename").click()
        await sees(user, "Rename the conversation")
        await fill(user, "title", "Answers / about MLX")
        user.find(marker="confirm").click()
        await until(lambda: only(studio).title == "Answers / about MLX")
        await sees(user, "Answers / about MLX")
        await user.should_not_see("Rename the conversation", retries=50)
        user.find(marker="export-markdown").click()
        document = (await user.download.next()).text
        assert document.startswith("# Answers / about MLX\n")
        assert "You said: What is MLX?" in document
        user.find(marker="export-json").click()
        assert json.loads((await user.download.next()).text)["id"] == id
        user.find(marker="delete").click()
        await sees(user, "Delete this conversation?")
        user.find(marker="cancel").click()
        await user.should_not_see("Delete this conversation?", retries=50)
        assert only(studio).id == id
        user.find(marker="delete").click()
        await sees(user, "Delete this conversation?")
        user.find(marker="confirm").click()
        await until(lambda: not studio.chats.list())
        await sees(user, "What would you like to know?")


async def test_each_conversation_has_its_settings(studio: Studio, parrot: Path) -> None:
    studio.chats.begin(str(parrot), ChatSettings(top_k=3), "One")
    await answered(studio, 2)
    id = only(studio).id
    async with visiting(studio, f"/chat/{id}") as user:
        user.find(marker="settings").click()
        await sees(user, "For this conversation, from the next answer on.")
        await fill(user, "temperature", 0.15)
        await fill(user, "system", "Be brief.")
        user.find(marker="close-settings").click()
        user.find(marker="drawer").trigger("hide")
        await until(lambda: only(studio).settings == ChatSettings(temperature=0.15, system="Be brief.", top_k=3))
        await say(user, "Two")
        await answered(studio, 4)
        request = studio.views.of("generate", "chat")[0].request
        assert (request.temperature, request.system) == (0.15, "Be brief.")


async def test_thoughts_are_not_said_to_the_model_again(studio: Studio, parrot: Path) -> None:
    studio.chats.begin(str(parrot), ChatSettings(), "One")
    await answered(studio, 2)
    studio.chats.say(only(studio).id, "Two")
    messages = studio.views.of("generate", "chat")[0].request.messages
    assert [message.content for message in messages] == ["One", "You said: One", "Two"]
    await answered(studio, 4)


async def test_a_vanished_model_is_said_and_another_one_goes_on(
    studio: Studio, parrot: Path, tiny_model: Path, tmp_path: Path
) -> None:
    gone = parrot.rename(tmp_path / "gone")
    studio.chats.begin(str(gone), ChatSettings(), "One")
    await answered(studio, 2)
    gone.rename(parrot)
    studio.forget_model(gone)
    async with visiting(studio, f"/chat/{only(studio).id}") as user:
        await sees(user, "The model's folder is missing", str(gone), "choose another model above")
        await say(user, "Two")
        await sees(user, "is no converted model", "Give the folder of a converted model")
        assert user.find(marker="message").elements.pop().value == "Two"
        await fill(user, "path", str(parrot))
        await user.should_not_see("folder is missing", retries=100)
        user.find(marker="send").click()
        await answered(studio, 4)
    assert said(studio)[3] == ANSWER.format(prompt="Two")


async def test_the_first_step_is_named_and_nothing_is_kept_of_what_failed(studio: Studio) -> None:
    async with visiting(studio, "/chat") as user:
        await sees(user, "Convert a model first")
        await say(user, "Hello")
        await sees(user, "No model is chosen")
        await user.open("/chat/0123456789ab")
        await sees(user, "There is no conversation '0123456789ab'")
    assert not studio.chats.list()


async def test_a_conversation_is_answered_once_at_a_time(studio: Studio, parrot: Path, held: Path) -> None:
    conversation = studio.chats.begin(str(parrot), ChatSettings(), "One")
    with pytest.raises(InvalidRequest, match="is being answered"):
        studio.chats.say(conversation.id, "Two")
    with pytest.raises(InvalidRequest, match="empty"):
        studio.chats.say(conversation.id, "  ")
    held.unlink()
    await answered(studio, 2)


async def test_a_message_without_an_answer_can_be_answered(studio: Studio, parrot: Path) -> None:
    store = studio.workspace.conversations
    store.save(store.create(parrot).with_message("user", "Anybody there?"))
    async with visiting(studio, f"/chat/{only(studio).id}") as user:
        await sees(user, "This message has no answer")
        user.find(marker="answer-it").click()
        await answered(studio, 2)
        await user.should_not_see("This message has no answer", retries=50)


async def test_a_model_that_breaks_can_be_asked_again(studio: Studio, parrot: Path) -> None:
    script = (parrot / "script.json").read_text()
    (parrot / "script.json").write_text("{}")
    async with visiting(studio, f"/chat?model={parrot}") as user:
        await say(user, "Hello")
        await sees(user, "pieces", "Try again")
        (parrot / "script.json").write_text(script)
        studio.forget_model(parrot)
        user.find(marker="again").click()
        await answered(studio, 2)
        await user.should_not_see("Try again", retries=50)


async def test_a_first_message_is_sent_once_and_what_is_typed_meanwhile_stays(
    studio: Studio, parrot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, go, asked = studio.chats.begin, threading.Event(), list[str]()

    def slow(model: str, settings: ChatSettings, text: str, files: tuple[Attachment, ...]) -> Conversation:
        asked.append(text)
        go.wait(60)
        return begin(model, settings, text, files)

    monkeypatch.setattr(studio.chats, "begin", slow)
    async with visiting(studio, f"/chat?model={parrot}") as user:
        await say(user, "One")
        user.find(marker="message").trigger("keydown")
        await until(lambda: asked)
        await fill(user, "message", "Two")
        go.set()
        await answered(studio, 2)
        await until(lambda: studio.draft.chat["texts"] == {only(studio).id: "Two"})
        assert user.find(marker="message").elements.pop().value == "Two"
        await user.open("/chat")
        assert user.find(marker="message").elements.pop().value == ""
    assert asked == ["One"]


async def test_an_answer_stopped_before_its_first_word_can_be_asked_for_again(
    studio: Studio, tiny_model: Path, tmp_path: Path, held: Path
) -> None:
    mute = scripted_model(tiny_model, tmp_path / "mute", ["{prompt}"], hold_at=0)
    studio.chats.begin(str(mute), ChatSettings(), "One")
    async with visiting(studio, f"/chat/{only(studio).id}") as user:
        await sees(user, "Stop")
        user.find(marker="send").click()
        await sees(user, "This message has no answer")
        held.unlink()
        user.find(marker="answer-it").click()
        await answered(studio, 2)


async def test_a_conversation_that_was_deleted_in_another_tab_goes(studio: Studio, parrot: Path) -> None:
    studio.chats.begin(str(parrot), ChatSettings(), "One")
    await answered(studio, 2)
    id = only(studio).id
    async with visiting(studio, f"/chat/{id}") as user:
        await sees(user, "One")
        studio.workspace.conversations.delete(id)
        user.find(marker="export-json").click()
        await sees(user, f"There is no conversation '{id}'")
        studio.chats.version += 1
        await user.should_not_see(marker="turn", retries=50)

"""Conversations: changed as values, kept as files, never silently lost."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mlx_convert_core import ChatMessage, GenerateResult, InvalidRequest
from mlx_convert_core.plugin import ChatSettings, Conversation, ConversationStore, figures_of

MODEL = Path("/models/Tiny-MLX-4bit")
SAVE = """
import sys
from dataclasses import replace
from pathlib import Path
from mlx_convert_core.plugin import ConversationStore

store = ConversationStore(Path(sys.argv[1]))
conversation = store.get(sys.argv[2])
conversation = replace(conversation, messages=conversation.messages[:4])  # the other may have begun before us
for number in range(40):
    conversation = store.save(conversation.with_message("user", f"{sys.argv[3]} {number} " + "x" * 5000))
"""


@pytest.fixture
def store(home: Path) -> ConversationStore:
    return ConversationStore(home)


@pytest.fixture
def talk(store: ConversationStore) -> Conversation:
    """Give two turns of both."""
    begun = store.create(MODEL, ChatSettings(system="Be brief.", seed=7))
    for question, answer in (("What is MLX?", "A framework."), ("By whom?", "By *Apple*.")):
        begun = begun.with_message("user", question).with_message("assistant", answer, {"generation_tokens": 3})
    return store.save(begun)


def test_what_was_saved_comes_back(store: ConversationStore, talk: Conversation) -> None:
    assert store.get(talk.id) == talk
    assert store.list() == (talk.summary,)
    assert (talk.summary.messages, talk.summary.title, talk.model) == (4, "What is MLX?", MODEL)
    assert store.problem == ""


def test_the_one_changed_last_comes_first(store: ConversationStore, talk: Conversation) -> None:
    newer = store.create(MODEL)
    assert [one.id for one in store.list()] == [newer.id, talk.id]
    store.rename(talk.id, "  About MLX ")
    assert [one.title for one in store.list()] == ["About MLX", ""]
    assert store.get(talk.id).messages == talk.messages


def test_words_are_found_in_titles_and_in_all_that_was_said(store: ConversationStore, talk: Conversation) -> None:
    other = store.save(store.create(MODEL, title="Rivers").with_message("user", "Wo fließt die DONAU?"))
    assert store.search("  ") == store.list()
    for words, found in (("apple framework", talk), ("mlx", talk), ("rivers donau", other), ("FLIESST", other)):
        assert [one.id for one in store.search(words)] == [found.id], words
    store.save(talk.edited(2, "By which people?"))
    assert [one.id for one in store.search("whom")] == [talk.id]  # it is in another way that the conversation went
    assert store.search("assistant") == ()  # a word of the file, which nobody said


def test_what_is_pinned_keeps_its_time(store: ConversationStore, talk: Conversation) -> None:
    store.pin(talk.id)
    assert store.get(talk.id) == replace(talk, pinned=True)
    assert store.save(store.get(talk.id)).pinned
    store.pin(talk.id, False)
    assert [one.pinned for one in store.list()] == [False]
    with pytest.raises(InvalidRequest):
        store.pin("0000")


def test_a_pin_that_makes_no_sense_is_none(store: ConversationStore, talk: Conversation) -> None:
    path = store.folder / f"{talk.id}.json"
    for nonsense in ("yes", 7, None, [True]):
        path.write_text(json.dumps({**json.loads(path.read_text()), "pinned": nonsense}))
        assert store.get(talk.id) == talk


def test_a_list_sees_what_another_program_changed(store: ConversationStore, talk: Conversation, home: Path) -> None:
    assert [one.title for one in store.list()] == ["What is MLX?"]
    elsewhere = ConversationStore(home)
    elsewhere.rename(talk.id, "Another title")
    assert [one.title for one in store.list()] == ["Another title"]
    elsewhere.delete(talk.id)
    assert store.list() == ()


def test_a_title_comes_from_the_first_question_only(store: ConversationStore) -> None:
    begun = store.create(MODEL).with_message("user", "  How\n  are   you? " + "x" * 100)
    assert begun.title.startswith("How are you? xx")
    assert len(begun.title) == 60
    assert begun.with_message("user", "Well?").title == begun.title
    assert store.create(MODEL, title="Mine").with_message("user", "Hello").title == "Mine"


def contents(conversation: Conversation) -> list[str]:
    """What is said in the way that is shown."""
    return [message.content for message in conversation.messages]


def test_an_edited_question_keeps_what_came_after_as_a_branch(talk: Conversation) -> None:
    edited = talk.edited(2, "Since when?")
    assert contents(edited) == ["What is MLX?", "A framework.", "Since when?"]
    assert (talk.versions(2), edited.versions(2), edited.versions(0)) == ((1, 1), (2, 2), (1, 1))
    assert contents(edited.switched(2, -1)) == contents(talk)
    assert contents(edited.switched(2, -1).switched(2, 1)) == contents(edited)
    assert edited.switched(2, 1) == edited  # there is none later
    assert len(talk.edited(-1, "By Apple.").messages) == 4
    assert talk.edited(1, "Other.").messages[1].figures == {}
    with pytest.raises(IndexError):
        talk.edited(4, "?")


def test_to_answer_again_the_last_answer_goes(talk: Conversation) -> None:
    again = talk.without_last_answer()
    assert [one.role for one in again.messages] == ["user", "assistant", "user"]
    assert again.without_last_answer() == again
    assert replace(talk, messages=()).without_last_answer().messages == ()
    assert again.versions(3) == (0, 1)  # while the new one is on its way
    assert contents(again.switched(3, -1)) == contents(talk)


def test_no_turn_is_lost_however_often_one_is_said_anew(store: ConversationStore, talk: Conversation) -> None:
    answers = talk.without_last_answer().with_message("assistant", "By several.")
    answers = answers.without_last_answer().with_message("assistant", "By many.")
    assert answers.versions(3) == (3, 3)
    other = answers.edited(0, "What is MLX-LM?").with_message("assistant", "A package.")
    assert (other.versions(0), other.versions(3)) == ((2, 2), (0, 0))  # the answers belong to the first question
    kept = store.save(other)
    assert store.get(kept.id) == kept
    back = kept.switched(0, -1)
    assert contents(back) == contents(answers)
    assert back.versions(3) == (3, 3)
    assert [contents(back.switched(3, by))[-1] for by in (-1, -2)] == ["By several.", "By *Apple*."]
    assert sorted(message.content for message in back.all_messages()) == sorted(
        message.content for message in other.all_messages()
    )
    assert len([*back.all_messages()]) == 8


def test_an_answer_goes_on_where_it_was_cut_off(talk: Conversation) -> None:
    assert talk.request().begun == "By *Apple*."
    more = talk.continued(" And others.", {"generation_tokens": 4, "finish_reason": "stop"})
    assert more.messages[-1].content == "By *Apple*. And others."
    assert more.messages[-1].figures == {"generation_tokens": 7, "finish_reason": "stop"}
    assert more.with_message("user", "Who?").request().begun == ""


def test_a_conversation_is_a_request(talk: Conversation) -> None:
    request = talk.with_message("assistant", "").with_message("user", "Go on.").request()
    assert request.messages[-1] == ChatMessage(role="user", content="Go on.")
    assert len(request.messages) == 5  # the empty answer is none
    assert (request.system, request.seed, request.max_tokens) == ("Be brief.", 7, 512)
    assert ChatSettings.of(request) == talk.settings


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="temperature is 9"):
        ChatSettings(temperature=9)


def test_figures_are_all_but_the_text() -> None:
    figures = figures_of(GenerateResult(text="Hi", finish_reason="stop", generation_tokens=1))
    assert "text" not in figures
    assert (figures["finish_reason"], figures["generation_tokens"]) == ("stop", 1)


def test_markdown_is_for_people_and_names_no_folder(store: ConversationStore, talk: Conversation) -> None:
    written = store.export(talk.id, "markdown")
    assert written == (
        f"# What is MLX?\n\nTiny-MLX-4bit · {talk.created[:10]}\n\n## System\n\nBe brief.\n\n## You\n\nWhat is MLX?\n\n"
        "## Tiny-MLX-4bit\n\nA framework.\n\n## You\n\nBy whom?\n\n## Tiny-MLX-4bit\n\nBy *Apple*.\n"
    )
    assert "/models" not in written


def test_an_export_can_be_read_again(store: ConversationStore, talk: Conversation, tmp_path: Path) -> None:
    exported = store.export(talk.id, "json")
    copy = store.load(exported)
    assert copy.id != talk.id
    assert (copy.messages, copy.settings, copy.title) == (talk.messages, talk.settings, talk.title)
    assert ConversationStore(tmp_path).load(exported).id == talk.id
    stolen = exported.replace(talk.id, "../../evil")
    assert store.load(stolen).id.isalnum()
    spoiled = exported.replace('"user"', '"boss"'), exported.replace(": 512", ": -1"), "{", "[]", "{}", "[" * 9999
    no_text = exported.replace(MODEL.name, "\ud800"), exported.replace(MODEL.name, "M").encode().replace(b"M", b"\xff")
    for wrong in (*spoiled, *no_text):
        with pytest.raises(InvalidRequest, match="no exported conversation"):
            store.load(wrong)


def test_what_is_not_there_is_said(store: ConversationStore, talk: Conversation) -> None:
    store.delete(talk.id)
    assert store.list() == ()
    for id in (talk.id, "", "../settings", "x" * 200):
        for act in (store.get, store.delete, lambda id: store.rename(id, "?"), lambda id: store.export(id, "json")):
            with pytest.raises(InvalidRequest) as caught:
                act(id)
            assert caught.value.code == "no_conversation"
    with pytest.raises(InvalidRequest, match="title is empty"):
        store.rename(store.create(MODEL).id, "  ")


def test_a_damaged_file_is_reported_and_not_lost(store: ConversationStore, talk: Conversation) -> None:
    good = store.create(MODEL)
    path = store.folder / f"{talk.id}.json"
    damaged = path.read_bytes()[:-20]
    path.write_bytes(damaged)
    assert store.list() == (good.summary,)
    (aside,) = store.folder.glob("*.damaged-*")
    assert aside.read_bytes() == damaged
    assert aside.name in store.problem
    path.write_bytes(damaged)
    with pytest.raises(InvalidRequest, match="It was kept as"):
        store.get(talk.id)
    store.create(MODEL)
    store.list()
    assert store.problem == ""


def test_a_file_of_another_version_stays_as_it_is(store: ConversationStore, talk: Conversation) -> None:
    path = store.folder / f"{talk.id}.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "messages": "in a new way"}))
    assert store.list() == ()
    assert path.name in store.problem
    with pytest.raises(InvalidRequest) as caught:
        store.get(talk.id)
    assert caught.value.code == "conversation_damaged"
    path.write_text(json.dumps({**stored, "pinned": True}))
    store.rename(talk.id, "New")
    assert json.loads(path.read_text())["pinned"] is True


def test_a_time_that_is_none_is_named_and_stands_last(store: ConversationStore, talk: Conversation) -> None:
    path = store.folder / f"{talk.id}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "updated": "yesterday"}))
    newer = store.create(MODEL)
    assert [one.id for one in store.list()] == [newer.id, talk.id]
    assert path.name in store.problem


def test_two_that_save_at_once_leave_a_whole_conversation(
    store: ConversationStore, talk: Conversation, home: Path
) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", SAVE, str(home), talk.id, name]) for name in "ab"]
    while any(writer.poll() is None for writer in writers):
        assert store.get(talk.id).messages[:4] == talk.messages
    assert [writer.returncode for writer in writers] == [0, 0]
    (kept,) = store.list()
    assert kept.messages == 44
    contents = [one.content for one in store.get(talk.id).messages[4:]]
    assert len({content[0] for content in contents}) == 1  # all of the one that saved last
    assert {path.name for path in store.folder.iterdir()} == {f"{talk.id}.json", ".lock"}

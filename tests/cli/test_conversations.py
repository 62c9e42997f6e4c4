"""`conversations`, and chats that are kept and continued."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from mlx_convert_core.plugin import ChatSettings, Conversation, ConversationStore

Run = Callable[..., Result]
GREEDY = ("--temperature", "0", "--max-tokens", "6")


@pytest.fixture
def talk(home: Path) -> Conversation:
    """Keep a conversation of one question and its answer."""
    store = ConversationStore(home)
    begun = store.create("/models/Tiny-MLX-4bit", ChatSettings(system="Be brief."))
    return store.save(begun.with_message("user", "What is MLX?").with_message("assistant", "A framework."))


def test_a_chat_is_kept_and_goes_on_later(run: Run, tiny_model: Path, home: Path) -> None:
    first = run("chat", tiny_model, *GREEDY, "--system", "Be brief.", "--json", input="hello\n")
    assert first.exit_code == 0, first.stderr
    (listed,) = json.loads(run("conversations", "--json").stdout)
    assert (listed["title"], listed["messages"], listed["model"]) == ("hello", 2, str(tiny_model))
    second = run("chat", "--continue", listed["id"], "--json", input="and then?\n")
    assert second.exit_code == 0, second.stderr
    asked, answered = (_result(ended) for ended in (first, second))
    assert answered["prompt_tokens"] > asked["prompt_tokens"]
    assert answered["generation_tokens"] <= 6  # the settings go on, too
    kept = ConversationStore(home).get(listed["id"])
    assert [one.role for one in kept.messages] == ["user", "assistant"] * 2
    assert kept.messages[1].content == asked["text"]
    assert kept.messages[1].figures["generation_tokens"] == asked["generation_tokens"]
    assert (kept.settings.system, kept.settings.temperature) == ("Be brief.", 0)


def test_a_reset_begins_another_conversation(run: Run, parrot: Path) -> None:
    run("chat", parrot, input="one\n/reset\ntwo\n/system Rhyme.\nthree\n")
    listed = json.loads(run("conversations", "--json").stdout)
    assert [one["title"] for one in listed] == ["three", "two", "one"]


def test_an_answer_goes_on_when_one_says_so(run: Run, parrot: Path, home: Path) -> None:
    ended = run("chat", parrot, input="/continue\none\n/continue\n")
    assert "There is no answer yet that could go on." in ended.stderr
    (listed,) = json.loads(run("conversations", "--json").stdout)
    question, answer = ConversationStore(home).get(listed["id"]).messages
    assert (question.content, answer.content) == ("one", "oneone")  # it says the last message again


def test_nothing_is_kept_when_nobody_wants_it(run: Run, parrot: Path) -> None:
    assert run("chat", parrot, "--no-history", input="hello\n").exit_code == 0
    nothing = run("conversations")
    assert nothing.stdout == ""
    assert "There are no conversations yet" in nothing.stderr


def test_a_chat_that_cannot_be_kept_goes_on(run: Run, parrot: Path, home: Path) -> None:
    (home / "conversations").write_text("in the way")
    ended = run("chat", parrot, input="hello\nhello\n")
    assert ended.exit_code == 0
    assert ended.stderr.count("warning: this conversation is not kept") == 1
    assert ended.stderr.count("tokens/s") == 2


def test_a_person_is_told_how_to_go_on(terminal: Callable[..., Any], parrot: Path, home: Path) -> None:
    program = terminal("chat", parrot)
    program.expect("is ready")
    program.type("hello\n")
    program.expect("tokens/s")
    program.expect("> ")  # before that the terminal itself would take the Ctrl-D
    program.type("\x04")
    (kept,) = _when_kept(home, program)
    program = terminal("chat", "--continue", kept)
    program.expect("'hello' goes on after 2 messages.")
    program.type("/quit\n")
    assert program.wait() == 0


def test_what_to_chat_with_must_be_said(run: Run, talk: Conversation) -> None:
    for arguments, said in (
        ((), "no model was named"),
        (("--continue", "abcdef"), "no conversation 'abcdef'"),
    ):
        ended = run("chat", *arguments, input="hello\n")
        assert ended.exit_code == 2
        assert said in ended.stderr
    gone = run("chat", "--continue", talk.id, input="hello\n")
    assert gone.exit_code == 1
    assert "/models/Tiny-MLX-4bit" in gone.stderr


def test_a_conversation_is_listed_shown_and_renamed(run: Run, talk: Conversation) -> None:
    listed = run("conversations").stdout
    for said in (talk.id, "What is MLX?", "Tiny-MLX-4bit"):
        assert said in listed
    shown = run("conversations", "show", talk.id).stdout
    assert shown.startswith("# What is MLX?\n")
    assert json.loads(run("conversations", "show", talk.id, "--json").stdout)["settings"]["system"] == "Be brief."
    assert "'About MLX' now" in run("conversations", "rename", talk.id, "About MLX").stderr
    assert json.loads(run("conversations", "list", "--json").stdout)[0]["title"] == "About MLX"


def test_words_find_conversations_by_title_and_by_what_was_said(run: Run, talk: Conversation, home: Path) -> None:
    store = ConversationStore(home)
    other = store.save(store.create("/models/Tiny-MLX-4bit", title="Rivers").with_message("user", "Where is the Nile?"))
    for words, wanted in (("FRAMEWORK mlx", [talk.id]), ("nile", [other.id]), ("rivers", [other.id]), ("", None)):
        found = json.loads(run("conversations", "list", "--search", words, "--json").stdout)
        assert [one["id"] for one in found] == (wanted or [other.id, talk.id])
    assert talk.id not in run("conversations", "--search", "nile").stdout
    nothing = run("conversations", "--search", "assistant")  # a word of the files, not of what was said
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "None of 2 conversations has 'assistant'" in nothing.stderr


def test_a_pinned_conversation_is_listed_first(run: Run, talk: Conversation, home: Path) -> None:
    store = ConversationStore(home)
    newer = store.create("/models/Tiny-MLX-4bit", title="Newer")
    assert "'What is MLX?' is pinned." in run("conversations", "pin", talk.id).stderr
    lines = run("conversations").stdout.splitlines()
    assert (talk.id in lines[1], "pinned" in lines[1], newer.id in lines[2]) == (True, True, True)
    assert not json.loads(run("conversations", "pin", talk.id, "--off", "--json").stdout)["pinned"]
    assert talk.id in run("conversations").stdout.splitlines()[2]
    assert run("conversations", "pin", "0000").exit_code == 2


def test_an_export_can_be_imported(run: Run, talk: Conversation, tmp_path: Path) -> None:
    assert run("conversations", "export", talk.id).stdout == run("conversations", "show", talk.id).stdout
    written = run("conversations", "export", talk.id, "--format", "json", "--output", "talk.json")
    assert written.exit_code == 0, written.stderr
    taken = json.loads(run("conversations", "import", "talk.json", "--json").stdout)
    assert taken["title"] == talk.title
    assert len(json.loads(run("conversations", "--json").stdout)) == 2
    for name, content, code in (("lost.json", None, 1), ("bad.json", b"{}", 2), ("bytes.json", b"\xff", 2)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        assert run("conversations", "import", name).exit_code == code
    assert run("conversations", "export", talk.id, "--output", "no/such/folder.md").exit_code == 2


def test_nothing_is_deleted_unasked(run: Run, talk: Conversation) -> None:
    refused = run("conversations", "delete", talk.id)
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    deleted = run("conversations", "delete", talk.id, "--yes", "--json")
    assert json.loads(deleted.stdout)["deleted"]["id"] == talk.id
    assert run("conversations", "show", talk.id).exit_code == 2


def test_a_damaged_conversation_is_named(run: Run, talk: Conversation, home: Path) -> None:
    (home / "conversations" / f"{talk.id}.json").write_text("{")
    assert f"warning: 1 conversations can't be read: {talk.id}.json.damaged-" in run("conversations").stderr


def _result(ended: Result) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])["result"]
    return result


def _when_kept(home: Path, program: Any) -> list[str]:
    program.expect("mlx-convert chat --continue ")
    assert program.wait() == 0
    return [one.id for one in ConversationStore(home).list()]

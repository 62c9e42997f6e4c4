"""Exported conversations, spoiled: each is imported and can be shown again, or is refused in words."""

from __future__ import annotations

import json
from pathlib import Path

from fuzz.loop import Case, Fuzz, amounts
from fuzz.mutations import spoiled_json
from mlx_convert_core.base import codec
from mlx_convert_core.plugin import ChatSettings, Conversation, ConversationStore

TALK = (
    Conversation(
        id="0123456789ab",
        title="Capitals",
        model=Path("/models/tiny"),
        created="2026-01-02T03:04:05.000006+00:00",
        updated="2026-01-02T03:04:05.000006+00:00",
        settings=ChatSettings(system="Be brief.", seed=7),
    )
    .with_message("user", "What is the capital of France?")
    .with_message("assistant", "Paris", {"prompt_tokens": 3})
)


@amounts
def test_a_spoiled_conversation_is_imported_or_refused(fuzz: Fuzz, home: Path) -> None:
    exported = json.loads(codec.to_json(TALK))

    def attempt(case: Case) -> object:
        store = ConversationStore(case.folder)
        kept = store.load(spoiled_json(case.random, exported))
        shown = [store.export(kept.id, "markdown"), store.export(kept.id, "json")]
        return kept.summary, shown, store.list(), store.get(kept.id).request()

    fuzz("imported conversations", 800, attempt)

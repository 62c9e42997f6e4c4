"""What was typed into a form: each tab keeps its own, and settings can be kept under a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlx_convert_ui.state.studio import Studio
from nicegui.testing import User
from simulated import fill, sees, until, visiting

from mlx_convert_core.plugin import ChatSettings

pytestmark = pytest.mark.asyncio


def values(user: User, marker: str) -> list[str]:
    """What stands in the fields with this ``marker``."""
    return [box.value for box in user.find(marker=marker).elements]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("path", "field"), [("/test", "prompt"), ("/compare", "prompt"), ("/chat", "message")])
async def test_each_tab_keeps_what_was_typed_in_it(studio: Studio, path: str, field: str) -> None:
    async with visiting(studio, path) as user:
        await fill(user, field, "of the first tab")
        first, user.tab_id = user.tab_id, "another tab"
        await user.open(path)
        assert values(user, field) == ["of the first tab"]  # a new tab begins with the newest
        await fill(user, field, "of the other")
        user.tab_id = first
        await user.open(path)
        await until(lambda: values(user, field) == ["of the first tab"])
        user.tab_id = "another tab"
        await user.open(path)
        await until(lambda: values(user, field) == ["of the other"])


@pytest.mark.parametrize(("path", "field"), [("/test", "path"), ("/compare", "path0"), ("/chat", "path")])
async def test_each_tab_keeps_the_model_that_was_chosen_in_it(studio: Studio, path: str, field: str) -> None:
    async with visiting(studio, path) as user:

        async def choose(model: str) -> None:
            await fill(user, field, model)
            await until(lambda: model in str(getattr(studio.draft, path[1:])))

        await choose("/models/first")
        first, user.tab_id = user.tab_id, "another tab"
        await user.open(path)
        await choose("/models/second")
        user.tab_id = first
        await user.open(path)
        await until(lambda: values(user, field) == ["/models/first"])
        user.tab_id = "another tab"
        await user.open(path)
        await until(lambda: values(user, field) == ["/models/second"])


async def test_a_model_that_is_chosen_in_another_tab_is_shown_in_the_conversation(
    studio: Studio, tmp_path: Path
) -> None:
    talk = studio.workspace.conversations.create(tmp_path / "one", title="Two tabs")
    other = studio.workspace.conversations.create(tmp_path / "one", title="Left alone")
    async with visiting(studio, f"/chat/{talk.id}") as user:
        assert values(user, "path") == [str(tmp_path / "one")]
        studio.chats.change(talk.id, model=str(tmp_path / "two"))
        await until(lambda: values(user, "path") == [str(tmp_path / "two")])
        await user.open(f"/chat/{other.id}")
        assert values(user, "path") == [str(tmp_path / "one")]


async def test_settings_that_change_in_another_tab_are_shown_in_the_conversation(
    studio: Studio, tmp_path: Path
) -> None:
    talk = studio.workspace.conversations.create(tmp_path / "one", title="Two tabs")
    async with visiting(studio, f"/chat/{talk.id}") as user:
        assert values(user, "system") == [""]
        studio.chats.change(talk.id, settings=ChatSettings(system="Be dry.", temperature=0.2))
        await until(lambda: (values(user, "system"), values(user, "temperature")) == (["Be dry."], [0.2]))
        drawer = user.find(marker="drawer")
        user.find(marker="settings").click()
        await fill(user, "system", "Be kind.")
        studio.chats.change(talk.id, settings=ChatSettings(system="Be brief."))
        studio.chats.rename(talk.id, "Drawn anew")
        await sees(user, "Drawn anew")
        assert values(user, "system") == ["Be kind."]  # what is being typed stays
        drawer.trigger("hide")
        await until(lambda: studio.chats.get(talk.id).settings.system == "Be kind.")


@pytest.mark.parametrize("path", ["/test", "/compare", "/chat"])
async def test_settings_that_are_kept_in_another_tab_can_be_taken(studio: Studio, path: str) -> None:
    async with visiting(studio, path) as user:
        (kept,) = user.find(marker="kept").elements
        user.tab_id = "another tab"
        await user.open(path)
        user.find(marker="keep-settings").click()
        await sees(user, "Name")
        await fill(user, "line", "Lively")
        user.find(marker="confirm").click()
        await until(lambda: "Lively" in kept.options)  # type: ignore[attr-defined]
        assert kept.value == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/test", "/chat"])
async def test_settings_are_kept_under_a_name_taken_and_let_go(studio: Studio, path: str) -> None:
    dry = ChatSettings(system="Be dry.", max_tokens=9, temperature=0.1, top_k=3, seed=7)
    studio.workspace.answer_presets.keep("Dry", dry)

    async with visiting(studio, path) as user:

        def value(marker: str) -> object:
            (element,) = user.find(marker=marker).elements
            return element.value  # type: ignore[attr-defined]

        (kept,) = user.find(marker="kept").elements
        await until(lambda: "Dry" in kept.options)  # type: ignore[attr-defined]
        user.find(marker="kept").trigger("change", "Dry")
        await until(lambda: value("system") == "Be dry.")
        assert [value(name) for name in ("max_tokens", "temperature", "top_k", "seed")] == [9, 0.1, 3, 7]

        await fill(user, "temperature", 0.9)
        user.find(marker="keep-settings").click()
        await sees(user, "Name")
        await fill(user, "line", "Lively")
        user.find(marker="confirm").click()
        await until(lambda: "Lively" in studio.workspace.answer_presets.all())
        lively = studio.workspace.answer_presets.all()["Lively"]
        assert (lively.temperature, lively.system, lively.seed) == (0.9, "Be dry.", 7)
        await until(lambda: kept.value == "Lively")  # type: ignore[attr-defined]

        user.find(marker="forget-settings").click()
        await sees(user, "Forget these settings?")
        await until(lambda: len(user.find(marker="confirm").elements) == 1)  # the dialog before it is gone
        user.find(marker="confirm").click()
        await until(lambda: list(studio.workspace.answer_presets.all()) == ["Dry"])

"""The Test page, as a simulated user sees it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from architectures.test_config_meaning import source
from browser.models import scripted_model
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.model_menu import AT_ONCE
from mlx_convert_ui.widgets.prompts import EXAMPLE_PROMPTS
from model_menu import offered, shown, take
from simulated import fill, sees, until, visiting

from mlx_convert_core.plugin import ChatSettings

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("scripted")]


@pytest.fixture
def parrot(tiny_model: Path, tmp_path: Path) -> Path:
    """Give a model that says what it was asked, word by word, and waits before the second while there is a hold."""
    return scripted_model(tiny_model, tmp_path / "parrot", ["You said: ", "{prompt}", " **Bye.**"], hold_at=1)


async def test_a_real_model_answers_and_its_figures_are_shown(studio: Studio, tiny_model: Path) -> None:
    studio.workspace.scan(tiny_model)
    async with visiting(studio, "/test") as user:
        await sees(user, "No answer yet")
        await fill(user, "max_tokens", 50)
        user.find(marker="generate").click()
        await sees(user, "Speed", "tokens/s", "First token after", "Peak memory", " in, ")
        (view,) = studio.views.of("generate", "test")
        assert view.text == view.job.result().text


@pytest.mark.parametrize("page", ["test", "chat", "compare"])
async def test_of_a_large_library_the_page_holds_a_few_models_and_finds_the_others(
    studio: Studio, parrot: Path, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (entry,) = studio.workspace.scan(parrot)
    many = tuple(
        replace(entry, name=f"model-{number:04}", path=parrot.with_name(f"m{number}")) for number in range(3000)
    )
    monkeypatch.setattr(Studio, "entries", lambda self: many)
    marker = "model0" if page == "compare" else "model"
    async with visiting(studio, f"/{page}?model={many[2000].path}") as user:
        assert shown(user, marker) == "model-2000"
        assert offered(user) == []  # nothing is drawn before it is opened
        user.find(marker=marker).click()
        await sees(user, "and 2,970 more", f"{entry.bits_per_weight:.2f}\xa0bits\xa0per\xa0weight")
        assert offered(user) == ["model-2000", *(one.name for one in many[: AT_ONCE - 1])]
        for box in user.find(marker="find-model").elements:
            box.value = "MODEL-1234"
        await until(lambda: "model-1234" in offered(user))
        take(user, "model-1234")
        await until(lambda: shown(user, marker) == "model-1234")


async def test_what_loading_shows_about_a_model_is_said_beside_its_answer(studio: Studio, tmp_path: Path) -> None:
    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 77_000.0}
    model = source(tmp_path / "mixtral", "mixtral", rope_parameters=yarn)
    async with visiting(studio, f"/test?model={model}") as user:
        await fill(user, "max_tokens", 1)
        user.find(marker="generate").click()
        await sees(user, "Speed", "does not apply the yarn scaling")


async def test_the_settings_of_the_form_reach_the_model(studio: Studio, parrot: Path) -> None:
    async with visiting(studio, f"/test?model={parrot}") as user:
        user.find(marker="example-multilingual").click()
        for marker, value in (("temperature", 0.2), ("top_p", 0.9), ("repetition_penalty", 1.1), ("seed", 7)):
            await fill(user, marker, value)
        await fill(user, "system", "Be brief.")
        user.find(marker="generate").click()
        await sees(user, "Speed")
        (view,) = studio.views.of("generate", "test")
        request = view.request
        assert view.text == f"You said: {EXAMPLE_PROMPTS['multilingual']} **Bye.**"
        assert (request.temperature, request.top_p, request.repetition_penalty, request.seed) == (0.2, 0.9, 1.1, 7)
        assert (request.max_tokens, request.system) == (512, "Be brief.")


async def test_the_form_takes_all_that_the_models_authors_recommend(studio: Studio, parrot: Path) -> None:
    (parrot / "mlx_convert.json").unlink()  # it may be a link
    (parrot / "mlx_convert.json").write_text('{"source": {"ref": "LiquidAI/LFM2-1.2B"}}')
    studio.workspace.scan(parrot)
    async with visiting(studio, "/test") as user:
        for name in ("", "parrot"):
            user.find(marker="model").click()
            take(user, name)
        await sees(user, "Settings as the authors of LFM2 1.2B recommend")
        await fill(user, "top_k", 40)
        user.find(marker="generate").click()
        await sees(user, "Speed")
        (view,) = studio.views.of("generate", "test")
        request = view.request
        assert (request.temperature, request.min_p, request.repetition_penalty) == (0.3, 0.15, 1.05)
        assert (request.top_p, request.top_k) == (1.0, 40)


async def test_a_number_beyond_the_slider_reaches_the_model(studio: Studio, parrot: Path) -> None:
    async with visiting(studio, f"/test?model={parrot}") as user:
        for marker, value in (("temperature", 1.5), ("max_tokens", 20), ("top_k", 5000), ("repetition_penalty", 0.9)):
            (box,) = user.find(marker=marker).elements
            assert box.min <= value <= box.max  # type: ignore[attr-defined]
            await fill(user, marker, value)
        user.find(marker="generate").click()
        await sees(user, "Speed")
        request = studio.views.of("generate", "test")[0].request
        assert (request.temperature, request.max_tokens) == (1.5, 20)
        assert (request.top_k, request.repetition_penalty) == (5000, 0.9)


async def test_an_emptied_box_leaves_the_number_as_it_was(studio: Studio, parrot: Path) -> None:
    async with visiting(studio, f"/test?model={parrot}") as user:
        await fill(user, "temperature", 1.5)
        await fill(user, "temperature", None)
        user.find(marker="generate").click()
        await sees(user, "Speed")
        assert studio.views.of("generate", "test")[0].request.temperature == 1.5
        user.find(marker="temperature").trigger("blur")
        (box,) = user.find(marker="temperature").elements
        await until(lambda: box.value == 1.5)  # type: ignore[attr-defined]


async def test_an_answer_goes_on_over_a_reload_and_can_be_stopped(studio: Studio, parrot: Path, held: Path) -> None:
    async with visiting(studio, f"/test?model={parrot}") as user:
        user.find(marker="generate").click()
        await sees(user, "Answering")
        await user.open("/test")
        await sees(user, "Answering", "Stop")
        user.find(marker="generate").click()
        await sees(user, "Stopped", "Generate")
        assert studio.views.of("generate")[0].text == "You said: "
        held.unlink()
        user.find(marker="generate").click()
        await sees(user, "Speed")
        assert studio.views.of("generate")[0].text.endswith("Bye.**")


async def test_what_is_wrong_is_said_with_the_next_step(studio: Studio, tmp_path: Path) -> None:
    async with visiting(studio, "/test") as user:
        await sees(user, "There is no converted model yet")
        user.find(marker="generate").click()
        await sees(user, "No model is chosen", "Choose one from the library")
        await fill(user, "path", str(tmp_path / "nowhere"))
        user.find(marker="generate").click()
        await sees(user, "is no converted model", "Give the folder of a converted model")
        await fill(user, "path", "~nobody-here/model")
        user.find(marker="generate").click()
        await sees(user, "there is no user 'nobody-here'")
        await fill(user, "prompt", "  ")
        user.find(marker="generate").click()
        await sees(user, "The prompt is empty")
    assert not studio.views.of("generate")


async def test_a_model_that_breaks_says_so_and_can_be_tried_again(studio: Studio, parrot: Path) -> None:
    script = (parrot / "script.json").read_text()
    (parrot / "script.json").write_text("{}")
    async with visiting(studio, f"/test?model={parrot}") as user:
        user.find(marker="generate").click()
        await sees(user, "Failed", "pieces", "Try again")
        (parrot / "script.json").write_text(script)
        studio.forget_model(parrot)
        user.find(marker="again").click()
        await sees(user, "Speed")


async def test_the_form_survives_a_reload(studio: Studio, parrot: Path) -> None:
    studio.workspace.scan(parrot)
    async with visiting(studio, "/test") as user:
        await fill(user, "prompt", "A question of mine")
        await fill(user, "temperature", 0.35)
        await user.open("/test")
        await sees(user, "A question of mine")
        (box,) = user.find(marker="temperature").elements
        assert box.value == 0.35


async def test_answers_of_other_pages_are_not_shown_here(studio: Studio, parrot: Path) -> None:
    studio.chats.begin(str(parrot), ChatSettings(), "Hello")
    await until(lambda: not studio.views.of("generate")[0].active)
    async with visiting(studio, "/test") as user:
        await sees(user, "No answer yet")

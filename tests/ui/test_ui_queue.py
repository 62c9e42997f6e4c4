"""The Queue page; what waits is really converted, one after the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlx_convert_ui.pages.queue.adding import parse
from mlx_convert_ui.state.studio import Studio
from samples.mlx_folder import write_mlx_folder
from samples.seeing import write_seeing
from simulated import fill, labelled, pick, sees, until, visiting

from mlx_convert_core import ConvertRequest, InvalidRequest, JobState, Workspace


def test_a_pasted_list_becomes_refs() -> None:
    text = """
        # for the weekend
        Qwen/Qwen2.5-0.5B-Instruct
        "~/checkpoints/mine",
        https://huggingface.co/org/name
        Qwen/Qwen2.5-0.5B-Instruct
    """
    assert parse(text) == ("Qwen/Qwen2.5-0.5B-Instruct", "~/checkpoints/mine", "https://huggingface.co/org/name")


@pytest.mark.parametrize("text", ["", "  \n# only a remark"])
def test_an_empty_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse(text)


@pytest.mark.asyncio
@pytest.mark.parametrize("line", ["what is this", "javascript:alert(1)"])
async def test_a_line_that_no_source_takes_keeps_all_from_being_added(studio: Studio, line: str) -> None:
    async with visiting(studio, "/queue") as user:
        await fill(user, "refs", f"good/one\n{line}")
        user.find(marker="add").click()
        await sees(user, f"'{line}' names no model", "Qwen/Qwen2.5-0.5B-Instruct (Hugging Face)")
    assert studio.workspace.queue.items() == ()


@pytest.mark.asyncio
async def test_several_models_are_added_and_converted_in_order(studio: Studio, tiny_llama: Path) -> None:
    studio.start()
    async with visiting(studio, "/queue") as user:
        await sees(user, "Nothing waits")
        user.find(marker="add").click()
        await sees(user, "No model is named.")
        await fill(user, "refs", f"{tiny_llama}\n{tiny_llama.parent / 'nowhere'}")
        await fill(user, "presets", ["8bit"])
        user.find(marker="add").click()
        await sees(user, "Done", "tiny-llama-MLX-8bit", "Failed", "There is no folder")
        user.find(marker="clear").click()
        await sees(user, "Nothing waits")
    assert (Path.cwd() / "models/tiny-llama-MLX-8bit/config.json").is_file()
    assert studio.open_conversions == 0


@pytest.mark.asyncio
async def test_a_row_says_the_numbers_and_leads_to_each_result(studio: Studio, tiny_llama: Path) -> None:
    studio.enqueue([ConvertRequest(ref=str(tiny_llama), preset=("4bit", "8bit"), group_size=32, verify=False)])
    async with visiting(studio, "/queue") as user:
        await sees(user, "4-bit, 8-bit, with groups of 32")
        studio.start()
        await sees(user, "Done")
        links = user.find(marker="result").elements
        assert sorted(link.props["href"].rpartition("tiny-llama-MLX-")[2] for link in links) == ["4bit-g32", "8bit-g32"]


@pytest.mark.asyncio
async def test_waiting_items_are_moved_and_removed(studio: Studio) -> None:
    for name in ("a/first", "a/second", "a/third"):
        studio.enqueue([ConvertRequest(ref=name)])
    async with visiting(studio, "/queue") as user:
        await sees(user, "first", "second", "third")
        up, down = user.find(marker="up").elements, user.find(marker="down").elements
        assert sum("disabled" in button.props for button in up) == 1
        assert sum("disabled" in button.props for button in down) == 1
        labelled(user, "Move third up").click()
        await until(lambda: [item.request.ref for item in studio.queue.items][1:] == ["a/third", "a/second"])
        labelled(user, "Remove first").click()
        await until(lambda: [item.request.ref for item in studio.queue.items] == ["a/third", "a/second"])
        await until(lambda: len(user.find(marker="queue-item").elements) == 2)


@pytest.mark.asyncio
async def test_a_running_item_is_cancelled_and_tried_again(studio: Studio, tiny_llama: Path) -> None:
    studio.start()
    async with visiting(studio, "/queue") as user:
        studio.enqueue([ConvertRequest(ref=str(tiny_llama), preset="4bit")])
        await sees(user, "Running")
        user.find(marker="cancel-item").click()
        await sees(user, "Cancelled")
        assert not list((Path.cwd() / "models").glob("*"))
        user.find(marker="retry-item").click()
        await sees(user, "Done")
    assert (Path.cwd() / "models/tiny-llama-MLX-4bit/config.json").is_file()


@pytest.mark.asyncio
async def test_an_output_that_exists_is_replaced_after_a_yes(studio: Studio, tiny_llama: Path) -> None:
    taken = write_mlx_folder(Path.cwd() / "models/tiny-llama-MLX-4bit")
    studio.start()
    async with visiting(studio, "/queue") as user:
        studio.enqueue([ConvertRequest(ref=str(tiny_llama), preset="4bit")])
        await sees(user, "already exists", "Replace it, or choose another folder.")
        user.find(marker="remedy").click()
        await sees(user, "Replace what tiny-llama is converted to?", "LICENSE, config.json and 1 weight file")
        assert (taken / "LICENSE").exists()
        user.find(marker="confirm").click()
        await sees(user, "Done")
    assert not (taken / "LICENSE").exists()


@pytest.mark.asyncio
async def test_a_model_for_pictures_waits_for_a_yes_and_keeps_its_place(
    studio: Studio, tiny_llama: Path, tmp_path: Path
) -> None:
    seeing = write_seeing(tiny_llama, tmp_path / "seeing")
    studio.start()
    async with visiting(studio, "/queue") as user:
        studio.enqueue([ConvertRequest(ref=str(seeing), preset="4bit"), ConvertRequest(ref=str(tiny_llama))])
        await sees(user, "takes pictures besides text", "Done")
        user.find(marker="remedy").click()
        await until(lambda: all(item.state is JobState.FINISHED for item in studio.workspace.queue.items()))
    assert [item.request.text_only for item in studio.workspace.queue.items()] == [True, False]


@pytest.mark.asyncio
async def test_what_waited_when_the_app_was_closed_goes_on(studio: Studio, home: Path, tiny_llama: Path) -> None:
    with Workspace() as earlier:
        earlier.queue.add(ConvertRequest(ref=str(tiny_llama), preset="4bit"))
    async with visiting(studio, "/queue") as user:
        await sees(user, "tiny-llama", "Waits")
        studio.start()
        await sees(user, "Done")
    assert studio.workspace.queue.items()[0].state is JobState.FINISHED


@pytest.mark.asyncio
async def test_a_recipe_for_several_models_goes_to_the_queue(studio: Studio, tiny_llama: Path) -> None:
    recipe = Path.home() / "shared.json"
    outputs = [{"preset": "4bit"}, {"preset": "8bit"}]
    recipe.write_text(json.dumps({"schema": 1, "mlx_convert": "recipe", "ref": "org/name", "outputs": outputs}))
    async with visiting(studio, "/queue") as user:
        user.find(marker="add-recipe").click()
        await sees(user, "Choose a recipe", "shared.json")
        await pick(user, "shared.json")
        await sees(user, "4-bit, 8-bit")
    assert studio.workspace.queue.items()[0].request.presets == ("4bit", "8bit")

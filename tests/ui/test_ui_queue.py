"""The Queue page; what waits is really converted, one after the other."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from mlx_convert_ui.pages.queue.adding import parse
from mlx_convert_ui.state.queue_lines import AT_ONCE
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Tag
from nicegui.testing import User
from samples.mlx_folder import write_mlx_folder
from samples.seeing import write_seeing
from simulated import fill, labelled, pick, sees, until, visiting

from mlx_convert_core import ConvertRequest, InvalidRequest, JobState, Workspace

SHELF = """
from mlx_convert_core.plugin import UploadRequest, UploadResult, hookimpl

class Shelf:
    name, summary = "shelf", "a shelf of the test"

    def check(self, request):
        return UploadRequest(path=request.path, target="shelf", name=request.path.name)

    def preview(self, request):
        return ""

    def upload(self, request, report):
        return UploadResult(location=f"https://shelf.test/{request.name}", files=1, sent_files=1, sent_bytes=1)

@hookimpl
def register_upload_targets():
    yield Shelf()
"""


@pytest.fixture
def shelf(home: Path) -> Path:
    """Offer a place to send models to; name this fixture before ``studio``."""
    plugin = home / "plugins/shelf.py"
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text(SHELF)
    return plugin


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
        await sees(user, "Nothing in the queue")
        user.find(marker="add").click()
        await sees(user, "No model is named.")
        await fill(user, "refs", str(tiny_llama))
        await fill(user, "presets", ["8bit"])
        user.find(marker="add").click()
        studio.enqueue([ConvertRequest(ref=str(tiny_llama.parent / "nowhere"), preset="8bit")])
        await sees(user, "Done", "tiny-llama-MLX-8bit", "Failed", "There is no folder")
        user.find(marker="clear").click()
        await sees(user, "Nothing in the queue")
    assert (Path.cwd() / "models/tiny-llama-MLX-8bit/config.json").is_file()
    assert studio.queue.open == 0


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
        await sees(user, "Replace what tiny-llama was converted to?", "LICENSE, config.json and 1 weight file")
        assert (taken / "LICENSE").exists()
        user.find(marker="confirm").click()
        await sees(user, "Done")
    assert not (taken / "LICENSE").exists()


@pytest.mark.asyncio
async def test_an_adapter_in_the_list_leads_to_its_base_with_it(studio: Studio, tiny_llama: Path) -> None:
    (tiny_llama / "model.safetensors").unlink()
    (tiny_llama / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    (tiny_llama / "adapter_model.safetensors").write_bytes(b"")
    async with visiting(studio, "/queue") as user:
        await fill(user, "refs", str(tiny_llama))
        await sees(user, "Use org/base")
        [link] = user.find(marker="remedy").elements
        assert isinstance(link, Tag)
        await user.open(link.props["href"])
        await sees(user, "Adapter")
        [(base,), (adapter,)] = (user.find(marker=name).elements for name in ("ref", "advanced-adapter"))
        assert (base.value, adapter.value) == ("org/base", str(tiny_llama))  # type: ignore[attr-defined]


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
        await sees(user, "tiny-llama", "Waiting")
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


@pytest.mark.asyncio
async def test_each_line_gets_its_verdict_and_what_can_not_be_made_stays(studio: Studio, tiny_llama: Path) -> None:
    nowhere = tiny_llama.parent / "nowhere"
    async with visiting(studio, "/queue") as user:
        await fill(user, "refs", f"{tiny_llama}\n{nowhere}")
        await fill(user, "presets", ["4bit", "8bit"])
        await sees(user, "1 of 2 models can be converted.", "There is no folder", "in 2", "Runs here")
        user.find(marker="add").click()
        await until(lambda: studio.workspace.queue.items())
        await sees(user, "1 model can't be converted as it is")
        (refs,) = user.find(marker="refs").elements
        await until(lambda: refs.value == str(nowhere))
    assert [item.request.ref for item in studio.workspace.queue.items()] == [str(tiny_llama)]


@pytest.mark.asyncio
async def test_a_line_that_changed_is_not_looked_at(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    begun, going = threading.Event(), threading.Event()

    def plan(request: ConvertRequest, **options: object) -> None:
        asked.append(request.ref)
        begun.set()
        going.wait(60)
        raise InvalidRequest("no such model.")

    monkeypatch.setattr(studio.workspace, "plan", plan)
    async with visiting(studio, "/queue") as user:
        await fill(user, "refs", "\n".join(f"org/{number}" for number in range(30)))
        await until(begun.is_set)
        await fill(user, "refs", "org/other")
        going.set()
        await sees(user, "No such model.")
    assert len(asked) <= 2 * AT_ONCE
    assert asked[-1] == "org/other"


@pytest.mark.asyncio
async def test_what_is_there_already_is_left_replaced_or_made_beside_it_as_one_says(
    studio: Studio, tiny_llama: Path
) -> None:
    models = Path.cwd() / "models"
    taken = write_mlx_folder(models / "tiny-llama-MLX-4bit")
    async with visiting(studio, "/queue") as user:
        await fill(user, "presets", ["4bit", "8bit"])
        await fill(user, "refs", str(tiny_llama))
        await sees(user, "tiny-llama-MLX-4bit is there already")
        user.find(marker="add").click()
        await until(lambda: studio.workspace.queue.items())
        await fill(user, "refs", str(tiny_llama))
        await sees(user, "tiny-llama-MLX-4bit is there already")
        await fill(user, "there", "rename")
        user.find(marker="add").click()
        await until(lambda: len(studio.workspace.queue.items()) == 2)
        await fill(user, "refs", str(tiny_llama))
        await sees(user, "tiny-llama-MLX-4bit is there already")
        await fill(user, "there", "replace")
        user.find(marker="add").click()
        await sees(user, "Replace 1 model?", "LICENSE, config.json and 1 weight file")
        user.find(marker="confirm").click()
        await until(lambda: len(studio.workspace.queue.items()) == 3)
    left, renamed, replaced = (item.request for item in studio.workspace.queue.items())
    assert [path.name for path in left.outputs] == ["tiny-llama-MLX-8bit"]
    assert [path.name for path in renamed.outputs] == ["tiny-llama-MLX-4bit-2", "tiny-llama-MLX-8bit"]
    assert (renamed.force, replaced.force) == (False, True)
    assert (taken / "LICENSE").exists()


@pytest.mark.asyncio
async def test_each_result_has_its_buttons_and_one_that_was_there_can_still_be_made(
    studio: Studio, tiny_llama: Path
) -> None:
    models = Path.cwd() / "models"
    write_mlx_folder(models / "tiny-llama-MLX-4bit")
    studio.enqueue([ConvertRequest(ref=str(tiny_llama), preset=("4bit", "6bit", "8bit"), verify=False)])
    studio.start()
    async with visiting(studio, "/queue") as user:
        await sees(user, "Done", "tiny-llama-MLX-4bit was not made: it is there already")
        assert len(user.find(marker="result-row").elements) == 2
        labelled(user, "Upload tiny-llama-MLX-8bit").click()
        await sees(user, "Upload tiny-llama-MLX-8bit", "Where to")
        user.find(marker="cancel").click()
        await user.should_not_see("Where to", retries=50)
        user.find(marker="rename-one").click()
        await until(lambda: (models / "tiny-llama-MLX-4bit-2/config.json").is_file())
        user.find(marker="replace-one").click()
        await sees(user, "Replace tiny-llama-MLX-4bit?", "LICENSE, config.json and 1 weight file")
        user.find(marker="confirm").click()
        await until(lambda: not (models / "tiny-llama-MLX-4bit/LICENSE").exists())


@pytest.mark.asyncio
async def test_what_is_counted_beside_a_page_is_what_it_lists(studio: Studio, tiny_llama: Path) -> None:
    studio.enqueue([ConvertRequest(ref=str(tiny_llama)), ConvertRequest(ref="org/other")])
    async with visiting(studio, "/queue") as user:
        await sees(user, "Waiting")
        assert said(user) == {"2 conversions running or waiting"}
        studio.convert(ConvertRequest(ref=str(tiny_llama), preset="4bit", verify=False))
        await until(lambda: said(user) == {"1 conversion running", "2 conversions running or waiting"})
        await until(lambda: said(user) == {"2 conversions running or waiting"})


def said(user: User) -> set[str]:
    """What stands beside the names of pages, as it is read out."""
    counts = [one for one in user.find(kind=Tag).elements if "nav-count" in one.classes]
    return {one.props["aria-label"] for one in counts if "aria-label" in one.props}


@pytest.mark.asyncio
async def test_results_are_sent_once_they_are_done(shelf: Path, studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio, "/queue") as user:
        await fill(user, "refs", str(tiny_llama))
        await fill(user, "presets", ["8bit"])
        await fill(user, "upload-when-done", "shelf")
        user.find(marker="add").click()
        await sees(user, "then upload to shelf")
        studio.start()
        await sees(user, "Done", "Uploaded to", "https://shelf.test/tiny-llama-MLX-8bit")


@pytest.mark.asyncio
async def test_a_line_names_the_adapters_that_are_fused(studio: Studio, tiny_llama: Path, tmp_path: Path) -> None:
    adapters = ("org/style-lora", str(tmp_path / "my-lora"))
    studio.enqueue([ConvertRequest(ref=str(tiny_llama), preset="4bit", adapter=adapters)])
    async with visiting(studio, "/queue") as user:
        await sees(user, "fused with org/style-lora, my-lora")

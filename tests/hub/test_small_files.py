"""Tokenizer and chat templates of a repo: fetched and tried before its weights, and all of them come along."""

from __future__ import annotations

from pathlib import Path

import pytest
from hubserver import Hub
from samples.tiny import write_tiny_llama

from mlx_convert_core import ConvertRequest, PreflightFailed, Workspace

TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.fixture
def llama(hub: Hub, tmp_path: Path) -> Path:
    """Give the folder of a repo that has a template for tools beside its own."""
    folder = write_tiny_llama(tmp_path / "source")
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text(f"{TEMPLATE}TOOLS")
    return folder


def test_a_damaged_tokenizer_is_refused_before_a_weight_is_fetched(
    hub: Hub, workspace: Workspace, llama: Path, tmp_path: Path
) -> None:
    (llama / "tokenizer.json").write_text('{"version": "1.0", "added_')
    hub.add_repo("org/llama", folder=llama)
    request = ConvertRequest(ref="org/llama", preset="4bit", output=tmp_path / "out")
    with pytest.raises(PreflightFailed) as caught:
        workspace.convert(request, inline=True).result()
    assert caught.value.code == "bad_json"
    assert "tokenizer.json" in caught.value.message
    assert len(hub.requests.matching(r"\.safetensors$", origin="hub")) == 1  # for its header
    assert not (tmp_path / "out").exists()


def test_what_the_template_of_a_repo_objects_to_is_in_its_plan(hub: Hub, workspace: Workspace, llama: Path) -> None:
    (llama / "chat_template.jinja").write_text("{{ raise_exception('Never.') }}")
    hub.add_repo("org/llama", folder=llama)
    request = ConvertRequest(ref="org/llama", preset="4bit")
    assert "template_refused" in {finding.code for finding in workspace.plan(request).findings}
    hub.requests.clear()
    assert "template_refused" not in {finding.code for finding in workspace.plan(request, exact=False).findings}
    assert not hub.requests.matching("tokenizer")


def test_further_templates_of_a_repo_come_along(hub: Hub, workspace: Workspace, llama: Path, tmp_path: Path) -> None:
    hub.add_repo("org/llama", folder=llama)
    request = ConvertRequest(ref="org/llama", preset="4bit", output=tmp_path / "out")
    model = workspace.convert(request, inline=True).result().path
    assert (model / "additional_chat_templates" / "tool_use.jinja").read_text() == f"{TEMPLATE}TOOLS"
    fetched = [request.path for request in hub.requests.matching(r"/resolve/.*/tokenizer\.json$", origin="hub")]
    assert len(fetched) == 1  # what was tried is not fetched again

"""Whatever stands in `mlx_convert.json` and config.json: a folder is listed, or named and passed over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import ConvertRequest, EntryNotFound, LibraryEntry, MlxConvertError, Workspace
from mlx_convert_core.model.record import Record, Source, parse_record, public_record, public_text, read_record
from mlx_convert_core.plugin import entry_of, figures_in, groups_in, recipe_of

WHOLE: dict[str, Any] = {
    "schema": 1,
    "created": "2025-11-01T10:00:00+00:00",
    "source": {"ref": "org/name", "revision": "c0ffee"},
    "recipe": {"preset": "4bit", "bits": 4, "group_size": 64, "mode": "affine"},
    "versions": {"mlx": "0.30"},
    "weights": {"bytes": 4, "parameters": 2, "bits_per_weight": 16.0},
    "kept_layers": [{"path": "a", "reason": "odd rows", "nbytes": 8}],
    "findings": [{"code": "x", "level": "info", "message": "m", "hint": ""}],
    "measurements": {"perplexity": 7.5, "speed": {"prompt": 100}},
    "files": {"config.json": {"size": 2, "sha256": "00"}},
}
CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "torch_dtype": "bfloat16",
    "quantization": {"bits": 4, "group_size": 64, "mode": "affine", "model.norm": {"bits": 8}},
}
VALUES: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    0,
    1e300,
    10**30,
    "text",
    "",
    [],
    [1],
    [[]],
    {},
    {"a": 1},
    {"": None},
    "\0",
)
TEXTS = (
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"7",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a": "\\ud800"}',
)


def odd(whole: dict[str, Any]) -> Iterator[bytes]:
    """The JSON of ``whole`` with every value of it, at any depth, replaced by every odd one."""
    yield from TEXTS
    for value in VALUES:
        yield from (json.dumps(one).encode() for one in _replaced(whole, value))
    yield json.dumps(whole).encode().replace(b"4", b"NaN", 1)


def _replaced(whole: dict[str, Any], value: Any) -> Iterator[dict[str, Any]]:
    for key, old in whole.items():
        yield {**whole, key: value}
        if isinstance(old, dict):
            yield from ({**whole, key: inner} for inner in _replaced(old, value))
        if isinstance(old, list):
            yield {**whole, key: [*old, value]}


def test_an_odd_record_costs_no_more_than_what_is_odd_in_it(tmp_path: Path) -> None:
    model = write_mlx_folder(tmp_path / "model")
    for data in odd(WHOLE):
        (model / "mlx_convert.json").write_bytes(data)
        entry = entry_of(model)
        assert entry is not None
        assert _types(entry), data[:200]
        record = read_record(model)
        if record is not None:
            assert public_record(public_record(record)) == public_record(record)
        try:
            recipe_of(model, str)
        except EntryNotFound:
            continue


def test_an_odd_config_is_no_defect(tmp_path: Path) -> None:
    model = write_mlx_folder(tmp_path / "model")
    for data in odd(CONFIG):
        (model / "config.json").write_bytes(data)
        entry = entry_of(model)
        assert entry is None or _types(entry), data[:200]


def _types(entry: LibraryEntry) -> bool:
    values = asdict(entry)
    texts = all(isinstance(values[name], str) for name in ("source", "preset", "created", "model_type", "quantization"))
    kept = [one for group in groups_in(entry.measurements).values() for one in figures_in(group)]
    figures = all(isinstance(one.value, float) for one in kept)
    return texts and figures and isinstance(entry.revision, str | None) and entry.bits_per_weight >= 0


def test_what_is_right_in_a_record_is_taken() -> None:
    assert parse_record(json.dumps(WHOLE).encode()) == Record(
        **{  # type: ignore[arg-type]
            **WHOLE,
            "source": Source(ref="org/name", revision="c0ffee"),
            "weights": parse_record(json.dumps(WHOLE).encode()).weights,  # type: ignore[union-attr]
            "kept_layers": parse_record(json.dumps(WHOLE).encode()).kept_layers,  # type: ignore[union-attr]
            "findings": parse_record(json.dumps(WHOLE).encode()).findings,  # type: ignore[union-attr]
            "files": parse_record(json.dumps(WHOLE).encode()).files,  # type: ignore[union-attr]
        }
    )
    spoiled = {**WHOLE, "source": {"ref": "org/name", "revision": 7}, "files": {"a": 1, **WHOLE["files"]}}
    found = parse_record(json.dumps(spoiled).encode())
    assert found is not None
    assert (found.source.ref, found.source.revision, list(found.files)) == ("org/name", None, ["config.json"])


@pytest.mark.parametrize(
    "record", ["[]", '{"recipe": null}', '{"source": null}', '{"measurements": null}', '{"source": {"revision": 7}}']
)
def test_scan_list_plan_and_replace_go_on_with_an_odd_record(
    workspace: Workspace, tmp_path: Path, write_toy: Any, record: str
) -> None:
    odd, good = write_mlx_folder(tmp_path / "lib" / "odd"), write_mlx_folder(tmp_path / "lib" / "good")
    (odd / "mlx_convert.json").write_text(record)
    told: list[str] = []
    assert {entry.path for entry in workspace.scan(tmp_path / "lib", told.append)} == {odd, good}
    assert [str(odd / "mlx_convert.json") in why for why in told] == [True]
    assert len(workspace.library.entries()) == 2
    request = ConvertRequest(ref=str(write_toy()), preset="bf16", output=odd, force=True)
    assert not workspace.plan(request, exact=False).errors
    assert workspace.convert(request, inline=True).result().path == odd


@pytest.mark.parametrize("config", ["[]", "{", "[" * 100_000, '"text"'])
def test_a_folder_with_an_odd_config_is_named_by_the_scan_and_passed_over(
    workspace: Workspace, tmp_path: Path, config: str
) -> None:
    odd, good = write_mlx_folder(tmp_path / "a"), write_mlx_folder(tmp_path / "b")
    (odd / "config.json").write_text(config)
    told: list[str] = []
    assert [entry.path for entry in workspace.scan(tmp_path, told.append)] == [good]
    assert [str(odd) in why and "config.json" in why for why in told] == [True]


def test_a_record_without_a_recipe_has_none_to_share(tmp_path: Path) -> None:
    (tmp_path / "mlx_convert.json").write_text('{"recipe": null, "source": null}')
    with pytest.raises(MlxConvertError) as refused:
        recipe_of(tmp_path, str)
    assert refused.value.code == "no_recipe"


PRIVATE = ("/Users/Al Smith/models/tiny", "/home/al")


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("/Users/Al Smith/models/tiny has no config.json", "tiny has no config.json"),
        ("see /Users/Al Smith/models/other/x.json, please", "see other/x.json, please"),
        ("below /Users/Al Smith: nothing", "below ~: nothing"),
        ("'/home/al/x' and ~/y/z and ~bob/secret", "'x' and z and secret"),
        ("/home/alice/x", "x"),
        ("(/opt/data/weights.bin)", "(weights.bin)"),
        (
            "https://al:token@host.org/path?key=1 /think </s> a/b 3 tokens/s",
            "https://host.org/path /think </s> a/b 3 tokens/s",
        ),
        ("model.layers.*.mlp, 4 bits; and/or", "model.layers.*.mlp, 4 bits; and/or"),
    ],
)
def test_no_text_of_a_record_names_a_place(text: str, public: str) -> None:
    assert public_text(text, PRIVATE) == public
    assert public_text(public, PRIVATE) == public


@pytest.mark.parametrize(
    ("ref", "public"),
    [
        ("org/name", "org/name"),
        ("/Users/al/models/tiny", "tiny"),
        ("../al/tiny", "tiny"),
        ("~/tiny.gguf", "tiny.gguf"),
        ("file:///Users/al/tiny", "tiny"),
        ("s3://key:secret@bucket/tiny?token=1", "s3://bucket/tiny"),
        ("team:tiny", "team:tiny"),
        ("", ""),
    ],
)
def test_a_source_is_told_without_its_place(ref: str, public: str) -> None:
    assert public_record(Record(source=Source(ref=ref))).source.ref == public

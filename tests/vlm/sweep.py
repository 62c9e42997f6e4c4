"""Compare every architecture of mlx-vlm that a tiny checkpoint can be made of with mlx_vlm.convert, byte by byte.

python sweep.py [--write FILE] [NAME...]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import hub_layout
import reference
import tiny
from mlx_convert_vlm.architectures import model_types, takes

warnings.simplefilter("ignore")


PAGE = """# Architectures of mlx-convert-vlm

Which packages of mlx-vlm {version} convert to the same bytes as with `mlx_vlm.convert`, at 4 bit and in bf16, as
`make vlm-sweep` found it on a CPU.

## As Hugging Face repos have them

For each a tiny random checkpoint is made and saved by transformers {transformers}, with names, shapes and settings as
published repos have them.

{hub_equal} of {hub_tried} are equal.

| model type | equal to mlx_vlm |
|---|---|
{hub_rows}

## As mlx-vlm names them

For each a tiny random checkpoint is made by the package's own classes; so the names of tensors are those of mlx-vlm,
which its classes take as well as those of Hugging Face. Packages that no tiny checkpoint could be made of by rule
({untried}) are not in the table, nor are those whose models mlx-convert itself takes, by mlx-lm.

{equal} of {tried} are equal.

| package | equal to mlx_vlm |
|---|---|
{rows}
"""
Write = Callable[[str, Path], None]


def main(options: argparse.Namespace) -> None:
    """Print a line for each model type and package as it is known; write the page if that is wanted."""
    hub, _ = table(sorted(hub_layout.FAMILIES), options.names, hub_layout.write_checkpoint)
    own, untried = table(sorted(model_types()), options.names, tiny.write_checkpoint)
    if options.write:
        page = PAGE.format(
            version=version("mlx-vlm"),
            transformers=version("transformers"),
            hub_equal=equal(hub),
            hub_tried=len(hub),
            hub_rows=lines(hub),
            untried=untried,
            equal=equal(own),
            tried=len(own),
            rows=lines(own),
        )
        options.write.write_text(page, encoding="utf-8")


def table(names: Iterable[str], wanted: Collection[str], write: Write) -> tuple[dict[str, str], int]:
    """What was found of each of ``names`` that is ``wanted`` (empty: all), and of how many no checkpoint was made."""
    told: dict[str, str] = {}
    for name in names:
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as place:
            found = compared(name, Path(place), write)
        if found != "mlx-lm's":
            told[name] = found
            print(f"{name:28} {found}", flush=True)
    rows = {name: found for name, found in told.items() if not found.startswith("no checkpoint")}
    return rows, len(told) - len(rows)


def equal(rows: Mapping[str, str]) -> int:
    return sum(found == "equal" for found in rows.values())


def lines(rows: Mapping[str, str]) -> str:
    return "\n".join(f"| {name} | {'yes' if found == 'equal' else found} |" for name, found in rows.items())


def compared(name: str, place: Path, write: Write) -> str:
    """``equal``, or how the conversions differ."""
    import mlx.core as mx

    from mlx_convert_core import ConvertRequest, Workspace

    source = place / "source"
    try:
        write(name, source)
    except Exception as error:
        return f"no checkpoint: {first(error)}"
    config = json.loads((source / "config.json").read_text())
    if not takes(config, read(mx, source)):
        return "mlx-lm's"
    for bits, preset in ((4, "4bit"), (0, "bf16")):
        theirs = place / f"theirs-{preset}"
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                reference.main(str(source), str(theirs), str(bits or ""))
        except Exception as error:
            return f"mlx_vlm: {first(error)}"
        try:
            with Workspace(home=place / "home") as workspace:
                request = ConvertRequest(ref=str(source), preset=preset, output=place / preset, verify=False)
                workspace.convert(request, inline=True).result()
        except Exception as error:
            return f"ours: {first(error)}"
        ours, other = (read(mx, folder) for folder in (place / preset, theirs))
        if ours.keys() != other.keys():
            return f"{preset}: names differ: {sorted(ours.keys() ^ other.keys())[:3]}"
        for key, value in ours.items():
            if value.dtype != other[key].dtype or bytes(memoryview(value.reshape(-1).view(mx.uint8))) != bytes(
                memoryview(other[key].reshape(-1).view(mx.uint8))
            ):
                return f"{preset}: {key} differs"
    return "equal"


def read(mx: object, folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in folder.glob("*.safetensors"):
        found |= mx.load(str(path))
    return found


def first(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:150]}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page of the documentation, too")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a model type or a package; default: every one")
    main(parser.parse_args())

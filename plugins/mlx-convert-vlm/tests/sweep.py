"""Print which of mlx-vlm's architectures convert to the same bytes as with mlx_vlm.convert.

python sweep.py [MODEL_TYPE...]      needs mlx-vlm
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import warnings
from pathlib import Path

import reference
import tiny
from mlx_convert_vlm.architectures import model_types, takes

warnings.simplefilter("ignore")


def main(names: list[str]) -> None:
    equal = 0
    for name in names or sorted(model_types()):
        with tempfile.TemporaryDirectory() as place:
            told = compared(name, Path(place))
        if told == "mlx-lm's":
            continue
        equal += told == "equal"
        print(f"{name:24} {told}", flush=True)
    print(f"{equal} equal, of {len(model_types())} packages")


def compared(name: str, place: Path) -> str:
    """``equal``, or how the conversions differ."""
    import mlx.core as mx
    from mlx_convert_core import ConvertRequest, Workspace

    source = place / "source"
    try:
        tiny.write_checkpoint(name, source)
    except Exception as error:
        return f"no checkpoint: {first(error)}"
    config = json.loads((source / "config.json").read_text())
    if not takes(config, mx.load(str(source / "model.safetensors"))):
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
    main(sys.argv[1:])

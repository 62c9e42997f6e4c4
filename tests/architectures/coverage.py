"""Print which of mlx-lm's architectures convert to the same bytes as with mlx_lm.convert, and generate.

python tests/architectures/coverage.py [--write FILE] [MODEL_TYPE...]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

if __name__ == "__main__":  # the package's own folder comes first then, where this file hides coverage.py's package
    sys.path[0] = str(Path(__file__).parents[1])

from architectures.checkpoints import TINY
from architectures.packed import PACKED
from architectures.sweep import Row, line, notes, sweep
from architectures.transformers_page import HEADER, with_transformers

TERNARY = [name for name in PACKED if name.endswith("-bitnet")]  # not to be quantized further
PAGE = """# Architectures

Which architectures convert, as `make coverage` found it with mlx-lm {mlx_lm} and mlx {mlx} on a CPU. For each a tiny
random checkpoint in the layout of its Hugging Face repos is converted by mlx-convert and by `mlx_lm.convert`, to
{presets}. **Equal to mlx_lm** means every tensor, every key of config.json that readers use, the index and the split
into files; our config.json may say more, where the source's leaves a setting to each reader's own default.
**Generates** means that what was converted makes a token.

**Equal to transformers** means that a tiny random checkpoint, which transformers itself saved, computes the same logits
after conversion to fp32, within what float32 rounds (`make transformers-sweep`): positions, windows, experts and scales
mean what they meant. Where a class of mlx-lm computes otherwise, no conversion can mend that; the notes say what it is.
<!-- transformers -->
<!-- /transformers -->

{sums} Those with a suffix hold weights that another tool had quantized; they are carried over or expanded as mlx-lm
does it. `mlx-convert architectures` lists the model types of the mlx-lm that you have.

{header}{rows}
"""


def main(options: argparse.Namespace) -> None:
    """Print a line for each architecture as it is known, then the sums; write the page if that is wanted."""
    presets = options.presets.split(",")
    print(f"{'architecture':24} {'equal':6} {'generates':10} reason if not")
    rows = []
    for names, made in _batches(options.model_types or sorted(TINY | PACKED), presets):
        for row in sweep(names, made):
            rows.append(row)
            print(line(row), flush=True)
    print(f"\n{_sums(rows)}")
    if options.write:
        options.write.write_text(_page(rows, presets), encoding="utf-8")


def _batches(model_types: Sequence[str], presets: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    quantizing = [name for name in model_types if name not in TERNARY]
    ternary = [name for name in model_types if name in TERNARY]
    kept = [preset for preset in presets if not preset.endswith("bit")]
    return [(quantizing, list(presets)), (ternary, kept)]


def _sums(rows: Sequence[Row]) -> str:
    equal, generates = sum(row.equal for row in rows), sum(row.generates for row in rows)
    types = sum(row.equal for row in rows if row.model_type in TINY)
    return (
        f"{len(rows)} kinds of checkpoints: {equal} convert equal to mlx_lm.convert ({types} of them model types of"
        f" mlx-lm), {generates} generate."
    )


def _page(rows: Sequence[Row], presets: Sequence[str]) -> str:
    page = PAGE.format(
        header=HEADER,
        mlx_lm=version("mlx-lm"),
        mlx=version("mlx"),
        presets=" and ".join(presets),
        sums=_sums(rows),
        rows="\n".join(
            f"| {row.model_type} | {_word(row.equal)} | {_word(row.generates)} | {notes(row).replace('|', '/')} |"
            for row in rows
        ),
    )
    return with_transformers(page)


def _word(yes: bool) -> str:
    return "yes" if yes else "**no**"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--presets", default="4bit,bf16", help="which of our presets, with commas")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page of the documentation, too")
    parser.add_argument("model_types", nargs="*", metavar="MODEL_TYPE", help="default: every one")
    return parser.parse_args()


if __name__ == "__main__":
    main(_options())

"""The README of a converted model: what it is, how it was made and how to use it.

Our text stands between two HTML comments, so that it can be replaced and a person's own words around it stay.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlx_convert_core.plugin import (
    NEAREST,
    Calibration,
    ConvertPlan,
    Finding,
    ModelInfo,
    OutputPlan,
    Quantization,
    command,
    file_names,
    units,
)
from mlx_convert_hub.card.front_matter import card_fields, front_matter, text_fields
from mlx_convert_hub.trouble.seen import one_line

BEGIN = "<!-- mlx-convert: the text from here to the end mark is generated -->"
END = "<!-- mlx-convert: end of the generated text -->"
USE_BEGIN = "<!-- mlx-convert: use -->"
USE_END = "<!-- mlx-convert: end of use -->"
SHOWN_LAYERS = 10
NOTICED = ("not_finite", "overflow", "rope_differs")  # findings that whoever uses the model should know
TRUST = "--trust-remote-code"
_ENGINES = ("mlx-convert", "mlx", "mlx-lm")


def write_card(plan: ConvertPlan, staging: Path) -> None:
    """Write the card of the plan's one output into ``staging``; one that is there already stays."""
    if not (staging / file_names.CARD).exists():
        noticed = [finding for finding in plan.findings if finding.code in NOTICED]
        (staging / file_names.CARD).write_text(
            model_card(plan.model, plan.outputs[0], noticed, plan.calibration), encoding="utf-8"
        )


def model_card(
    model: ModelInfo, output: OutputPlan, noticed: Sequence[Finding] = (), calibration: Calibration | None = None
) -> str:
    """The whole card of ``output``, made from ``model``, with what was ``noticed`` about its numbers."""
    source = text_fields(model.card) if output.text_only else model.card
    fields = card_fields(source, base_model=model.repo_id, quantized=bool(output.quantized))
    return f"{front_matter(fields)}\n{BEGIN}\n{_body(model, output, noticed, calibration)}\n{END}\n"


def use_section(model: str, *, own_code: bool = False) -> str:
    """How to run the model at ``model``, a folder or a repo id, between its own marks.

    With ``own_code`` it brings Python code of its own, which each command has to allow.
    """
    model = one_line(model).replace("<!--", "<!-")  # no mark of ours
    word = Path(model) if model.startswith(("-", "~")) else model
    options = (TRUST,) if own_code else ()
    return f"""{USE_BEGIN}
With [mlx-lm](https://github.com/ml-explore/mlx-lm):

```
pip install mlx-lm
{command("mlx_lm.generate --model", word, *options)} --prompt "What is the capital of France?"
```

```python
from mlx_lm import generate, load

model, tokenizer = load({json.dumps(model, ensure_ascii=False)}{", trust_remote_code=True" * own_code})
messages = [{{"role": "user", "content": "What is the capital of France?"}}]
prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
print(generate(model, tokenizer, prompt=prompt))
```

With mlx-convert:

```
{_our_commands(word, options)}
```
{USE_END}"""


def escaped(text: str) -> str:
    """``text`` for the middle of a Markdown line, with everything that Markdown or HTML would read escaped."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&@:])", r"\\\1", one_line(text))


def _our_commands(model: str | Path, options: tuple[str, ...]) -> str:
    """The commands of mlx-convert that ask ``model``; a repo becomes a folder first, for `generate` takes no other."""
    name = model.rpartition("/")[2] if isinstance(model, str) else model
    fetch = f"{command('hf download', model, '--local-dir', name)}\n" if name != model else ""
    asked = command("mlx-convert generate", *options, Path(name) if fetch else model)
    return f'{fetch}{asked} "What is the capital of France?"'


def _body(model: ModelInfo, output: OutputPlan, noticed: Sequence[Finding], calibration: Calibration | None) -> str:
    own_code = bool(model.config.get("model_file"))  # without consent to it, there would be no model
    source = _source(model)
    lines = [
        f"# {escaped(output.path.name)}",
        "",
        f"{source}, converted to [MLX](https://github.com/ml-explore/mlx) for Apple Silicon.",
        "",
        "## How it was made",
        "",
        *_facts(model, output, calibration),
        *_kept(output),
        *_left_out(output),
        *(f"- {escaped(finding.message)}" for finding in noticed),
        "",
        "`mlx_convert.json` has the whole recipe and the sha256 of every file.",
        "",
        "## How to use it",
        "",
        use_section(output.path.name, own_code=own_code),
    ]
    return "\n".join(lines)


def _source(model: ModelInfo) -> str:
    if model.repo_id:
        return f"[{escaped(model.repo_id)}](https://huggingface.co/{model.repo_id})"
    return escaped(model.name)


def _facts(model: ModelInfo, output: OutputPlan, calibration: Calibration | None) -> Iterator[str]:
    yield f"- Recipe: {_recipe(output)}"
    if calibration is not None and output.method != NEAREST:
        yield (
            f"- Calibrated on: {escaped(calibration.words)}, seed {calibration.seed}"
            + (f", sha256 `{calibration.sha256[:16]}…`" if calibration.sha256 else "")
        )
    yield f"- Bits per weight: {units.bits(output.bits_per_weight)}, scales included"
    yield f"- Size: {units.size(output.weight_bytes)} of weights, {output.parameters:,} parameters"
    for adapter in model.adapters:
        named = adapter.repo_id or adapter.name
        at = f" at `{_code(adapter.revision)}`" if adapter.revision else ""
        yield f"- With the adapter {escaped(named)}{at} fused into it"
    if model.revision:
        yield f"- Source commit: `{_code(model.revision)}`"
    licence = model.card.get("license_name") or model.card.get("license")
    if isinstance(licence, str) and licence:
        yield f"- Licence, from the source: {escaped(licence)}"
    yield f"- Made with: {', '.join(_versions())}"


def _recipe(output: OutputPlan) -> str:
    preset = f"preset {escaped(output.preset)}" if output.label == output.preset else escaped(output.label)
    if output.quantization is None:
        return f"{preset}, {output.dtype or 'dtype of the source'}, not quantized"
    named = f"{preset}, {_numbers(output.quantization)}"
    if output.strategy:
        named += f", strategy {escaped(output.strategy)}"
    if output.method != NEAREST:
        named += f", rounded by the method {escaped(output.method)}"
    if output.dtype:
        named += f", the rest in {output.dtype}"
    counts = Counter(layer.quantization for layer in output.quantized)
    if len(counts) > 1:
        named += "; " + "; ".join(f"{count} layers {_numbers(numbers)}" for numbers, count in counts.most_common())
    return named


def _numbers(numbers: Quantization) -> str:
    return f"{numbers.bits} bits, group size {numbers.group_size}, mode {numbers.mode}"


def _kept(output: OutputPlan) -> Iterator[str]:
    if not output.kept:
        return
    yield f"- Layers that stay unquantized ({len(output.kept)}):"
    for layer in output.kept[:SHOWN_LAYERS]:
        yield f"  - `{_code(layer.path)}`: {escaped(layer.reason)}"
    if len(output.kept) > SHOWN_LAYERS:
        yield f"  - and {len(output.kept) - SHOWN_LAYERS} more, listed in `mlx_convert.json`"


def _left_out(output: OutputPlan) -> Iterator[str]:
    if output.text_only:
        yield "- Takes **text only**: what the source has for pictures and sound is not in it."
    if output.left_out:
        yield "- Not taken over from the source:"
        for part in output.left_out:
            names = ", ".join(f"`{_code(name)}`" for name in part.examples)
            yield f"  - {escaped(part.words)}, such as {names}"


def _versions() -> Iterator[str]:
    for name in _ENGINES:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue


def _code(text: str) -> str:
    return one_line(text).replace("`", "'")

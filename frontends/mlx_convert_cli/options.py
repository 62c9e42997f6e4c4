"""Options that several commands share, and the requests that they become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlx_convert_core import InvalidRequest, MlxConvertError
from mlx_convert_core.plugin import AFFINE_BITS, AFFINE_GROUP_SIZES, MODES, WITHOUT_TEXT, dtypes

if TYPE_CHECKING:  # every command has `common` options, and few make a request
    from mlx_convert_core import ConvertRequest, GenerateRequest, Preset, Workspace

F = TypeVar("F", bound=Callable[..., Any])


def common(command: F) -> F:
    """Add --json, as ``as_json``, and --debug."""
    command = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")(command)
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def converting(command: F) -> F:
    """Add REF and every option that makes a ConvertRequest."""
    return click.argument("ref", required=False)(conversion_options(command))


def conversion_options(command: F) -> F:
    """Add every option that makes a ConvertRequest, without REF."""
    for option in reversed(_CONVERTING):
        command = option(command)
    return command


def one_of(numbers: tuple[int, ...]) -> str:
    """``2, 3 or 4``."""
    return f"{', '.join(map(str, numbers[:-1]))} or {numbers[-1]}"


trusting = click.option("--trust-remote-code", is_flag=True, help="Let the model's own Python code run.")
BUDGETS = {"bpw": "bpw", "fit": "fit", "kl": "max_kl"}  # kinds of strategies that have an option of their own
THIS_MAC = "this-mac"  # the size that --fit finds out by itself
insisting = click.option("--anyway", is_flag=True, help="Load a model that does not fit into memory, too.")
_CONVERTING = (
    click.option("-p", "--preset", multiple=True, help="What to make; several times for several outputs."),
    click.option("-o", "--output", multiple=True, type=click.Path(), help="The new folder, once for each preset."),
    click.option("--bits", type=int, help=f"Bits per value, instead of the preset's: {one_of(AFFINE_BITS)}."),
    click.option("--group-size", type=int, help=f"Values that share a scale: {one_of(AFFINE_GROUP_SIZES)}."),
    click.option("--mode", type=click.Choice(MODES), help="The number format."),
    click.option("--strategy", help="Which layers get how many bits: uniform, mixed_4_6 ..., map:{...} or map:FILE."),
    click.option("--bpw", help="Bits per weight on average: bits for each layer by what it loses, at most so many."),
    click.option(
        "--fit", help="The same by the size of the weight files, such as 6GB; or this-mac: as much as runs here."
    ),
    click.option("--context", help="The tokens that --fit this-mac leaves room for, such as 16k. [4096]"),
    click.option(
        "--max-kl", help="The smallest model that diverges by so many nats at most, such as 0.05, as measured."
    ),
    click.option("--method", help="How numbers are rounded: nearest, tuned, compensated, or a plugin's own way."),
    click.option(
        "--calibration",
        type=click.Path(),
        help="A text that --method goes by, instead of the bundled one; or random tokens (random), or what the model"
        " says by itself (samples).",
    ),
    click.option("--dtype", type=click.Choice(dtypes.DTYPES), help="The type of what stays unquantized."),
    click.option("--revision", help="A branch, tag or commit of a repo."),
    click.option(
        "--adapter",
        multiple=True,
        help="A LoRA that is fused into the model: a repo id, or a folder; several times for several, in this order.",
    ),
    click.option("--recipe", type=click.Path(), help="A recipe file; options given beside it count more."),
    click.option("--force", is_flag=True, help="Replace an output that exists."),
    click.option("--resume", is_flag=True, help="Take up what a conversion that died left behind."),
    click.option("--discard-source", is_flag=True, help="Delete each fetched weight file as soon as it is used."),
    click.option("--text-only", is_flag=True, help="Agree to lose pictures and sound, where only text can be kept."),
    click.option("--dequantize", is_flag=True, help="Make plain numbers of packed layers; alone: the preset bf16."),
    click.option("--allow-overflow", is_flag=True, help="Agree to values that become infinite in the result."),
    click.option(
        "--no-verify", is_flag=True, help="Publish what was written without loading it and asking it something."
    ),
    trusting,
)


def convert_request(workspace: Workspace, values: dict[str, Any]) -> ConvertRequest:
    """The request that options make over a recipe; REF may come from a preset made for one model."""
    from mlx_convert_core import ConvertRequest, load_recipe

    given = {name: value for name, value in values.items() if not _left_out(value)}
    _take_budget(given)
    if "strategy" in given:
        given["strategy"] = _with_map(given["strategy"])
    if "calibration" in given:
        given["calibration"] = _text(given["calibration"])
    if given.pop("no_verify", False):
        given["verify"] = False
    recipe = load_recipe(Path(given.pop("recipe"))) if "recipe" in given else None
    ref = given.pop("ref", "") or (recipe.ref if recipe else "")
    if not ref:
        named = tuple(output.preset for output in recipe.outputs) if recipe else ()
        ref = _ref_of(given.get("preset", named), workspace.presets)
    return replace(recipe.request(ref), **given) if recipe else ConvertRequest(ref=ref, **given)


def _take_budget(given: dict[str, Any]) -> None:
    """Have --bpw, --fit and --max-kl be the strategies that they are. Raises InvalidRequest when there are several."""
    _take_context(given)
    budgets = {kind: given.pop(option) for kind, option in BUDGETS.items() if option in given}
    named = [*(BUDGETS[kind] for kind in budgets), *(["strategy"] if "strategy" in given else [])]
    if budgets and len(named) > 1:
        options = [f"--{name.replace('_', '-')}" for name in named]
        raise InvalidRequest(
            f"{' and '.join(options)} each say which layers get how many bits.",
            hint="Give one of them.",
            code="strategy",
        )
    for kind, value in budgets.items():
        given["strategy"] = f"{kind}:{value}"


def _take_context(given: dict[str, Any]) -> None:
    """Have --context be part of --fit this-mac. Raises InvalidRequest (code ``context``) beside anything else."""
    context = given.pop("context", None)
    if context is None:
        return
    if given.get("fit") != THIS_MAC:
        raise InvalidRequest(
            "a context says how much room to leave beside weights that are to fit into this machine.",
            hint="Give --context together with --fit this-mac.",
            code="context",
        )
    given["fit"] = f"{THIS_MAC}-{context.strip()}"


def _text(named: str) -> str:
    """A text's whole path, or what stands for no text; ``./random`` is a file of that name."""
    return named if named in WITHOUT_TEXT else _placed(named)


def _placed(file: str) -> str:
    """A file's whole path: a queue may run it from elsewhere."""
    from mlx_convert_core.plugin import expanded

    return str(expanded(file).absolute())


def _left_out(value: object) -> bool:
    """Whether an option was not given; 0 was, and is refused where it means nothing."""
    return value is None or value is False or value == ()


def _with_map(strategy: str) -> str:
    """``strategy`` with the content of the file that ``map:FILE`` names, so that it means the same everywhere."""
    from mlx_convert_cli.files import read_text
    from mlx_convert_core.plugin import expanded

    kind, _, text = strategy.partition(":")
    if kind != "map" or not text or text.lstrip().startswith(("{", "[")):
        return strategy
    try:
        return f"map:{' '.join(read_text(expanded(text)).split())}"
    except MlxConvertError as error:
        raise InvalidRequest(
            f"the strategy map {text} can't be read: {error.message}",
            hint="Give a file with JSON, or the JSON itself: --strategy 'map:{\"lm_head\": 8}'",
            code="strategy",
        ) from None


def _ref_of(named: tuple[str, ...], presets: dict[str, Preset]) -> str:
    """The model that the presets are made for; raises InvalidRequest when they don't name exactly one."""
    names = tuple(filter(None, named))
    for name in names:
        check_preset(name, presets)
    refs = {presets[name].ref or "" for name in names} - {""}
    if len(refs) == 1:
        return refs.pop()
    if refs:
        raise InvalidRequest(f"these presets are made for different models: {', '.join(names)}.", hint="Name one.")
    raise InvalidRequest(
        "no model was named.",
        hint="Give a repo id, a folder or a file: mlx-convert convert Qwen/Qwen2.5-0.5B-Instruct",
    )


def check_preset(name: str, presets: dict[str, Preset]) -> None:
    """Raise InvalidRequest when nobody offers the preset ``name``."""
    if name in presets:
        return
    from difflib import get_close_matches

    close = get_close_matches(name, presets, n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    raise InvalidRequest(f"there is no preset '{name}'.", hint=f"{hint}See `mlx-convert presets`.", code="preset")


def answering(command: F) -> F:
    """Add --trust-remote-code, --anyway and the options that make a GenerateRequest."""
    for option in reversed((*_SAMPLING, trusting, insisting)):
        command = option(command)
    return command


_SAMPLING = (
    click.option("--system", help="A text that tells the model how to behave."),
    click.option("--max-tokens", type=int, help="The longest answer, in tokens. [512]"),
    click.option("--temperature", type=float, help="0 always takes the likeliest token. [0.7]"),
    click.option("--top-p", type=float, help="Keep the likeliest tokens up to this probability. [1]"),
    click.option("--top-k", type=int, help="Keep this many tokens, 0 for all. [0]"),
    click.option("--min-p", type=float, help="Drop tokens below this share of the best. [0]"),
    click.option("--repetition-penalty", type=float, help="Above 1 repeats less. [1]"),
    click.option("--seed", type=int, help="The same seed gives the same answer."),
)


def generate_request(values: dict[str, Any], **more: Any) -> GenerateRequest:
    """The request with the options that were given; the rest has GenerateRequest's defaults."""
    from mlx_convert_core import GenerateRequest

    return GenerateRequest(**{name: value for name, value in values.items() if value is not None}, **more)

"""Recipes: a request as a JSON file that can be shared. It names a model and numbers, never a path of this machine.

::

    {"schema": 1, "mlx_convert": "recipe", "ref": "org/name", "revision": "main",
     "outputs": [{"preset": "4bit"}, {"preset": "8bit"}]}

An output may also have ``strategy``, ``method``, ``dtype``, ``bits``, ``group_size`` and ``mode``, the same for all
outputs. Of a model for pictures or sound, ``"text_only": true`` converts the text model alone.
``"dequantize": true`` reads packed layers as plain numbers, ``"allow_overflow": true`` agrees to values that become
infinite, ``"verify": false`` does without trying the results. ``"adapter": "org/lora"`` fuses that one, a list
each of them in turn.
``"calibration": "random"`` or ``"samples"`` has numbers rounded by what is no text, and ``calibration_sha256`` tells
the text by which numbers were rounded, of which nothing else is in a recipe: another one is told when it is run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from mlx_convert_core.base import codec
from mlx_convert_core.base.documents import write_atomic
from mlx_convert_core.base.file_names import RECORD
from mlx_convert_core.base.limits import HOME_BYTES, RECIPE_BYTES
from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.errors import CorruptCheckpoint, EntryNotFound, InvalidRequest, MlxConvertError, RepoNotFound
from mlx_convert_core.model.dtypes import Dtype
from mlx_convert_core.model.quantization import Mode
from mlx_convert_core.model.record import Record, RecordedAdapter, read_record
from mlx_convert_core.model.requests import ConvertRequest
from mlx_convert_core.model.rounding import WITHOUT_TEXT
from mlx_convert_core.remedies import Remedies, RunCommand, SetOption

SCHEMA = 1
Shareable = Callable[[str], str]  # a ref as others can use it, "" when they can't: `Sources.shareable`


class RecipeOutput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model to make: a preset ("" is the default one), and numbers that replace what it says."""

    preset: str = ""
    strategy: str | None = None
    method: str | None = None
    dtype: Dtype | None = None
    bits: int | None = None
    group_size: int | None = None
    mode: Mode | None = None


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What a recipe file holds; ``ref`` "" leaves it to the reader which model to convert."""

    schema: int = SCHEMA
    mlx_convert: str = "recipe"
    ref: str = ""
    revision: str | None = None
    text_only: bool = False
    dequantize: bool = False
    allow_overflow: bool = False
    verify: bool = True
    adapter: str | tuple[str, ...] = ""
    calibration: Literal["", "random", "samples"] = ""
    calibration_sha256: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")] = ""
    outputs: tuple[RecipeOutput, ...] = (RecipeOutput(),)

    @classmethod
    def of(cls, request: ConvertRequest, shareable: Shareable) -> Recipe:
        """``request`` as a recipe: without folders, and without a model that is only on this machine."""
        return cls(
            ref=shareable(request.ref),
            revision=request.revision,
            text_only=request.text_only,
            dequantize=request.dequantize,
            allow_overflow=request.allow_overflow,
            verify=request.verify,
            adapter=_one_or_several(map(shareable, request.adapters)),
            calibration=request.calibration if request.calibration in WITHOUT_TEXT else "",  # type: ignore[arg-type]
            calibration_sha256=_hash_of(request),
            outputs=tuple(
                RecipeOutput(
                    preset=preset,
                    strategy=request.strategy,
                    method=request.method,
                    dtype=request.dtype,
                    bits=request.bits,
                    group_size=request.group_size,
                    mode=request.mode,
                )
                for preset in request.presets
            ),
        )

    def request(self, ref: str = "") -> ConvertRequest:
        """The request; ``ref`` takes the place of the recipe's own. Raises InvalidRequest."""
        if not (ref or self.ref):
            raise _wrong("the recipe names no model.", hint="Name one beside it.", remedies=(SetOption("ref"),))
        first, *others = self.outputs
        if any(msgspec.structs.replace(other, preset=first.preset) != first for other in others):
            raise _wrong(
                "the outputs of the recipe differ in more than the preset.",
                hint="Make a recipe of each, or give all outputs the same numbers.",
            )
        revision = self.revision if ref in ("", self.ref) else None  # a commit of one repo is nothing to another
        numbers = {name: getattr(first, name) for name in first.__struct_fields__ if name != "preset"}
        presets = tuple(output.preset for output in self.outputs)
        return ConvertRequest(
            ref=ref or self.ref,
            preset=presets,
            revision=revision,
            text_only=self.text_only,
            dequantize=self.dequantize,
            allow_overflow=self.allow_overflow,
            verify=self.verify,
            adapter=self.adapter,
            calibration=self.calibration,
            calibration_sha256=self.calibration_sha256,
            **numbers,
        )

    def data(self) -> dict[str, Any]:
        """The recipe as plain data; what is not set is left out."""
        plain: dict[str, Any] = codec.plain(self)
        del plain["verify"]
        set_ = {name: value for name, value in plain.items() if value not in ("", None, False)}
        return set_ if self.verify else {**set_, "verify": False}


def read_recipe(path: Path | str, *, ref: str = "") -> ConvertRequest:
    """The request in the recipe file ``path``; ``ref`` takes the place of the model that it names.

    Raises InvalidRequest (code ``recipe``) and says what is wrong where.
    """
    return load_recipe(Path(path)).request(ref)


def load_recipe(path: Path) -> Recipe:
    """The recipe in the file ``path``. Raises RepoNotFound (code ``no_file``), InvalidRequest (code ``recipe``)."""
    try:
        found = codec.read_json(read_regular(path, RECIPE_BYTES, within=None))
    except OSError as error:
        raise RepoNotFound(f"can't read {path}: {error.strerror}.", hint="Check the path.", code="no_file") from None
    except CorruptCheckpoint as error:
        raise _wrong(error.message, hint=error.hint, remedies=error.remedies) from None
    except (ValueError, RecursionError) as error:
        raise _wrong(f"{path} is not JSON: {error}.", hint="Correct the file.") from None
    return _checked(found, str(path))


def write_recipe(path: Path | str, request: ConvertRequest, shareable: Shareable) -> None:
    """Write ``request`` as a recipe file that can be shared."""
    write_atomic(Path(path), codec.to_json(Recipe.of(request, shareable).data(), indent=True))


def recipe_of(folder: Path | str, shareable: Shareable) -> dict[str, Any]:
    """The recipe by which the converted model in ``folder`` was made. Raises EntryNotFound (code ``no_recipe``).

    A model that came from a folder of this machine is left out; the numbers are all there.
    """
    folder = Path(folder)
    try:
        record = read_record(folder)
        if record is None or not record.recipe:
            raise _wrong(f"{RECORD} has no recipe.", hint="")
        source = record.source
        recipe = {
            "ref": shareable(source.ref) if source.revision or ":" in source.ref else "",  # else a folder's name
            "revision": source.revision,
            "text_only": record.text_only,
            "dequantize": record.dequantize,
            "allow_overflow": record.allow_overflow,
            "adapter": _one_or_several(_adapter_of(one, shareable) for one in record.adapters),
            **_calibration_of(record),
            "outputs": [{name: record.recipe[name] for name in _names(RecipeOutput) if name in record.recipe}],
        }
        return _checked(recipe, RECORD).data()
    except MlxConvertError:
        raise EntryNotFound(
            f"{folder.name} does not say how it was made: there is no {RECORD} with a recipe in it.",
            hint="Only models that mlx-convert made have a recipe.",
            code="no_recipe",
        ) from None


def _one_or_several(adapters: Iterable[str]) -> str | tuple[str, ...]:
    """``adapters`` as a recipe names them, those left out that are only on this machine."""
    named = tuple(filter(None, adapters))
    return named if len(named) > 1 else "".join(named)


def _adapter_of(adapter: RecordedAdapter, shareable: Shareable) -> str:
    """The adapter as everybody can name it, at its commit; "" for one that is only on this machine."""
    if not adapter.revision:
        return ""
    return shareable(f"hf://{adapter.ref}@{adapter.revision}") or shareable(adapter.ref)


def _calibration_of(record: Record) -> dict[str, str]:
    made = record.calibration
    if made is None:
        return {}
    return {"calibration": made.kind if made.kind in WITHOUT_TEXT else "", "calibration_sha256": made.sha256}


def _hash_of(request: ConvertRequest) -> str:
    """The sha256 of the text of ``request``, "" where it names none that can be read."""
    if not request.calibration or request.calibration in WITHOUT_TEXT:
        return request.calibration_sha256
    try:
        return hashlib.sha256(read_regular(Path(request.calibration), HOME_BYTES, within=None)).hexdigest()
    except (OSError, CorruptCheckpoint):
        return ""


def _checked(found: Any, file: str) -> Recipe:
    """``found`` in ``file`` as a recipe."""
    if not isinstance(found, dict):
        raise _wrong(f"{file} is not a JSON object.", hint='A recipe looks like {"ref": "org/name", "outputs": [...]}.')
    schema = found.get("schema", SCHEMA)
    if isinstance(schema, int) and schema > SCHEMA:
        raise _wrong(
            f"{file} is of version {schema}, this program knows {SCHEMA}.", hint="A newer mlx-convert reads it."
        )
    if found.get("mlx_convert", "recipe") != "recipe":
        raise _wrong(
            f"{file} is no recipe of mlx-convert.",
            hint="Make one from a converted model.",
            remedies=(RunCommand("recipe export"),),
        )
    _refuse_unknown(file, "", found, _names(Recipe))
    outputs = found.get("outputs", [{}])
    for index, output in enumerate(outputs if isinstance(outputs, list) else ()):
        if isinstance(output, dict):
            _refuse_unknown(file, f"outputs[{index}]: ", output, _names(RecipeOutput))
    if outputs == []:
        raise _wrong(f"{file} has no outputs.", hint='Give it at least one: "outputs": [{"preset": "4bit"}]')
    try:
        return codec.from_plain(found, Recipe)
    except msgspec.ValidationError as error:
        raise _wrong(f"{file} is not right: {error}.", hint="Correct the file.") from None


def _refuse_unknown(file: str, where: str, found: Mapping[str, Any], known: Iterable[str]) -> None:
    unknown = sorted(set(found) - set(known))
    if not unknown:
        return
    never = {field.name for field in fields(ConvertRequest)} & set(unknown)
    told = " A recipe holds no folder and no permission: give those on the command line." if never else ""
    raise _wrong(
        f"{file} has unknown fields: {where}{', '.join(unknown)}.", hint=f"The fields are: {', '.join(known)}.{told}"
    )


def _names(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return kind.__struct_fields__


def _wrong(message: str, *, hint: str, remedies: Remedies = ()) -> InvalidRequest:
    return InvalidRequest(message, hint=hint, remedies=remedies, code="recipe")

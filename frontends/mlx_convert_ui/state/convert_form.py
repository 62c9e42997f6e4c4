"""What the Convert page asks for, and the request that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mlx_convert_core import ConvertRequest, InvalidRequest, Preset
from mlx_convert_core.plugin import RECOMMENDED, USUAL, WITHOUT_TEXT, command, expanded
from mlx_convert_ui import wording
from mlx_convert_ui.words import _, plural


@dataclass
class Form:
    """The fields as they were typed; "" and None leave a choice to the preset or the settings.

    ``also`` are presets besides ``preset`` that are made in the same go, and ``names`` what was typed for the folder of
    each then, by preset. Numbers that are set beside a preset make one model, of that preset.
    ``adapter`` has a line for each.
    """

    ref: str = ""
    preset: str = RECOMMENDED
    also: list[str] = field(default_factory=list)
    bits: int | None = None
    group_size: int | None = None
    mode: str | None = None
    strategy: str | None = None
    method: str | None = None
    calibration: str = ""
    calibration_sha256: str = ""  # of the text of an imported recipe
    dtype: str | None = None
    revision: str = ""
    trust: bool = False
    text_only: bool = False
    dequantize: bool = False
    allow_overflow: bool = False
    verify: bool = True
    adapter: str = ""
    folder: str = ""
    name: str = ""
    names: dict[str, str] = field(default_factory=dict)

    @property
    def presets(self) -> tuple[str, ...]:
        """The presets of what will be made, in the order of the cards."""
        if self.changes:
            return (self.preset,)
        chosen = dict.fromkeys((self.preset, *self.also))
        return tuple(sorted(chosen, key=lambda name: USUAL.index(name) if name in USUAL else len(USUAL)))

    def take(self, preset: str) -> None:
        """Make ``preset`` and nothing else."""
        self.preset, self.also = preset, []

    def tick(self, preset: str) -> bool:
        """Make ``preset``, too, or no more, where no numbers are set; False for the only one, which stays."""
        if preset not in self.presets:
            self.also = [*self.also, preset]
            return True
        left = [name for name in self.presets if name != preset]
        if left:
            self.preset, self.also = left[0], left[1:]
        return bool(left)

    @property
    def changes(self) -> dict[str, str]:
        """What is set besides the preset, by field, in words."""
        return changes_of(self)

    def name_model(self, ref: str) -> None:
        """Take the model that was typed; what was agreed to for another one does not count for it."""
        self.text_only = self.text_only and ref == self.ref
        self.dequantize = self.dequantize and ref == self.ref
        self.allow_overflow = self.allow_overflow and ref == self.ref
        self.ref = ref

    def request(self, *, names: Sequence[str] = (), force: bool = False) -> ConvertRequest:
        """The request; ``names`` are those of the folders for which none was typed, () leaves them to the core.

        Raises InvalidRequest.
        """
        outputs = self._named(names)
        for named in outputs:
            _check_name(named)
        return ConvertRequest(
            ref=self.ref.strip(),
            preset=self.presets,
            output=tuple(str(self._folder() / named) for named in outputs) if all(outputs) else (),
            revision=self.revision.strip() or None,
            bits=self.bits,
            group_size=self.group_size,
            mode=self.mode,  # type: ignore[arg-type]
            strategy=self.strategy,
            method=self.method,
            calibration=self._calibration(),
            calibration_sha256=self.calibration_sha256,
            dtype=self.dtype,  # type: ignore[arg-type]
            force=force,
            trust_remote_code=self.trust,
            text_only=self.text_only,
            dequantize=self.dequantize,
            allow_overflow=self.allow_overflow,
            verify=self.verify,
            adapter=tuple(self.adapter.splitlines()),
        )

    def _named(self, names: Sequence[str]) -> tuple[str, ...]:
        """A folder's name for each result, "" where nobody has said one."""
        presets = self.presets
        typed = [self.name] if len(presets) == 1 else [self.names.get(preset, "") for preset in presets]
        given = names or [""] * len(presets)
        return tuple(one.strip() or other for one, other in zip(typed, given, strict=True))

    def _calibration(self) -> str:
        """The text to go by as a whole path: a queue may run it from elsewhere. "" leaves it to the bundled one."""
        if self.calibration.strip() in WITHOUT_TEXT:
            return self.calibration.strip()
        try:
            return str(expanded(self.calibration.strip()).absolute()) if self.calibration.strip() else ""
        except InvalidRequest as error:
            raise InvalidRequest(error.message, hint=error.hint, code="calibration") from None

    def _folder(self) -> Path:
        try:
            return expanded(self.folder)
        except InvalidRequest as error:
            raise InvalidRequest(error.message, hint=error.hint, code="output_folder") from None

    def filled_from(self, request: ConvertRequest, presets: Mapping[str, Preset]) -> Form:
        """This form with what ``request``, a recipe's, says; the folder stays. Raises InvalidRequest."""
        wanted = [preset or self.preset for preset in request.presets]
        for preset in wanted:
            if preset not in presets:
                raise InvalidRequest(
                    _("the recipe uses the preset '{preset}', which nobody offers here.", preset=preset),
                    hint=_("Install the plugin that it comes from."),
                    code="preset",
                )
        numbers = {
            name: getattr(request, name) for name in ("bits", "group_size", "mode", "strategy", "method", "dtype")
        }
        return replace(
            self,
            ref=request.ref,
            preset=wanted[0],
            also=wanted[1:],
            revision=request.revision or "",
            name="",
            names={},
            calibration=request.calibration,
            calibration_sha256=request.calibration_sha256,
            trust=False,
            text_only=request.text_only,
            dequantize=request.dequantize,
            allow_overflow=request.allow_overflow,
            verify=request.verify,
            adapter="\n".join(request.adapters),
            **numbers,
        )

    def comparison(self, presets: tuple[str, ...]) -> ConvertRequest:
        """A request only for the sizes of the precision cards."""
        without = dict.fromkeys(("bits", "group_size", "mode", "strategy", "method", "dtype"))
        plain = replace(self, **without, calibration="", calibration_sha256="", name="", names={})
        return replace(plain.request(force=True), preset=presets)

    def as_draft(self) -> dict[str, Any]:
        """To be kept over a reload."""
        return asdict(self)


def _check_name(name: str) -> None:
    """Raise InvalidRequest for what is no name of a folder in another."""
    if name in (".", "..") or "/" in name or "\0" in name:
        raise InvalidRequest(
            _("'{name}' can't be the name of a folder.", name=name),
            hint=_("Type a name without slashes, or choose another folder."),
            code="output_folder",
        )


def changes_of(asked: Form | ConvertRequest) -> dict[str, str]:
    """What ``asked`` sets besides its presets, by field, in words."""
    said = {
        "bits": plural("{count} bit", "{count} bits", asked.bits or 0),
        "group_size": _("groups of {size}", size=asked.group_size),
        "mode": _("mode {name}", name=asked.mode),
        "strategy": _strategy_in_words(asked.strategy or ""),
        "method": _("rounded by {name}", name=asked.method),
        "dtype": _("kept as {dtype}", dtype=asked.dtype),
    }
    return {name: text for name, text in said.items() if getattr(asked, name) is not None}


def _strategy_in_words(strategy: str) -> str:
    kind, _colon, number = strategy.partition(":")
    if kind == "bpw" and number.replace(".", "", 1).isdecimal():
        return _("at most {bits}", bits=wording.bits_per_weight(float(number)))
    if kind == "kl":
        return _("a divergence of at most {number} nats", number=number)
    if kind == "fit" and number.startswith("this-mac-"):
        return _("as much as runs on this Mac, with a context of {tokens} tokens", tokens=number.rpartition("-")[2])
    if strategy == "fit:this-mac":
        return _("as much as runs on this Mac")
    if kind == "fit":
        return _("weights of at most {size}", size=number)
    return _("strategy {name}", name=strategy)


def cards(presets: Mapping[str, Preset], chosen: Sequence[str], repo_id: str | None) -> tuple[str, ...]:
    """The presets to show as cards: the usual four, one made for this very model, and the chosen ones."""
    made_for_it = [name for name, preset in presets.items() if preset.ref and preset.ref == repo_id]
    wanted = [*USUAL, *made_for_it, *chosen]
    return tuple(dict.fromkeys(name for name in wanted if name in presets))


def command_line(request: ConvertRequest) -> str:
    """The same conversion for the terminal."""
    options: list[tuple[str, object]] = [
        *(("--preset", preset) for preset in request.presets),
        *(("--output", output) for output in request.outputs),
        ("--revision", request.revision),
        ("--bits", request.bits),
        ("--group-size", request.group_size),
        ("--mode", request.mode),
        ("--strategy", request.strategy),
        ("--method", request.method),
        ("--calibration", request.calibration),
        ("--dtype", request.dtype),
        *(("--adapter", adapter) for adapter in request.adapters),
    ]
    words: list[str | Path] = [request.ref]
    for option, value in options:
        if value:
            words += [option, value if isinstance(value, Path) else str(value)]
    words += ["--trust-remote-code"] * request.trust_remote_code
    words += ["--text-only"] * request.text_only
    words += ["--dequantize"] * request.dequantize
    words += ["--allow-overflow"] * request.allow_overflow
    words += ["--no-verify"] * (not request.verify)
    return command("mlx-convert convert", *words)

"""What a caller asks for. Values are checked when a request is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_convert_core.base.addresses import without_secrets
from mlx_convert_core.base.paths import is_text, spelled
from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.model.answer_settings import AnswerSettings
from mlx_convert_core.model.attachments import TOKENS, Sense, checked, sense_of
from mlx_convert_core.model.chat_message import ChatMessage
from mlx_convert_core.model.dtypes import Dtype
from mlx_convert_core.model.quantization import Mode, Quantization
from mlx_convert_core.remedies import LeaveOut

# A caller may give text or a Path; text is what is kept, so that a request can be written as JSON.
if TYPE_CHECKING:
    PathText = str | Path
else:
    PathText = str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertRequest:
    """Convert the model at ``ref``, once for each preset, reading the source once.

    A web address in ``ref`` loses its user, password, query and fragment: ``ref`` is shown and written to files.
    ``preset`` is a name or several; "" means the default preset of the settings. ``output`` is a folder
    for each preset; left out, it is ``<output folder>/<Model>-MLX-<preset>``. Of several, those that are there already
    are left as they are, and the others are made. ``bits``, ``group_size``,
    ``mode``, ``strategy``, ``method`` and ``dtype`` replace what the preset says. ``calibration`` is a file with
    the text that a method's statistics are made by, "" the bundled one; "random" stands for random tokens, and
    "samples" for what the model says by itself. ``calibration_sha256`` (hex) is what a recipe
    says of the text that it was made with, and another one is told. ``force`` replaces an existing output;
    ``resume`` takes up what a job that died left behind. ``discard_source`` deletes each fetched weight file as soon
    as it is used, for models larger than the free disk. ``text_only`` agrees to lose what a model for pictures or
    sound can do besides text, where only that can be converted. ``dequantize`` reads layers that the source has packed
    as plain numbers, instead of carrying them over with their own bits; when no preset and no numbers are named, plain
    numbers are what is made. ``allow_overflow`` agrees to values that become
    infinite in the result, such as those beyond 65,504 in float16. ``verify`` has each result loaded
    and asked before it is published. ``adapter`` names a LoRA, a folder or a repo, that is fused into the model, or
    several that are in this order. Raises InvalidRequest.
    """

    ref: str
    preset: str | tuple[str, ...] = ""
    output: PathText | tuple[PathText, ...] = ()
    revision: str | None = None
    bits: int | None = None
    group_size: int | None = None
    mode: Mode | None = None
    strategy: str | None = None
    method: str | None = None
    calibration: PathText = ""
    calibration_sha256: str = ""
    dtype: Dtype | None = None
    force: bool = False
    resume: bool = False
    discard_source: bool = False
    trust_remote_code: bool = False
    text_only: bool = False
    dequantize: bool = False
    allow_overflow: bool = False
    verify: bool = True
    adapter: str | tuple[str, ...] = ""

    def __post_init__(self) -> None:
        adapters = tuple(without_secrets(named) for one in self.adapters if (named := one.strip()))
        object.__setattr__(self, "adapter", adapters if len(adapters) > 1 else "".join(adapters))
        for adapter in adapters:
            spelled(Path(adapter))
        if len(set(adapters)) != len(adapters):
            raise InvalidRequest(f"an adapter is named twice: {', '.join(adapters)}.", hint="Name each once.")
        object.__setattr__(self, "ref", without_secrets(str(self.ref)))
        object.__setattr__(self, "output", tuple(str(spelled(path)) for path in self.outputs))
        object.__setattr__(self, "calibration", str(spelled(Path(self.calibration))) if self.calibration else "")
        spelled(Path(self.ref))
        if not self.ref.strip():
            raise InvalidRequest("no model was named.", hint="Give a repo id, a folder or a file.")
        if len(set(self.presets)) != len(self.presets):
            raise InvalidRequest(f"a preset is named twice: {', '.join(self.presets)}.", hint="Name each once.")
        if self.outputs and len(self.outputs) != len(self.presets):
            raise InvalidRequest(
                f"{len(self.presets)} presets need {len(self.presets)} output folders, not {len(self.outputs)}.",
                hint="Give one for each preset, or none.",
                remedies=(LeaveOut("output"),),
            )
        if self.bits is not None or self.group_size is not None or self.mode is not None:
            self.quantization_over(None)

    @property
    def presets(self) -> tuple[str, ...]:
        """The presets' names, always as a tuple."""
        return (self.preset,) if isinstance(self.preset, str) else self.preset

    @property
    def adapters(self) -> tuple[str, ...]:
        """The adapters' names, () for none."""
        named = self.adapter if isinstance(self.adapter, tuple) else (self.adapter,)
        return tuple(filter(None, named))

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The output folders that were named, () when none was."""
        named = self.output if isinstance(self.output, tuple) else (self.output,)
        return tuple(Path(path) for path in named)

    def quantization_over(self, preset: Quantization | None) -> Quantization | None:
        """``preset``'s numbers with this request's own put over them; None means: do not quantize."""
        if self.bits is None and self.group_size is None and self.mode is None:
            return preset
        mode: Mode = self.mode or (preset.mode if preset else "affine")
        same_mode = preset if preset is not None and preset.mode == mode else None
        return Quantization.of(
            bits=self.bits if self.bits is not None else (same_mode.bits if same_mode else None),
            group_size=self.group_size
            if self.group_size is not None
            else (same_mode.group_size if same_mode else None),
            mode=mode,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """Send the model in the folder ``path`` to the upload target ``target``, as ``name`` there.

    What a name may be, and what "" means, is the target's affair. ``public`` lets everybody see it where the
    target knows private and public; ``replace`` allows to write over a model of another making.
    """

    path: Path
    target: str
    name: str = ""
    public: bool = False
    replace: bool = False

    def __post_init__(self) -> None:
        spelled(self.path)
        spelled(Path(self.name))

    @classmethod
    def to(cls, path: Path, to: str, *, public: bool = False, replace: bool = False) -> UploadRequest:
        """The request for a place written as ``target:name``; raises InvalidRequest (code ``upload_target``)."""
        target, colon, name = to.partition(":")
        if not colon or not target:
            raise InvalidRequest(
                f"'{to}' does not say where to send the model.",
                hint="Write TARGET:NAME, for example hub:me/Model-MLX-4bit",
                code="upload_target",
            )
        return cls(path=path, target=target, name=without_secrets(name), public=public, replace=replace)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest(AnswerSettings):
    """Answer ``prompt``, or continue the conversation in ``messages``; an answer that stands last in it goes on.

    Without a chat template the prompt is continued as plain text. ``attachments`` are files that the last turn is
    about: pictures, or sound, for a model that sees or hears; those of earlier turns are in their messages. Raises
    InvalidRequest (codes ``empty_prompt``, ``not_text``, ``out_of_range``, ``attachment``).
    """

    prompt: str = ""
    messages: tuple[ChatMessage, ...] = ()
    attachments: tuple[PathText, ...] = ()

    def __post_init__(self) -> None:
        if not self.messages and not self.prompt.strip():
            raise InvalidRequest("the prompt is empty.", hint="Type what the model should answer.", code="empty_prompt")
        if not all(map(is_text, (self.prompt, *(turn.content for turn in self.messages)))):
            raise InvalidRequest("the prompt is no text: it is not UTF-8.", hint="Type it again.", code="not_text")
        object.__setattr__(self, "attachments", _placed(self.attachments))
        turns = (replace(turn, attachments=_placed(turn.attachments)) for turn in self.messages)
        object.__setattr__(self, "messages", tuple(turns))
        AnswerSettings.__post_init__(self)

    @property
    def begun(self) -> str:
        """What the model has said already of the answer that it is to go on with, "" for a new one."""
        return self.messages[-1].content if not self.prompt and self.messages[-1].role == "assistant" else ""

    @property
    def senses(self) -> frozenset[Sense]:
        """What a model needs for the attachments."""
        return frozenset(map(sense_of, self.files))

    @property
    def files(self) -> tuple[Path, ...]:
        """The attachments of all turns, in the order in which they were shown."""
        return tuple(Path(path) for turn in self.conversation() for path in turn.attachments)

    @property
    def context(self) -> int:
        """How many tokens question and answer take together, rather too many than too few: most have three bytes."""
        text = sum(len(turn.content.encode()) for turn in self.conversation())
        return text // 2 + len(self.files) * TOKENS + self.max_tokens

    def conversation(self) -> tuple[ChatMessage, ...]:
        """All turns: the system text, the messages so far and the prompt."""
        turns, files = self.messages, tuple(map(str, self.attachments))
        if self.system and not any(turn.role == "system" for turn in turns):
            turns = (ChatMessage(role="system", content=self.system), *turns)
        if self.prompt:
            return (*turns, ChatMessage(role="user", content=self.prompt, attachments=files))
        last = turns[-1]
        return (*turns[:-1], replace(last, attachments=(*last.attachments, *files)))


def _placed(paths: tuple[str | Path, ...]) -> tuple[str, ...]:
    return tuple(map(str, checked(tuple(map(Path, paths)))))


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationExtras:
    """What an on_generate hook adds to one answer: logits processors, and text that ends the answer.

    A logits processor takes the token ids so far, shape (n,), and logits, shape (1, vocabulary); it returns logits.
    """

    logits_processors: tuple[Any, ...] = ()
    stop: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

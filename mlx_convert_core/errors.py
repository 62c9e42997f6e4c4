"""Every error that mlx-convert raises on purpose.

Each has a ``code`` (stable, for programs), a ``message`` (what happened), and the next step: a ``hint``, a sentence
that suits every frontend, and ``remedies``, what a frontend can offer to do (`mlx_convert_core.remedies`)::

    MlxConvertError                     exit 1
    ├── InvalidRequest                  exit 2
    ├── SourceError
    │   ├── RepoNotFound
    │   ├── RevisionNotFound
    │   ├── GatedRepo
    │   ├── SourceUnreachable
    │   └── CorruptCheckpoint
    ├── UnsupportedModel
    ├── PreflightFailed                 one or more error findings; carries the first one's code
    ├── OutputExists
    ├── InsufficientDisk
    ├── ConversionFailed
    ├── GenerationFailed
    ├── MeasuringFailed
    ├── QueueBusy                       another program is working through the queue
    ├── WorkerDied                      the worker process ended without an answer
    ├── LibraryError
    │   └── EntryNotFound
    ├── UploadError
    ├── PluginError
    │   ├── NameConflict
    │   └── PluginNotLoaded
    └── Cancelled                       exit 130
"""

from __future__ import annotations

import traceback as traceback_module
from dataclasses import dataclass
from typing import ClassVar

from mlx_convert_core.refusals import Refusal, system_refusal
from mlx_convert_core.remedies import Remedies, Report

# Of a message, in characters: many screens. A file can hold a text of megabytes where a word is expected, and what
# is wrong with it is said with the text itself.
LONGEST = 5_000
_END = 500  # of those, kept from the end


class MlxConvertError(Exception):
    """Base of all errors raised on purpose; ``code``, ``message``, ``hint`` and ``remedies`` are always set."""

    default_code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", remedies: Remedies = (), code: str | None = None) -> None:
        self.message = shortened(message)
        self.hint = shortened(hint)
        self.remedies = remedies
        super().__init__(self.message)
        self.code = code or self.default_code

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.hint, self.code, self.remedies)


class InvalidRequest(MlxConvertError):
    """The request itself can't be carried out: a value out of range, an unknown name."""

    default_code = "invalid_request"
    exit_code = 2


class SourceError(MlxConvertError):
    """The source can't be reached or read."""

    default_code = "source"


class RepoNotFound(SourceError):
    """There is no such repo, folder or file, or it is hidden from this account."""

    default_code = "repo_not_found"


class RevisionNotFound(SourceError):
    """The repo exists, the branch, tag or commit does not."""

    default_code = "revision"


class GatedRepo(SourceError):
    """The owner wants terms to be accepted first."""

    default_code = "gated_login"


class SourceUnreachable(SourceError):
    """The network or the hub did not answer as it should."""

    default_code = "no_network"


class CorruptCheckpoint(SourceError):
    """A file of the checkpoint is missing or damaged."""

    default_code = "corrupt_checkpoint"


class UnsupportedModel(MlxConvertError):
    """No plugin can convert or run this kind of model."""

    default_code = "unsupported_model"


class PreflightFailed(MlxConvertError):
    """Preflight refused, before a weight was read; the message lists every error finding."""

    default_code = "preflight"


class OutputExists(MlxConvertError):
    """The output folder is taken and nobody said to replace it."""

    default_code = "exists"


class InsufficientDisk(MlxConvertError):
    """The disk is, or would become, full."""

    default_code = "disk_full"


class ConversionFailed(MlxConvertError):
    """The conversion started and could not be finished, or its result did not match the plan."""

    default_code = "conversion_failed"


class GenerationFailed(MlxConvertError):
    """A model could not be loaded, or broke while it answered."""

    default_code = "generation_failed"


class MeasuringFailed(MlxConvertError):
    """A model's quality or speed could not be measured."""

    default_code = "measuring_failed"


class QueueBusy(MlxConvertError):
    """Another program is working through the queue; one at a time does."""

    default_code = "queue_busy"


class WorkerDied(MlxConvertError):
    """The worker process ended without an answer: killed, out of memory, or aborted in native code."""

    default_code = "worker_died"


class LibraryError(MlxConvertError):
    """The library could not do what was asked."""

    default_code = "library"


class EntryNotFound(LibraryError):
    """No library entry has this name or path."""

    default_code = "entry_not_found"


class UploadError(MlxConvertError):
    """An upload target refused or failed."""

    default_code = "upload_failed"


class PluginError(MlxConvertError):
    """A plugin raised, or is at fault; names the plugin and the hook."""

    default_code = "plugin_error"


class NameConflict(PluginError):
    """Two plugins offer an item of the same name."""

    default_code = "name_conflict"


class PluginNotLoaded(PluginError):
    """A plugin that is needed did not load."""

    default_code = "plugin_not_loaded"


class Cancelled(MlxConvertError):
    """The job was cancelled before it was done."""

    default_code = "cancelled"
    exit_code = 130


def shortened(text: str) -> str:
    """``text``, without its middle when it is longer than a person could read.

    Half of a surrogate pair, in which Python keeps the bytes of a name that is no UTF-8, is written out: whoever tells
    or stores the text could not encode it.
    """
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - _END]} […{len(text) - LONGEST:,} characters…] {text[-_END:]}"


def _rebuild(kind: type[MlxConvertError], message: str, hint: str, code: str, remedies: Remedies) -> MlxConvertError:
    """An error of ``kind`` again; a plugin's class may have a constructor of its own, which is not ours to call."""
    error = kind.__new__(kind, message)
    MlxConvertError.__init__(error, message, hint=hint, remedies=remedies, code=code)
    return error


def _kinds(kind: type[MlxConvertError]) -> dict[str, type[MlxConvertError]]:
    found = {kind.__name__: kind}
    for child in kind.__subclasses__():
        found |= _kinds(child)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """An error as data, so that it can cross a process or be stored; ``traceback`` is text."""

    kind: str
    code: str
    message: str
    hint: str = ""
    traceback: str = ""
    remedies: Remedies = ()

    @classmethod
    def of(cls, error: BaseException) -> ErrorInfo:
        """Describe ``error``; one of somebody else's gets the code ``unexpected``, or says what the system refused."""
        trace = "".join(traceback_module.format_exception(error))
        if isinstance(error, MlxConvertError):
            kind = type(error).__name__
            return cls(
                kind=kind,
                code=error.code,
                message=error.message,
                hint=error.hint,
                traceback=trace,
                remedies=error.remedies,
            )
        refused = system_refusal(error) or Refusal(
            code="unexpected",
            message=shortened(f"{type(error).__name__}: {error}"),
            hint="This is a defect of mlx-convert or of a plugin. Please report it.",
            remedies=(Report(),),
        )
        return cls(
            kind="MlxConvertError",
            code=refused.code,
            message=refused.message,
            hint=refused.hint,
            traceback=trace,
            remedies=refused.remedies,
        )

    def exception(self) -> MlxConvertError:
        """The error again, of its old class where that is one of ours."""
        kind = _kinds(MlxConvertError).get(self.kind, MlxConvertError)
        error = _rebuild(kind, self.message, self.hint, self.code, self.remedies)
        if self.traceback:
            error.add_note(self.traceback)
        return error

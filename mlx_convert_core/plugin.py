"""What a plugin or a frontend needs: the hook marker, the protocols of the hooks, their data, and tools for both.

docs/api.md says what is promised, docs/hooks.md which hook takes what.
"""

from mlx_convert_core.answering.compare import first_divergence
from mlx_convert_core.base import file_names, units
from mlx_convert_core.base.addresses import bare_address, without_secrets
from mlx_convert_core.base.child_python import current_folder_entries, python_command, python_environment
from mlx_convert_core.base.codec import from_plain, plain, read_json, to_json
from mlx_convert_core.base.documents import JsonDocument
from mlx_convert_core.base.file_names import RECORD
from mlx_convert_core.base.identity import as_on_disk, is_inside
from mlx_convert_core.base.installing import install_command
from mlx_convert_core.base.limits import CONFIG_BYTES, HOME_BYTES, TYPED_BYTES
from mlx_convert_core.base.mac import mac_trouble
from mlx_convert_core.base.memory import free_memory
from mlx_convert_core.base.paths import expanded, is_text, spelled
from mlx_convert_core.base.private import private_folder, readable_by_others
from mlx_convert_core.base.regular_files import check_regular, open_regular, read_regular, regular_files
from mlx_convert_core.base.shell import command, typed
from mlx_convert_core.base.trash import has_trash
from mlx_convert_core.converting.sources import NamedModel, Sources
from mlx_convert_core.errors import (
    Cancelled,
    ConversionFailed,
    CorruptCheckpoint,
    EntryNotFound,
    ErrorInfo,
    GatedRepo,
    GenerationFailed,
    InsufficientDisk,
    InvalidRequest,
    LibraryError,
    MlxConvertError,
    NameConflict,
    OutputExists,
    PluginError,
    PluginNotLoaded,
    PreflightFailed,
    QueueBusy,
    RepoNotFound,
    RevisionNotFound,
    SourceError,
    SourceUnreachable,
    UnsupportedModel,
    UploadError,
    WorkerDied,
)
from mlx_convert_core.explanations import Explanation, explain
from mlx_convert_core.home.conversation_store import ConversationStore
from mlx_convert_core.home.conversion_queue import ConversionQueue
from mlx_convert_core.home.queue_file import QueueItem
from mlx_convert_core.home.settings import Settings, SettingsFile
from mlx_convert_core.model import hub_names
from mlx_convert_core.model.accounting import Accounted, account_for
from mlx_convert_core.model.base_model import base_model
from mlx_convert_core.model.checkpoint import Checkpoint
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.contents import FolderContents
from mlx_convert_core.model.conversations import (
    ChatSettings,
    Conversation,
    ConversationSummary,
    StoredMessage,
    figures_of,
)
from mlx_convert_core.model.events import (
    FINAL,
    AnyEvent,
    Event,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobStarted,
    JobState,
    Message,
    Progress,
    StepFinished,
    StepStarted,
    Token,
)
from mlx_convert_core.model.findings import Finding, finding_of, worst_first
from mlx_convert_core.model.hub_cache import CachedRepo, cached_repo, model_name, snapshot_in
from mlx_convert_core.model.inspection import FileInfo, ModelInfo, inspect_folder
from mlx_convert_core.model.left_out import LeftOut
from mlx_convert_core.model.library import LibraryEntry, entry_of
from mlx_convert_core.model.library_scan import SCAN_LEVELS, scan
from mlx_convert_core.model.packing import leftover_method, packed_tensors, quantization_config
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.model.quantization import (
    KeptLayer,
    LayerInfo,
    Preset,
    Quantization,
    QuantizedLayer,
    QuantizeStrategy,
    preset_with_advice,
)
from mlx_convert_core.model.recipes import Recipe, RecipeOutput, read_recipe, recipe_of, write_recipe
from mlx_convert_core.model.record import Record, encode_record, parse_record, public_record, read_record
from mlx_convert_core.model.requests import (
    SAMPLER_LIMITS,
    ChatMessage,
    ConvertedModel,
    ConvertRequest,
    ConvertResult,
    GenerateRequest,
    GenerateResult,
    GenerationExtras,
    UploadRequest,
    UploadResult,
    sampler_word,
)
from mlx_convert_core.model.safetensors import TensorInfo, all_tensors, header_length, parse_header, read_header
from mlx_convert_core.model.tensor_kinds import TensorKinds
from mlx_convert_core.model.weight_files import repeated
from mlx_convert_core.plugins.hookspecs import hookimpl
from mlx_convert_core.plugins.interfaces import (
    Account,
    AccountState,
    AnswerMemory,
    Command,
    DiscardableSource,
    LibraryStore,
    MeasuredRunner,
    ModelConverter,
    ModelRunner,
    ModelSource,
    Page,
    Planned,
    Reporter,
    SmallFilesSource,
    SourceKind,
    StreamedSource,
    UploadTarget,
    Written,
)
from mlx_convert_core.plugins.loading import LoadedPlugin, PluginFailure
from mlx_convert_core.remedies import (
    ChooseOutput,
    LeaveOut,
    OpenPage,
    Remedies,
    Remedy,
    Replace,
    Report,
    RunCommand,
    RunElsewhere,
    SetOption,
    SignIn,
    UseInstead,
)
from mlx_convert_core.workspace import Workspace
from mlx_convert_core.writing.leftovers import Leftover, clear_leftover
from mlx_convert_core.writing.read_back import PartRead, stamp_of
from mlx_convert_core.writing.replaceable import what_goes
from mlx_convert_core.writing.shards import ShardWriter, layouts, split
from mlx_convert_core.writing.staging import Staging

__all__ = [
    "CONFIG_BYTES",
    "FINAL",
    "HOME_BYTES",
    "RECORD",
    "SAMPLER_LIMITS",
    "SCAN_LEVELS",
    "TYPED_BYTES",
    "Account",
    "AccountState",
    "Accounted",
    "AnswerMemory",
    "AnyEvent",
    "CachedRepo",
    "Cancelled",
    "ChatMessage",
    "ChatSettings",
    "Checkpoint",
    "ChooseOutput",
    "Command",
    "Conversation",
    "ConversationStore",
    "ConversationSummary",
    "ConversionFailed",
    "ConversionQueue",
    "ConvertPlan",
    "ConvertRequest",
    "ConvertResult",
    "ConvertedModel",
    "CorruptCheckpoint",
    "DiscardableSource",
    "EntryNotFound",
    "ErrorInfo",
    "Event",
    "Explanation",
    "FileInfo",
    "Finding",
    "FolderContents",
    "GatedRepo",
    "GenerateRequest",
    "GenerateResult",
    "GenerationExtras",
    "GenerationFailed",
    "InsufficientDisk",
    "InvalidRequest",
    "JobCancelled",
    "JobFailed",
    "JobFinished",
    "JobStarted",
    "JobState",
    "JsonDocument",
    "KeptLayer",
    "LayerInfo",
    "LeaveOut",
    "LeftOut",
    "Leftover",
    "LibraryEntry",
    "LibraryError",
    "LibraryStore",
    "LoadedPlugin",
    "MeasuredRunner",
    "Message",
    "MlxConvertError",
    "ModelConverter",
    "ModelInfo",
    "ModelRunner",
    "ModelSource",
    "NameConflict",
    "NamedModel",
    "OpenPage",
    "OutputExists",
    "OutputPlan",
    "Page",
    "PartRead",
    "Planned",
    "PluginError",
    "PluginFailure",
    "PluginNotLoaded",
    "PreflightFailed",
    "Preset",
    "Progress",
    "Quantization",
    "QuantizeStrategy",
    "QuantizedLayer",
    "QueueBusy",
    "QueueItem",
    "Recipe",
    "RecipeOutput",
    "Record",
    "Remedies",
    "Remedy",
    "Replace",
    "RepoNotFound",
    "Report",
    "Reporter",
    "RevisionNotFound",
    "RunCommand",
    "RunElsewhere",
    "SetOption",
    "Settings",
    "SettingsFile",
    "ShardWriter",
    "SignIn",
    "SmallFilesSource",
    "SourceError",
    "SourceKind",
    "SourceUnreachable",
    "Sources",
    "Staging",
    "StepFinished",
    "StepStarted",
    "StoredMessage",
    "StreamedSource",
    "TensorInfo",
    "TensorKinds",
    "Token",
    "UnsupportedModel",
    "UploadError",
    "UploadRequest",
    "UploadResult",
    "UploadTarget",
    "UseInstead",
    "WorkerDied",
    "Workspace",
    "Written",
    "account_for",
    "all_tensors",
    "as_on_disk",
    "bare_address",
    "base_model",
    "cached_repo",
    "check_regular",
    "clear_leftover",
    "command",
    "current_folder_entries",
    "encode_record",
    "entry_of",
    "expanded",
    "explain",
    "figures_of",
    "file_names",
    "finding_of",
    "first_divergence",
    "free_memory",
    "from_plain",
    "has_trash",
    "header_length",
    "hookimpl",
    "hub_names",
    "inspect_folder",
    "install_command",
    "is_inside",
    "is_text",
    "layouts",
    "leftover_method",
    "mac_trouble",
    "model_name",
    "open_regular",
    "packed_tensors",
    "parse_header",
    "parse_record",
    "plain",
    "preset_with_advice",
    "private_folder",
    "public_record",
    "python_command",
    "python_environment",
    "quantization_config",
    "read_config",
    "read_header",
    "read_json",
    "read_recipe",
    "read_record",
    "read_regular",
    "readable_by_others",
    "recipe_of",
    "regular_files",
    "repeated",
    "sampler_word",
    "scan",
    "snapshot_in",
    "spelled",
    "split",
    "stamp_of",
    "to_json",
    "typed",
    "units",
    "what_goes",
    "without_secrets",
    "worst_first",
    "write_recipe",
]

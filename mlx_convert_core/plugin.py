"""What a plugin or a frontend needs: the hook marker, the protocols of the hooks, their data, and tools for both.

docs/api.md says what is promised, docs/hooks.md which hook takes what.
"""

from typing import TYPE_CHECKING

from mlx_convert_core.base.on_demand import on_demand

# What type checkers and editors see (`Name as Name`: handed out); `_PLACES` says the same to a running program.
# ruff: noqa: I001
if TYPE_CHECKING:
    from mlx_convert_core.answering.compare import first_divergence as first_divergence
    from mlx_convert_core.base import file_names as file_names, units as units
    from mlx_convert_core.base.addresses import bare_address as bare_address, without_secrets as without_secrets
    from mlx_convert_core.base.child_python import (
        current_folder_entries as current_folder_entries,
        python_command as python_command,
        python_environment as python_environment,
    )
    from mlx_convert_core.base.codec import (
        from_plain as from_plain,
        plain as plain,
        read_json as read_json,
        to_json as to_json,
    )
    from mlx_convert_core.base.entry_points import EntryPoint as EntryPoint, entry_points as entry_points
    from mlx_convert_core.base.documents import JsonDocument as JsonDocument
    from mlx_convert_core.base.file_names import RECORD as RECORD
    from mlx_convert_core.base.flushing import flush as flush
    from mlx_convert_core.base.identity import as_on_disk as as_on_disk, is_inside as is_inside
    from mlx_convert_core.base.installing import install_command as install_command
    from mlx_convert_core.base.limits import (
        CARD_BYTES as CARD_BYTES,
        CONFIG_BYTES as CONFIG_BYTES,
        HOME_BYTES as HOME_BYTES,
        INDEX_BYTES as INDEX_BYTES,
        TYPED_BYTES as TYPED_BYTES,
    )
    from mlx_convert_core.base.mac import mac_trouble as mac_trouble
    from mlx_convert_core.base.machine import machine_name as machine_name
    from mlx_convert_core.base.memory import (
        free_memory as free_memory,
        give_back_memory as give_back_memory,
        resident_memory as resident_memory,
    )
    from mlx_convert_core.base.paths import expanded as expanded, is_text as is_text, spelled as spelled
    from mlx_convert_core.base.private import private_folder as private_folder, readable_by_others as readable_by_others
    from mlx_convert_core.base.regular_files import (
        check_regular as check_regular,
        open_regular as open_regular,
        read_regular as read_regular,
        regular_files as regular_files,
    )
    from mlx_convert_core.base.shell import command as command, typed as typed
    from mlx_convert_core.base.trash import has_trash as has_trash
    from mlx_convert_core.converting.places import (
        cannot_hold as cannot_hold,
        free_disk as free_disk,
    )
    from mlx_convert_core.converting.model_senses import ModelSenses as ModelSenses
    from mlx_convert_core.converting.considering import SourceDetails as SourceDetails
    from mlx_convert_core.converting.searching import (
        MOST_FOUND as MOST_FOUND,
        SearchHit as SearchHit,
        SearchResult as SearchResult,
    )
    from mlx_convert_core.converting.sources import NamedModel as NamedModel, Sources as Sources
    from mlx_convert_core.errors import (
        Cancelled as Cancelled,
        ConversionFailed as ConversionFailed,
        CorruptCheckpoint as CorruptCheckpoint,
        EntryNotFound as EntryNotFound,
        ErrorInfo as ErrorInfo,
        GatedRepo as GatedRepo,
        GenerationFailed as GenerationFailed,
        InsufficientDisk as InsufficientDisk,
        InvalidRequest as InvalidRequest,
        LibraryError as LibraryError,
        MeasuringFailed as MeasuringFailed,
        MlxConvertError as MlxConvertError,
        NameConflict as NameConflict,
        OutputExists as OutputExists,
        PluginError as PluginError,
        PluginNotLoaded as PluginNotLoaded,
        PreflightFailed as PreflightFailed,
        QueueBusy as QueueBusy,
        RepoNotFound as RepoNotFound,
        RevisionNotFound as RevisionNotFound,
        SourceError as SourceError,
        SourceUnreachable as SourceUnreachable,
        UnsupportedModel as UnsupportedModel,
        UploadError as UploadError,
        WorkerDied as WorkerDied,
    )
    from mlx_convert_core.explanations import Explanation as Explanation, explain as explain
    from mlx_convert_core.home.answer_presets import AnswerPresets as AnswerPresets
    from mlx_convert_core.home.begun_conversions import BegunConversions as BegunConversions
    from mlx_convert_core.home.conversation_store import ConversationStore as ConversationStore
    from mlx_convert_core.home.conversion_queue import ConversionQueue as ConversionQueue
    from mlx_convert_core.home.queue_item import (
        Afterwards as Afterwards,
        FollowUp as FollowUp,
        QueueItem as QueueItem,
    )
    from mlx_convert_core.home.settings import Settings as Settings, SettingsFile as SettingsFile
    from mlx_convert_core.measuring.agreement import (
        AgreedAnswer as AgreedAnswer,
        Agreement as Agreement,
        AgreementResult as AgreementResult,
    )
    from mlx_convert_core.measuring.intervals import (
        paired_difference as paired_difference,
        paired_figures as paired_figures,
    )
    from mlx_convert_core.model import dtypes as dtypes, hub_names as hub_names
    from mlx_convert_core.model.chat_message import ChatMessage as ChatMessage
    from mlx_convert_core.model.accounting import Accounted as Accounted, account_for as account_for
    from mlx_convert_core.model.adapters import (
        Adapter as Adapter,
        adapter_files as adapter_files,
        inspect_adapter as inspect_adapter,
        no_adapter as no_adapter,
    )
    from mlx_convert_core.model.base_model import base_model as base_model
    from mlx_convert_core.model.answer_settings import (
        SAMPLER_LIMITS as SAMPLER_LIMITS,
        AnswerSettings as AnswerSettings,
        sampler_word as sampler_word,
    )
    from mlx_convert_core.model.checkpoint import Checkpoint as Checkpoint
    from mlx_convert_core.model.choosing import (
        Chosen as Chosen,
        LayerChoice as LayerChoice,
        MeasuredLayer as MeasuredLayer,
        ModelSizes as ModelSizes,
        bits_to_ask as bits_to_ask,
        layers_in_words as layers_in_words,
    )
    from mlx_convert_core.model.config_file import (
        context_length as context_length,
        context_of as context_of,
        read_config as read_config,
    )
    from mlx_convert_core.model.advice import SamplerAdvice as SamplerAdvice
    from mlx_convert_core.model.card import card_text as card_text
    from mlx_convert_core.model.considered import SourceAbout as SourceAbout
    from mlx_convert_core.model.contents import FolderContents as FolderContents
    from mlx_convert_core.model.conversations import (
        ChatSettings as ChatSettings,
        Conversation as Conversation,
        ConversationSummary as ConversationSummary,
        StoredMessage as StoredMessage,
        figures_of as figures_of,
    )
    from mlx_convert_core.model.decoded import WORDS as WORDS, Claims as Claims, DecodedTensor as DecodedTensor
    from mlx_convert_core.model.details import (
        MeasuredModel as MeasuredModel,
        ModelDetails as ModelDetails,
        ModelFile as ModelFile,
        proof as proof,
    )
    from mlx_convert_core.model.events import (
        FINAL as FINAL,
        AnyEvent as AnyEvent,
        Event as Event,
        JobCancelled as JobCancelled,
        JobFailed as JobFailed,
        JobFinished as JobFinished,
        JobStarted as JobStarted,
        JobState as JobState,
        Message as Message,
        Progress as Progress,
        Step as Step,
        StepFinished as StepFinished,
        StepStarted as StepStarted,
        Token as Token,
    )
    from mlx_convert_core.model.figures import (
        QUALITY as QUALITY,
        SPEED as SPEED,
        TASKS as TASKS,
        Figure as Figure,
        KeptFigure as KeptFigure,
        Measurements as Measurements,
        figures_in as figures_in,
        groups_in as groups_in,
        is_stale as is_stale,
        title_of as title_of,
    )
    from mlx_convert_core.model.findings import Finding as Finding, finding_of as finding_of, worst_first as worst_first
    from mlx_convert_core.model.fingerprint import fingerprint as fingerprint
    from mlx_convert_core.model.fit import (
        CONTEXT as CONTEXT,
        Fit as Fit,
        FitVerdict as FitVerdict,
        cache_estimate as cache_estimate,
        fit as fit,
        fit_into as fit_into,
        memory_now as memory_now,
    )
    from mlx_convert_core.model.hub_cache import (
        CachedRepo as CachedRepo,
        cached_repo as cached_repo,
        model_name as model_name,
        snapshot_in as snapshot_in,
    )
    from mlx_convert_core.model.found import FoundModel as FoundModel
    from mlx_convert_core.model.inspection import (
        FileInfo as FileInfo,
        ModelInfo as ModelInfo,
        inspect_folder as inspect_folder,
    )
    from mlx_convert_core.model.left_out import LeftOut as LeftOut
    from mlx_convert_core.model.library import LibraryEntry as LibraryEntry
    from mlx_convert_core.model.library_folder import entry_of as entry_of
    from mlx_convert_core.model.condition import Condition as Condition, condition_of as condition_of
    from mlx_convert_core.model.library_query import (
        ORDERS as ORDERS,
        LibraryOrder as LibraryOrder,
        LibraryQuery as LibraryQuery,
        kl_divergence as kl_divergence,
    )
    from mlx_convert_core.model.library_scan import SCAN_LEVELS as SCAN_LEVELS, scan as scan
    from mlx_convert_core.model.measurements import (
        BenchRequest as BenchRequest,
        BenchResult as BenchResult,
        BenchRow as BenchRow,
        MeasuredFigure as MeasuredFigure,
        MeasureRequest as MeasureRequest,
        MeasureResult as MeasureResult,
        Passage as Passage,
        Spread as Spread,
    )
    from mlx_convert_core.model.packing import (
        leftover_method as leftover_method,
        packed_tensors as packed_tensors,
        quantization_config as quantization_config,
    )
    from mlx_convert_core.model.prompts import prompts_in as prompts_in
    from mlx_convert_core.model.plan import ConvertPlan as ConvertPlan, OutputPlan as OutputPlan
    from mlx_convert_core.model.quantization import (
        AFFINE_BITS as AFFINE_BITS,
        AFFINE_GROUP_SIZES as AFFINE_GROUP_SIZES,
        MODES as MODES,
        RECOMMENDED as RECOMMENDED,
        USUAL as USUAL,
        KeptLayer as KeptLayer,
        LayerInfo as LayerInfo,
        Preset as Preset,
        Quantization as Quantization,
        QuantizedLayer as QuantizedLayer,
        QuantizeStrategy as QuantizeStrategy,
        preset_with_advice as preset_with_advice,
    )
    from mlx_convert_core.model.recipes import (
        Recipe as Recipe,
        RecipeOutput as RecipeOutput,
        read_recipe as read_recipe,
        recipe_of as recipe_of,
        write_recipe as write_recipe,
    )
    from mlx_convert_core.model.record import (
        Record as Record,
        RecordedAdapter as RecordedAdapter,
        encode_record as encode_record,
        parse_record as parse_record,
        public_record as public_record,
        read_record as read_record,
    )
    from mlx_convert_core.model.requests import (
        ConvertRequest as ConvertRequest,
        GenerateRequest as GenerateRequest,
        GenerationExtras as GenerationExtras,
        UploadRequest as UploadRequest,
    )
    from mlx_convert_core.model.results import (
        ConvertResult as ConvertResult,
        ConvertedModel as ConvertedModel,
        GenerateResult as GenerateResult,
        SkippedOutput as SkippedOutput,
        UploadResult as UploadResult,
    )
    from mlx_convert_core.model.rounding import (
        NEAREST as NEAREST,
        WITHOUT_TEXT as WITHOUT_TEXT,
        Calibration as Calibration,
        CalibrationKind as CalibrationKind,
        LayerRows as LayerRows,
        Needs as Needs,
    )
    from mlx_convert_core.model.safetensors import (
        TensorInfo as TensorInfo,
        all_tensors as all_tensors,
        header_length as header_length,
        parse_header as parse_header,
        read_header as read_header,
    )
    from mlx_convert_core.model.stored_layers import (
        LayerRow as LayerRow,
        ErrorRow as ErrorRow,
        StoredLayer as StoredLayer,
        error_rows as error_rows,
        layer_rows as layer_rows,
    )
    from mlx_convert_core.model.tasks import Question as Question, questions_in as questions_in
    from mlx_convert_core.model.attachments import (
        ENDINGS as ENDINGS,
        LARGEST as LARGEST,
        Attachment as Attachment,
        Sense as Sense,
        check_size as check_size,
        sense_of as sense_of,
        shown_name as shown_name,
    )
    from mlx_convert_core.model.tensor_kinds import TensorKinds as TensorKinds
    from mlx_convert_core.model.torch_files import read_torch as read_torch, torch_tensors as torch_tensors
    from mlx_convert_core.model.verification import Verification as Verification
    from mlx_convert_core.model.weight_files import (
        Weights as Weights,
        choose_weights as choose_weights,
        elsewhere as elsewhere,
        is_adapter as is_adapter,
        read_tensors as read_tensors,
        repeated as repeated,
        weight_files as weight_files,
    )
    from mlx_convert_core.plugins.checks import (
        ModelCheck as ModelCheck,
        TextRunner as TextRunner,
        TriedModel as TriedModel,
        Verdict as Verdict,
    )
    from mlx_convert_core.plugins.decoding import (
        DecodedModel as DecodedModel,
        DecodingConverter as DecodingConverter,
        RunnableConverter as RunnableConverter,
        StoredTensors as StoredTensors,
        TensorDecoder as TensorDecoder,
        decoded as decoded,
    )
    from mlx_convert_core.plugins.hookspecs import hookimpl as hookimpl
    from mlx_convert_core.plugins.interfaces import (
        AnswerMemory as AnswerMemory,
        LibraryStore as LibraryStore,
        MeasuredRunner as MeasuredRunner,
        ModelRunner as ModelRunner,
        SensingRunner as SensingRunner,
        Reporter as Reporter,
        UploadTarget as UploadTarget,
    )
    from mlx_convert_core.plugins.model_converters import (
        Choice as Choice,
        HereStrategy as HereStrategy,
        MeasuredStrategy as MeasuredStrategy,
        MeasuringConverter as MeasuringConverter,
        ModelConverter as ModelConverter,
        Planned as Planned,
        ProvenStrategy as ProvenStrategy,
        QuantizeMethod as QuantizeMethod,
        RoundingConverter as RoundingConverter,
        Written as Written,
    )
    from mlx_convert_core.plugins.model_sources import (
        AdapterSource as AdapterSource,
        CachedSource as CachedSource,
        DiscardableSource as DiscardableSource,
        ModelSource as ModelSource,
        InPlaceSource as InPlaceSource,
        SmallFilesSource as SmallFilesSource,
        StreamedSource as StreamedSource,
    )
    from mlx_convert_core.plugins.loading import LoadedPlugin as LoadedPlugin, PluginFailure as PluginFailure
    from mlx_convert_core.plugins.offers import (
        Account as Account,
        AccountState as AccountState,
        Command as Command,
        Page as Page,
    )
    from mlx_convert_core.plugins.scoring import (
        HiddenStates as HiddenStates,
        MeasuringText as MeasuringText,
        Metric as Metric,
        ScoringHead as ScoringHead,
        ScoringRunner as ScoringRunner,
        TaskSet as TaskSet,
        TokenScores as TokenScores,
    )
    from mlx_convert_core.plugins.source_kinds import (
        DescribedSource as DescribedSource,
        JudgingConverter as JudgingConverter,
        PublishedSource as PublishedSource,
        SourceKind as SourceKind,
    )
    from mlx_convert_core.remedies import (
        ChooseOutput as ChooseOutput,
        LeaveOut as LeaveOut,
        OpenPage as OpenPage,
        Remedies as Remedies,
        Remedy as Remedy,
        Replace as Replace,
        Report as Report,
        RunCommand as RunCommand,
        RunElsewhere as RunElsewhere,
        SetOption as SetOption,
        SignIn as SignIn,
        UseInstead as UseInstead,
    )
    from mlx_convert_core.workspace import Workspace as Workspace
    from mlx_convert_core.writing.leftovers import Leftover as Leftover, clear_leftover as clear_leftover
    from mlx_convert_core.writing.read_back import PartRead as PartRead, stamp_of as stamp_of
    from mlx_convert_core.writing.replaceable import (
        next_free as next_free,
        what_goes as what_goes,
    )
    from mlx_convert_core.writing.shards import ShardWriter as ShardWriter, layouts as layouts, split as split
    from mlx_convert_core.writing.staging import Staging as Staging

_PLACES = {
    "mlx_convert_core.answering.compare": "first_divergence",
    "mlx_convert_core.base": "file_names units",
    "mlx_convert_core.base.addresses": "bare_address without_secrets",
    "mlx_convert_core.base.child_python": "current_folder_entries python_command python_environment",
    "mlx_convert_core.base.codec": "from_plain plain read_json to_json",
    "mlx_convert_core.base.entry_points": "EntryPoint entry_points",
    "mlx_convert_core.base.documents": "JsonDocument",
    "mlx_convert_core.base.file_names": "RECORD",
    "mlx_convert_core.base.flushing": "flush",
    "mlx_convert_core.base.identity": "as_on_disk is_inside",
    "mlx_convert_core.base.installing": "install_command",
    "mlx_convert_core.base.limits": "CARD_BYTES CONFIG_BYTES HOME_BYTES INDEX_BYTES TYPED_BYTES",
    "mlx_convert_core.base.mac": "mac_trouble",
    "mlx_convert_core.base.machine": "machine_name",
    "mlx_convert_core.base.memory": "free_memory give_back_memory resident_memory",
    "mlx_convert_core.base.paths": "expanded is_text spelled",
    "mlx_convert_core.base.private": "private_folder readable_by_others",
    "mlx_convert_core.base.regular_files": "check_regular open_regular read_regular regular_files",
    "mlx_convert_core.base.shell": "command typed",
    "mlx_convert_core.base.trash": "has_trash",
    "mlx_convert_core.converting.places": "cannot_hold free_disk",
    "mlx_convert_core.converting.model_senses": "ModelSenses",
    "mlx_convert_core.converting.considering": "SourceDetails",
    "mlx_convert_core.converting.searching": "MOST_FOUND SearchHit SearchResult",
    "mlx_convert_core.converting.sources": "NamedModel Sources",
    "mlx_convert_core.errors": (
        "Cancelled ConversionFailed CorruptCheckpoint EntryNotFound ErrorInfo GatedRepo GenerationFailed "
        "InsufficientDisk InvalidRequest LibraryError MeasuringFailed MlxConvertError NameConflict OutputExists "
        "PluginError PluginNotLoaded PreflightFailed QueueBusy RepoNotFound RevisionNotFound SourceError "
        "SourceUnreachable UnsupportedModel UploadError WorkerDied"
    ),
    "mlx_convert_core.explanations": "Explanation explain",
    "mlx_convert_core.home.begun_conversions": "BegunConversions",
    "mlx_convert_core.home.answer_presets": "AnswerPresets",
    "mlx_convert_core.home.conversation_store": "ConversationStore",
    "mlx_convert_core.home.conversion_queue": "ConversionQueue",
    "mlx_convert_core.home.queue_item": "Afterwards FollowUp QueueItem",
    "mlx_convert_core.home.settings": "Settings SettingsFile",
    "mlx_convert_core.measuring.agreement": "AgreedAnswer Agreement AgreementResult",
    "mlx_convert_core.measuring.intervals": "paired_difference paired_figures",
    "mlx_convert_core.model": "dtypes hub_names",
    "mlx_convert_core.model.chat_message": "ChatMessage",
    "mlx_convert_core.model.accounting": "Accounted account_for",
    "mlx_convert_core.model.adapters": "Adapter adapter_files inspect_adapter no_adapter",
    "mlx_convert_core.model.base_model": "base_model",
    "mlx_convert_core.model.answer_settings": "SAMPLER_LIMITS AnswerSettings sampler_word",
    "mlx_convert_core.model.checkpoint": "Checkpoint",
    "mlx_convert_core.model.choosing": "Chosen LayerChoice MeasuredLayer ModelSizes bits_to_ask layers_in_words",
    "mlx_convert_core.model.config_file": "context_length context_of read_config",
    "mlx_convert_core.model.advice": "SamplerAdvice",
    "mlx_convert_core.model.card": "card_text",
    "mlx_convert_core.model.considered": "SourceAbout",
    "mlx_convert_core.model.contents": "FolderContents",
    "mlx_convert_core.model.conversations": "ChatSettings Conversation ConversationSummary StoredMessage figures_of",
    "mlx_convert_core.model.decoded": "WORDS Claims DecodedTensor",
    "mlx_convert_core.model.details": "MeasuredModel ModelDetails ModelFile proof",
    "mlx_convert_core.model.events": (
        "FINAL AnyEvent Event JobCancelled JobFailed JobFinished JobStarted JobState Message Progress Step "
        "StepFinished StepStarted Token"
    ),
    "mlx_convert_core.model.figures": (
        "QUALITY SPEED TASKS Figure KeptFigure Measurements figures_in groups_in is_stale title_of"
    ),
    "mlx_convert_core.model.findings": "Finding finding_of worst_first",
    "mlx_convert_core.model.fingerprint": "fingerprint",
    "mlx_convert_core.model.fit": "CONTEXT Fit FitVerdict cache_estimate fit fit_into memory_now",
    "mlx_convert_core.model.hub_cache": "CachedRepo cached_repo model_name snapshot_in",
    "mlx_convert_core.model.found": "FoundModel",
    "mlx_convert_core.model.inspection": "FileInfo ModelInfo inspect_folder",
    "mlx_convert_core.model.left_out": "LeftOut",
    "mlx_convert_core.model.library": "LibraryEntry",
    "mlx_convert_core.model.library_folder": "entry_of",
    "mlx_convert_core.model.condition": "Condition condition_of",
    "mlx_convert_core.model.library_query": "ORDERS LibraryOrder LibraryQuery kl_divergence",
    "mlx_convert_core.model.library_scan": "SCAN_LEVELS scan",
    "mlx_convert_core.model.measurements": (
        "BenchRequest BenchResult BenchRow MeasuredFigure MeasureRequest MeasureResult Passage Spread"
    ),
    "mlx_convert_core.model.packing": "leftover_method packed_tensors quantization_config",
    "mlx_convert_core.model.plan": "ConvertPlan OutputPlan",
    "mlx_convert_core.model.prompts": "prompts_in",
    "mlx_convert_core.model.quantization": (
        "AFFINE_BITS AFFINE_GROUP_SIZES KeptLayer LayerInfo MODES Preset Quantization QuantizedLayer QuantizeStrategy"
        " RECOMMENDED USUAL preset_with_advice"
    ),
    "mlx_convert_core.model.recipes": "Recipe RecipeOutput read_recipe recipe_of write_recipe",
    "mlx_convert_core.model.record": "Record RecordedAdapter encode_record parse_record public_record read_record",
    "mlx_convert_core.model.requests": "ConvertRequest GenerateRequest GenerationExtras UploadRequest",
    "mlx_convert_core.model.results": "ConvertResult ConvertedModel GenerateResult SkippedOutput UploadResult",
    "mlx_convert_core.model.rounding": "NEAREST WITHOUT_TEXT Calibration CalibrationKind LayerRows Needs",
    "mlx_convert_core.model.safetensors": "TensorInfo all_tensors header_length parse_header read_header",
    "mlx_convert_core.model.stored_layers": "ErrorRow LayerRow StoredLayer error_rows layer_rows",
    "mlx_convert_core.model.tasks": "Question questions_in",
    "mlx_convert_core.model.attachments": "ENDINGS LARGEST Attachment Sense check_size sense_of shown_name",
    "mlx_convert_core.model.tensor_kinds": "TensorKinds",
    "mlx_convert_core.model.torch_files": "read_torch torch_tensors",
    "mlx_convert_core.model.verification": "Verification",
    "mlx_convert_core.model.weight_files": (
        "Weights choose_weights elsewhere is_adapter read_tensors repeated weight_files"
    ),
    "mlx_convert_core.plugins.checks": "ModelCheck TextRunner TriedModel Verdict",
    "mlx_convert_core.plugins.decoding": (
        "DecodedModel DecodingConverter RunnableConverter StoredTensors TensorDecoder decoded"
    ),
    "mlx_convert_core.plugins.hookspecs": "hookimpl",
    "mlx_convert_core.plugins.interfaces": (
        "AnswerMemory LibraryStore MeasuredRunner ModelRunner Reporter SensingRunner UploadTarget"
    ),
    "mlx_convert_core.plugins.loading": "LoadedPlugin PluginFailure",
    "mlx_convert_core.plugins.model_converters": (
        "Choice HereStrategy MeasuredStrategy MeasuringConverter ModelConverter Planned ProvenStrategy QuantizeMethod"
        " RoundingConverter Written"
    ),
    "mlx_convert_core.plugins.model_sources": (
        "AdapterSource CachedSource DiscardableSource InPlaceSource ModelSource SmallFilesSource StreamedSource"
    ),
    "mlx_convert_core.plugins.offers": "Account AccountState Command Page",
    "mlx_convert_core.plugins.scoring": (
        "HiddenStates MeasuringText Metric ScoringHead ScoringRunner TaskSet TokenScores"
    ),
    "mlx_convert_core.plugins.source_kinds": "DescribedSource JudgingConverter PublishedSource SourceKind",
    "mlx_convert_core.remedies": (
        "ChooseOutput LeaveOut OpenPage Remedies Remedy Replace Report RunCommand RunElsewhere SetOption SignIn "
        "UseInstead"
    ),
    "mlx_convert_core.workspace": "Workspace",
    "mlx_convert_core.writing.leftovers": "Leftover clear_leftover",
    "mlx_convert_core.writing.read_back": "PartRead stamp_of",
    "mlx_convert_core.writing.replaceable": "next_free what_goes",
    "mlx_convert_core.writing.shards": "ShardWriter layouts split",
    "mlx_convert_core.writing.staging": "Staging",
}

__all__, __getattr__ = on_demand(__name__, _PLACES)

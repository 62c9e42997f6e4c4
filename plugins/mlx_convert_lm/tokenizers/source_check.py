"""The tokenizer and the chat template of a source, tried before a weight is read: what is wrong is said in the plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import ConvertPlan, CorruptCheckpoint, Finding, ModelInfo, RunElsewhere, file_names
from mlx_convert_lm.chat_template import ChatTemplate
from mlx_convert_lm.tokenizers.for_readers import mended, needs_code, own_class, readable
from mlx_convert_lm.tokenizers.rendering import FolderTemplate
from mlx_convert_lm.tokenizers.small_files import (
    ALWAYS_READ,
    SETTINGS,
    TEMPLATE,
    TOKENIZER,
    SmallFiles,
    check_json,
    is_vocabulary,
    without_mark,
)
from mlx_convert_lm.tokenizers.tokenizer_json import Made, make
from mlx_convert_lm.tokenizers.vocabulary import ids_in

# Classes that transformers and mlx-lm make of tokenizer.json alone; of any other one transformers is asked.
KNOWN_CLASSES = (
    "", "PreTrainedTokenizer", "TokenizersBackend", "LlamaTokenizer", "CodeLlamaTokenizer", "GPT2Tokenizer",
    "Qwen2Tokenizer", "GemmaTokenizer", "CohereTokenizer", "GPTNeoXTokenizer", "BloomTokenizer", "T5Tokenizer",
)  # fmt: skip
GENERATION_CONFIG = file_names.GENERATION_CONFIG
END = "eos_token_id"
_EMBEDDING = re.compile(r"(?:^|[._])(?:embed\w*|wte|tok_embeddings|word_embeddings|tokens?_embd)\.weight$")


def try_tokenizer(plan: ConvertPlan, folder: Path) -> Iterator[Finding]:
    """Findings about the tokenizer files in ``folder``, the source of ``plan``; no weight need be there."""
    files = SmallFiles(folder)
    damaged = tuple(_damaged(files))
    yield from damaged
    if any(finding.level == "error" for finding in damaged):
        return
    own_code = plan.request.trust_remote_code
    change = mended(files, own_code=own_code)
    if change.changes:
        yield Finding(
            code="tokenizer_rewritten",
            level="info",
            message=f"the result has {'; '.join(change.changes)}, so that more apps can read it.",
        )
    yield from _tried(plan.model, SmallFiles(folder, change.files), own_code=own_code)


def _tried(model: ModelInfo, files: SmallFiles, *, own_code: bool) -> Iterator[Finding]:
    settings = files.settings(SETTINGS)
    tokenizer = files.data(TOKENIZER)
    if not tokenizer and any(is_vocabulary(name) for name in files.names):
        if needs_code(settings, files, own_code=own_code):
            yield _needs_code(model, files, settings)
        else:
            made = _made(files, own_code=own_code)
            yield _about(made, model, _origin(files))
            tokenizer = made.tokenizer
    elif tokenizer and str(settings.get("tokenizer_class") or "").removesuffix("Fast") not in KNOWN_CLASSES:
        made = _made(files, own_code=own_code)
        if made.error:
            yield _unloadable(model, made.error)
    if tokenizer:
        yield from _vocabulary(model, files, settings, tokenizer)
    yield from _ends(model, files)
    if not settings.get("chat_template_type"):  # one of mlx-lm's own
        yield from _template(model, files, settings)


def _made(files: SmallFiles, *, own_code: bool) -> Made:
    with readable(files.folder, own_code=own_code) as clean:
        return make(clean, own_code=own_code)


def _damaged(files: SmallFiles) -> Iterator[Finding]:
    """Files that are not what their names say: an error for those that a tokenizer can't do without."""
    for name in files.names:
        needed = name in ALWAYS_READ or (TOKENIZER not in files and is_vocabulary(name))
        if not needed and not is_vocabulary(name):
            continue
        if files.is_pointer(name):
            yield Finding(
                code="lfs_pointer",
                level="error" if needed else "warning",
                message=f"{name} is a Git LFS pointer, not the file itself{', so no tokenizer can be made' * needed}.",
                hint="The folder was cloned without Git LFS: have that fetch its files, or give the repo id instead.",
                remedies=(RunElsewhere("git lfs pull"),),
            )
        elif needed and name.endswith(".json"):
            try:
                check_json(name, files.data(name))
                if name == SETTINGS:
                    files.settings(name)
            except CorruptCheckpoint as error:
                yield Finding(code=error.code, level="error", message=error.message, hint=error.hint)


def _origin(files: SmallFiles) -> str:
    return ", ".join(name for name in files.names if is_vocabulary(name))


def _about(made: Made, model: ModelInfo, origin: str) -> Finding:
    """What is to be said of a tokenizer without tokenizer.json, which is made from ``origin``."""
    if made.error or not made.tokenizer:
        return _unloadable(model, made.error or f"no {TOKENIZER} can be made of it", origin)
    if made.differs:
        return Finding(
            code="tokenizer_json",
            level="warning",
            message=f"the {TOKENIZER} that is made from {origin} reads some texts otherwise: {made.differs!r:.80}.",
            hint=f"Apps that use it see other tokens there. Look whether the original model has a {TOKENIZER} by now.",
            remedies=model.to_its_page,
        )
    proof = "equal on a text in many scripts" if made.proved else "there is nothing here to prove it by"
    return Finding(
        code="tokenizer_json",
        level="info",
        message=f"the result gets a {TOKENIZER}, which apps on Macs need, made from {origin} ({proof}).",
    )


def _needs_code(model: ModelInfo, files: SmallFiles, settings: Mapping[str, Any]) -> Finding:
    """The finding for a tokenizer that only the model's own code can read."""
    module, _, name = own_class(settings).rpartition(".")
    there = f"{module}.py" in files
    return Finding(
        code="tokenizer_code",
        level="warning",
        message=f"the tokenizer of {model.name} is {_origin(files)}, which only its own code reads ({name} in"
        f" {module}.py, {'not run' if there else 'not in the folder'}), and there is no {TOKENIZER}: the result can't"
        " answer.",
        hint=f"Look for a {TOKENIZER} on the model's page, and put it into the folder."
        + (f" Or read {module}.py, and allow the model's own code if you trust it." if there else ""),
    )


def _unloadable(model: ModelInfo, why: str, origin: str = TOKENIZER) -> Finding:
    return Finding(
        code="tokenizer",
        level="warning",
        message=f"the tokenizer of {model.name} ({origin}) can't be loaded, so the result can't answer: {why}.",
        hint=f"Compare {TOKENIZER} and {SETTINGS} with the original model's, and copy them from there.",
    )


def _vocabulary(
    model: ModelInfo, files: SmallFiles, settings: Mapping[str, Any], tokenizer: bytes
) -> Iterator[Finding]:
    """Load tokenizer.json, and compare its ids with the rows of the embedding."""
    rows = embedding_rows(model)
    ids = ids_in(without_mark(tokenizer), rows, _named_tokens(files, settings))
    if ids.error:
        yield _unloadable(model, ids.error)
    elif rows and ids.highest >= rows:
        yield Finding(
            code="token_ids",
            level="warning",
            message=f"the tokenizer of {model.name} has ids up to {ids.highest:,}, and the embedding has {rows:,} rows:"
            f" a prompt with one of {ids.highest + 1 - rows:,} tokens ({', '.join(ids.beyond)}) can't be answered.",
            hint="The tokenizer may belong to another model, or words were added to it that the model never learned.",
            remedies=model.to_its_page,
        )


def _ends(model: ModelInfo, files: SmallFiles) -> Iterator[Finding]:
    """Look at the ids that end an answer: transformers loads no others than whole numbers, and each needs a row."""
    where = GENERATION_CONFIG if files.settings(GENERATION_CONFIG).get(END) is not None else file_names.CONFIG
    given = files.settings(where).get(END)
    ends = given if isinstance(given, list) else [given]
    rows = embedding_rows(model)
    if given is None:
        return
    if any(type(end) is not int for end in ends):
        told = f"{where} of {model.name} gives {given!r:.60} for {END}, where numbers of tokens are expected"
        means = "the result can't be loaded to answer" if where == GENERATION_CONFIG else "apps may not know its end"
    elif rows and not any(0 <= end < rows for end in ends):
        told = f"{where} of {model.name} has an answer end with {ends!r:.60}, and the embedding has {rows:,} rows"
        means = "an answer may go on to its limit"
    else:
        return
    yield Finding(
        code="end_tokens",
        level="warning",
        message=f"{told}: {means}.",
        hint=f"Compare {where} with the original model's, and mend {END} in it.",
        remedies=model.to_its_page,
    )


def _named_tokens(files: SmallFiles, settings: Mapping[str, Any]) -> set[str]:
    """The tokens that transformers adds to a tokenizer which lacks them."""
    decoder = settings.get("added_tokens_decoder")
    entries: list[Any] = list(decoder.values()) if isinstance(decoder, dict) else []
    entries += [value for name, value in settings.items() if name.endswith("_token")]
    entries += files.settings(file_names.ADDED_TOKENS)
    texts = (entry.get("content") if isinstance(entry, dict) else entry for entry in entries)
    return {text for text in texts if isinstance(text, str)}


def embedding_rows(model: ModelInfo) -> int:
    """The rows of the embedding of words, by the source's headers, else by config.json; 0 when neither tells."""
    named = (
        tensor for tensor in model.tensors if "emb" in tensor.name or "wte" in tensor.name
    )  # a few of a hundred thousand
    rows = [tensor.shape[0] for tensor in named if len(tensor.shape) == 2 and _EMBEDDING.search(tensor.name)]
    text = model.config.get("text_config")
    sizes: Iterable[Any] = (model.config.get("vocab_size"), text.get("vocab_size") if isinstance(text, dict) else None)
    return max(rows, default=next((size for size in sizes if isinstance(size, int)), 0))


def _template(model: ModelInfo, files: SmallFiles, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """What the chat template objects to: a warning when it takes no question at all, notes on other conversations."""
    source = FolderTemplate(files, settings)
    if source.chat_template is None:
        return
    yield from _two_templates(files, settings)
    template = ChatTemplate(source, model.name)
    error = template.objection()
    if error is not None:
        yield Finding(code=error.code, level="warning", message=error.message, hint=error.hint)
        return
    for what, error in template.refusals():
        yield Finding(code=error.code, level="info", message=f"with {what}, {error.message}", hint=error.hint)


def _two_templates(files: SmallFiles, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """A note where the two places for a chat template hold different ones."""
    other = settings.get("chat_template")
    if TEMPLATE not in files or not isinstance(other, str):
        return
    if files.data(TEMPLATE).decode(errors="replace").strip() != other.strip():
        yield Finding(
            code="two_templates",
            level="info",
            message=f"{TEMPLATE} and {SETTINGS} hold different chat templates. {TEMPLATE} is used, as by transformers;"
            " older apps take the other.",
            hint="Compare the two with the original model's if answers differ between apps.",
        )

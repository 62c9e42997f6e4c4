"""What a person may type to name a repo: a repo id, the address of its page, or ``hf://org/name@revision``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlx_convert_core.plugin import InvalidRequest, LeaveOut, bare_address, file_names, hub_names, without_secrets

PROTOCOL = "hf://"
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,254}")
_OTHER_KINDS = {"datasets": "a dataset", "spaces": "a Space", "docs": "documentation", "collections": "a collection"}
_PAGES = ("tree", "blob", "resolve", "commit", "raw")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoRef:
    """A model repo, and the branch, tag or commit that was named with it."""

    repo_id: str
    revision: str | None = None


def parse_ref(ref: str, revision: str | None = None) -> RepoRef | None:
    """The repo that ``ref`` names, None when it has another form.

    ``revision`` was given beside it. Raises InvalidRequest (codes ``bad_id``, ``revision``).
    """
    ref = without_secrets(ref)
    if ref.startswith(PROTOCOL):
        named = _of_uri(ref)
    elif re.match(r"https?://", ref, re.IGNORECASE):
        named = _of_url(ref)
    elif "/" in ref and not is_path(ref):
        named = _of_url(bare_address(f"https://{ref}")) if _site(ref) else RepoRef(repo_id=checked_id(ref.rstrip("/")))
    else:
        return None
    return RepoRef(repo_id=named.repo_id, revision=_agreed(named.revision, revision, ref))


def lacking(text: str) -> str:
    """What ``text`` lacks that may become the name of a repo when more is typed; "" when it is one, or can't be.

    Asks neither disk nor network.
    """
    start = text.lower()
    if len(text) > 2 and (PROTOCOL.startswith(start) or start.startswith(PROTOCOL)):
        begun = text[len(PROTOCOL) :].removeprefix("models/").partition("@")[0]
        told = f"A name follows: {PROTOCOL}owner/model."
    elif site := _site(text):
        begun, told = text[len(site) + 1 :], "The address of a model's page goes on with owner/model."
    elif ":" in text and any(page.startswith(start) or start.startswith(page) for page in _pages()):
        begun, told = "/".join(text.split("/")[3:]), "The address of a model's page goes on with owner/model."
    else:
        begun, told = text, f"A name on Hugging Face has two parts: owner/model. There is no folder “{text}” here."
    owner, _, name = begun.partition("/")
    if not name:
        may_go_on = re.fullmatch(rf"({hub_names.NAME})?", owner) and len(owner) < hub_names.MAX_ID
        return told if may_go_on and begun != "/" and not begun.endswith(file_names.GGUF) else ""
    return (
        "A name ends with a letter or a digit."
        if hub_names.is_repo_id(begun.rstrip("-.")) and not hub_names.is_repo_id(begun)
        else ""
    )


def _site(text: str) -> str:
    """The site that ``text`` begins with, as an address does that was typed without its scheme; "" for none."""
    return next((site for site in hub_names.SITES if text.lower().startswith(f"{site}/")), "")


def _pages() -> tuple[str, ...]:
    """What the addresses of pages begin with."""
    own = bare_address(os.environ.get("HF_ENDPOINT", "")).rstrip("/").lower()
    return (
        *(f"{scheme}://{site}/" for scheme in ("https", "http") for site in hub_names.SITES),
        *([f"{own}/"] if own else []),
    )


def is_path(ref: str) -> bool:
    """Whether ``ref`` can only be meant as a place on this machine."""
    return ref.startswith((".", "/", "~")) or ref.endswith(file_names.GGUF) or Path(ref).expanduser().exists()


def checked_id(repo_id: str) -> str:
    """``repo_id`` when it has the form of one; raises InvalidRequest (code ``bad_id``)."""
    if not hub_names.is_repo_id(repo_id):
        raise InvalidRequest(
            f"'{repo_id}' is neither a folder here nor a repo id, which has the form owner/name.",
            hint="Paste the address of the model's page, or check the spelling. For a folder write ./ before it.",
            code="bad_id",
        )
    return repo_id


def is_model_id(text: str) -> bool:
    """A repo id, or the name of one of the oldest models, which have no owner: ``gpt2``."""
    return hub_names.is_repo_id(text if "/" in text else f"owner/{text}")


def checked_revision(revision: str) -> str:
    """``revision`` when it can be the name of a branch, tag or commit; raises InvalidRequest."""
    parts = revision.split("/")
    if not _REVISION.fullmatch(revision) or ".." in revision or not all(parts):
        raise InvalidRequest(
            f"'{revision}' can't be the name of a branch, tag or commit.",
            hint="See the list of branches on the model's page.",
            code="revision",
        )
    return revision


def _of_uri(ref: str) -> RepoRef:
    name, _, revision = ref.removeprefix(PROTOCOL).removeprefix("models/").partition("@")
    return RepoRef(repo_id=checked_id(name.rstrip("/")), revision=revision or None)


def _of_url(ref: str) -> RepoRef:
    """The repo whose page has the bare address ``ref``."""
    address = urlsplit(ref)
    own = urlsplit(bare_address(os.environ.get("HF_ENDPOINT", "")))
    if address.netloc.lower() not in (*hub_names.SITES, own.netloc.lower() or hub_names.SITES[0]):
        raise InvalidRequest(
            f"{address.netloc} is not the Hugging Face Hub.",
            hint="Give the address of a model's page on huggingface.co, or its repo id: owner/name.",
            code="bad_id",
        )
    parts = [unquote(part) for part in address.path.split("/") if part]
    if parts[:1] and parts[0] in _OTHER_KINDS:
        raise InvalidRequest(
            f"{ref} is the page of {_OTHER_KINDS[parts[0]]}, not of a model.",
            hint="Give the address of a model's page: https://huggingface.co/owner/name",
            code="bad_id",
        )
    named = len(parts) > 3 and parts[2] in _PAGES
    return RepoRef(repo_id=checked_id("/".join(parts[:2])), revision=_revision_of(parts) if named else None)


def _revision_of(parts: list[str]) -> str:
    """The revision in a page's address; one that begins with refs/ has three parts."""
    return "/".join(parts[3:6]) if parts[3] == "refs" else parts[3]


def _agreed(inside: str | None, beside: str | None, ref: str) -> str | None:
    """One revision out of the one in the ref and the one beside it; a commit beside it settles the matter."""
    if inside and beside and inside != beside and not hub_names.COMMIT.fullmatch(beside):
        raise InvalidRequest(
            f"{ref} names the revision {inside}, and {beside} was asked for beside it.",
            hint="Give one of them.",
            remedies=(LeaveOut("revision"),),
            code="revision",
        )
    found = beside or inside
    return checked_revision(found) if found else None

"""``hub:owner/Name``: a repo of the Hugging Face Hub as a place to send a model to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mlx_convert_core.plugin import (
    InvalidRequest,
    LeaveOut,
    MlxConvertError,
    OpenPage,
    Replace,
    Reporter,
    SetOption,
    UploadError,
    UploadRequest,
    UploadResult,
    file_names,
    hub_names,
    model_name,
    read_record,
    regular_files,
)
from mlx_convert_hub.card.origin import origin_of
from mlx_convert_hub.card.published_card import card_to_send
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.client.identity import Identity, identify
from mlx_convert_hub.fetch.references import parse_ref
from mlx_convert_hub.send.model_files import files_of, refuse_places
from mlx_convert_hub.send.remote import RemoteRepo, look
from mlx_convert_hub.send.upload import Upload
from mlx_convert_hub.trouble.explain import explained


@dataclass(frozen=True)
class HubTarget:
    """Implements UploadTarget."""

    name: str = "hub"
    summary: str = "a repo of the Hugging Face Hub: hub:owner/Name"
    connection_to: HubConnection | None = None

    @property
    def connection(self) -> HubConnection:
        """How the Hub is reached; by default as the user has set up its client."""
        return self.connection_to or HubConnection.from_environment()

    def check(self, request: UploadRequest) -> UploadRequest:
        """See UploadTarget: at most four requests and nothing sent."""
        connection = self.connection
        given = _given_name(request)
        with explained(connection.situation(given, uploading=True)):
            identity = identify(connection)
            repo_id = _completed(given, identity)
        with explained(connection.situation(repo_id, uploading=True)):
            remote = look(connection, repo_id)
            if remote.exists:
                connection.ask(lambda: connection.get(f"/api/models/{repo_id}/auth-check/write"))
            else:
                identity.check_may_create(connection, repo_id)
            checked = replace(request, name=repo_id)
            refuse(checked, remote)
        if request.path.is_dir():
            refuse_places(request.path, files_of(request.path))
        return checked

    def preview(self, request: UploadRequest) -> str:
        """See UploadTarget. Without the Hub it is the card for a repo that does not exist yet."""
        connection = self.connection
        repo_id = _given_name(request)
        try:
            with explained(connection.situation(repo_id, uploading=True)):
                repo_id = _completed(repo_id, identify(connection)) if "/" not in repo_id else repo_id
                remote = look(connection, repo_id)
                return card_to_send(request.path, repo_id, remote.card, remote.tags)
        except MlxConvertError:
            return card_to_send(request.path, repo_id)

    def upload(self, request: UploadRequest, report: Reporter) -> UploadResult:
        """See UploadTarget."""
        connection = self.connection
        with explained(connection.situation(request.name, uploading=True)):
            return Upload(connection, request, report, refuse).run()


def refuse(request: UploadRequest, remote: RemoteRepo) -> None:
    """Raise UploadError when what is in ``remote`` forbids to send the model there."""
    if not remote.exists:
        return
    if request.public != (not remote.private):
        raise _visibility(request, remote)
    if not request.replace and remote.has_model and not _same_model(request.path, remote):
        raise UploadError(
            f"{request.name} holds another model already.",
            hint="Choose another name, or replace it.",
            remedies=(Replace(),),
            code="up_exists",
        )


def _same_model(folder: Path, remote: RemoteRepo) -> bool:
    """Whether the model in ``remote`` is of the same origin, as far as can be told; the folder may not be there yet."""
    if not folder.is_dir():
        return remote.origin is not None
    own = origin_of(read_record(folder))
    if own is not None or remote.origin is not None:
        return own is not None and own.same_as(remote.origin)
    return _weights(folder) == {name: file.size for name, file in remote.files.items() if _is_weights(name)}


def _weights(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in regular_files(folder) if _is_weights(path.name)}


def _is_weights(name: str) -> bool:
    return name.endswith(file_names.SAFETENSORS)


def _visibility(request: UploadRequest, remote: RemoteRepo) -> UploadError:
    page = f"{remote.connection.site}/{request.name}/settings"
    if request.public:
        return UploadError(
            f"{request.name} exists and is private; an upload does not change that.",
            hint="Send it there as it is, or make the repo public first.",
            remedies=(LeaveOut("public"), OpenPage(page)),
            code="up_visibility",
        )
    return UploadError(
        f"{request.name} exists and is public: everybody would see the model.",
        hint="Say that you want that, or make the repo private first.",
        remedies=(SetOption("public", True), OpenPage(page)),
        code="up_visibility",
    )


def _given_name(request: UploadRequest) -> str:
    """The repo id, or only its last part, that the request names or that the folder's name gives."""
    if not request.name:
        return re.sub(r"[^A-Za-z0-9._-]+|--+|\.\.+", "-", model_name(request.path)).strip("-.") or "model"
    named = parse_ref(request.name) if "://" in request.name else None
    repo_id = named.repo_id if named is not None else request.name
    parts: Iterable[str] = (repo_id,) if "/" in repo_id else ("owner", repo_id)
    if not hub_names.is_repo_id("/".join(parts)):
        raise InvalidRequest(
            f"'{request.name}' can't be the name of a repo, which has the form owner/name.",
            hint="Use letters, digits, '-', '_' and '.', for example me/Model-MLX-4bit",
            code="bad_id",
        )
    return repo_id


def _completed(name: str, identity: Identity) -> str:
    return name if "/" in name else f"{identity.name}/{name}"

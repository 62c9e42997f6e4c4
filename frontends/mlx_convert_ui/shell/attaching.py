"""The addresses at which a page gives and gets pictures and sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mlx_convert_core import MlxConvertError, to_json
from mlx_convert_ui.words import _, given

if TYPE_CHECKING:
    from starlette.requests import Request

    from mlx_convert_ui.state.studio import Studio

# By the end of a name; what is not here is not shown.
_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
}
NAME = "x-name"  # the header with a file's name, quoted as in an address


def register(studio: Studio) -> None:
    """Serve /attached (to send a file to), /attached/KEY and /kept/ID/NAME, a picture of a conversation."""
    from nicegui import app
    from starlette.responses import FileResponse, Response

    def shown(path: Path | None) -> Response:
        """The file, by a type that a browser shows and never runs; it stays in no cache."""
        kind = _TYPES.get(path.suffix.lower()) if path is not None else None
        if path is None or kind is None or not path.is_file():
            return Response(status_code=404)
        return FileResponse(path, media_type=kind, headers={"cache-control": "no-store"})

    async def attach(request: Request) -> Response:
        return Response(to_json(await _taken(studio, request)), media_type="application/json")

    def waiting(request: Request) -> Response:
        file = studio.attached.get(request.path_params["key"])
        return shown(file.path if file else None)

    def kept(request: Request) -> Response:
        try:
            files = studio.workspace.conversations.files(request.path_params["id"])
            return shown(files.path(request.path_params["name"]))
        except MlxConvertError:
            return shown(None)

    app.add_route("/attached", attach, methods=["POST"])
    app.add_route("/attached/{key}", waiting)
    app.add_route("/kept/{id}/{name}", kept)


async def _taken(studio: Studio, request: Request) -> dict[str, str]:
    """The ``key`` of the file in ``request``, or why it is ``refused``."""
    try:
        incoming = studio.attached.begin(unquote(request.headers.get(NAME, "")))
        with incoming.opened() as file:
            async for piece in request.stream():
                incoming.write(file, piece)
    except MlxConvertError as error:
        return {"refused": f"{given(error.message)} {given(error.hint)}"}
    except OSError as error:
        return {"refused": _("The file can't be kept on this machine: {reason}.", reason=error.strerror or str(error))}
    return {"key": studio.attached.add(incoming)}

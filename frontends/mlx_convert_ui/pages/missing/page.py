"""An address that leads nowhere: said in our frame, with the way back."""

from __future__ import annotations

from nicegui import Client, app, ui
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, block, empty
from mlx_convert_ui.widgets.frame import frame
from mlx_convert_ui.words import _


def register(studio: Studio) -> None:
    """Serve it wherever there is nothing else."""

    @app.exception_handler(404)
    async def missing(request: Request, error: Exception) -> Response:
        if "text/html" not in request.headers.get("accept", ""):  # a script, a picture: nobody reads a page there
            return JSONResponse({"detail": _("Not found")}, 404)
        client = Client(ui.page(""), request=request)
        with (
            client,
            frame(studio, "", _("Page not found"), _("There is no page at this address.")),
            block("card", "section"),
        ):
            empty("search", _("Nothing here"), _("The address may be mistyped, or come from another version."), _back)
        return client.build_response(request, 404)


def _back() -> None:
    Button(_("Open Convert"), lambda: ui.navigate.to("/"), icon="wand-sparkles", kind="primary").mark("back")

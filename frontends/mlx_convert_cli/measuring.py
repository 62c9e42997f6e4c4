"""Measure what a conversion has made, in the same command."""

from __future__ import annotations

from mlx_convert_cli.measure_view import show_quality
from mlx_convert_cli.progress import follow
from mlx_convert_core import ConvertRequest, ConvertResult, InvalidRequest, MeasureRequest, Workspace
from mlx_convert_core.plugin import LeaveOut


def check_source_stays(request: ConvertRequest) -> None:
    """Raise InvalidRequest when the conversion of ``request`` leaves nothing to compare its result with."""
    if request.discard_source:
        raise InvalidRequest(
            "a result can't be compared with a source that is deleted as it is used.",
            hint="Keep the source, or don't have the result measured.",
            remedies=(LeaveOut("discard_source"), LeaveOut("measure")),
            code="discard_source",
        )


def measure_converted(opened: Workspace, request: ConvertRequest, result: ConvertResult, *, as_json: bool) -> None:
    """Measure each model of ``result`` against its source, and show the figures beside the talk."""
    asked = MeasureRequest(against=request.ref, revision=request.revision, trust_remote_code=request.trust_remote_code)
    for model in result.models:
        figures = follow(opened.measure(model.path, asked), as_json=as_json)
        if not as_json:
            show_quality(figures, err=True)

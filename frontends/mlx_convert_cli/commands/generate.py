"""`mlx-convert generate`."""

from __future__ import annotations

from typing import Any

import click

from mlx_convert_cli.advice import print_sampler, with_advice
from mlx_convert_cli.answers import AnswerView, tell_figures
from mlx_convert_cli.asking import prompt_text
from mlx_convert_cli.options import answering, common, generate_request
from mlx_convert_cli.progress import follow, watch
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import Cancelled


@click.command()
@click.argument("model")
@click.argument("prompt", required=False)
@click.option(
    "--image", "--sound", "attachments", multiple=True, metavar="FILE", help="A picture or recording to ask about."
)
@answering
@common
def generate(
    model: str, prompt: str | None, trust_remote_code: bool, anyway: bool, as_json: bool, **values: Any
) -> None:
    """Answer PROMPT with MODEL, a converted folder or a name in the library.

    Without PROMPT, or with -, the prompt is read from standard input. Numbers that you leave out are those that the
    model's authors recommend, where mlx-convert knows them.
    """
    asked = generate_request(values, prompt=prompt_text(prompt, 'mlx-convert generate MODEL "..."'))
    with workspace(as_json=as_json) as opened:
        path = opened.model_path(model)
        request = generate_request(with_advice(opened, path, values, as_json=as_json), prompt=asked.prompt)
        job = opened.generate(path, request, trust_remote_code=trust_remote_code, anyway=anyway)
        if as_json:
            print_sampler(request)
            follow(job, as_json=True)
            return
        watch(job, AnswerView())
        try:
            tell_figures(job.result())
        except Cancelled:
            raise Cancelled("cancelled.") from None

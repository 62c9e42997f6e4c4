"""`mlx-convert compare`."""

from __future__ import annotations

from typing import Any

import click

from mlx_convert_cli.asking import prompt_text
from mlx_convert_cli.compare_view import ComparisonView, show_answers
from mlx_convert_cli.errors import AlreadyTold
from mlx_convert_cli.options import answering, common, generate_request
from mlx_convert_cli.output import say, styled
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import Cancelled, CompareResult, MlxConvertError


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--prompt", help="The question; without it, or with -, it is read from standard input.")
@answering
@common
def compare(
    models: tuple[str, ...],
    prompt: str | None,
    trust_remote_code: bool,
    anyway: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Put one question to two to four MODELS: converted folders or names in the library.

    All use the same seed. Exit code 1 says that a model failed.
    """
    request = generate_request(values, prompt=prompt_text(prompt, 'mlx-convert compare MODEL MODEL --prompt "..."'))
    with workspace(as_json=as_json) as opened:
        paths = [opened.model_path(model) for model in models]
        comparison = opened.compare(
            paths, request, trusted=paths if trust_remote_code else (), anyway=paths if anyway else ()
        )
        ComparisonView(comparison, as_json=as_json).watch()
        try:
            result: CompareResult = comparison.job.result()
        except MlxConvertError as error:
            if as_json:
                raise AlreadyTold(error.exit_code) from error
            raise Cancelled("cancelled.") if isinstance(error, Cancelled) else error from None
    if not as_json:
        show_answers(result)
        say(styled(f"The same again: --seed {result.seed:d}", dim=True))
    if any(column.error for column in result.answers):
        click.get_current_context().exit(1)

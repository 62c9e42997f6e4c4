"""`mlx-convert compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mlx_convert_cli.asking import prompt_text
from mlx_convert_cli.compare_view import ComparisonView, show_agreement, show_answers
from mlx_convert_cli.errors import AlreadyTold
from mlx_convert_cli.files import read_text
from mlx_convert_cli.options import answering, common, generate_request
from mlx_convert_cli.output import say, styled
from mlx_convert_cli.progress import follow
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import Cancelled, CompareResult, InvalidRequest, MlxConvertError
from mlx_convert_core.plugin import AnswerSettings, LeaveOut, expanded, prompts_in


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--prompt", help="The question; without it, or with -, it is read from standard input.")
@click.option("--prompts", type=click.Path(), help="A file with a question a line: how often the answers are the same.")
@answering
@common
def compare(models: tuple[str, ...], prompt: str | None, prompts: str | None, as_json: bool, **values: Any) -> None:
    """Put one question to two to four MODELS: converted folders or names in the library.

    All use the same seed. With --prompts, two to eight models answer many questions, and it is told how often each says
    what the first one says; the likeliest token is always taken, unless --temperature is given. Exit code 1 says that a
    model failed.
    """
    if prompts is not None:
        _agreement(models, prompt, prompts, as_json=as_json, **values)
    else:
        _comparison(models, prompt, as_json=as_json, **values)


def _agreement(
    models: tuple[str, ...],
    prompt: str | None,
    prompts: str,
    *,
    trust_remote_code: bool,
    anyway: bool,
    as_json: bool,
    **values: Any,
) -> None:
    if prompt is not None:
        raise InvalidRequest(
            "one prompt and a file of prompts were given.",
            hint="Give one of them.",
            remedies=(LeaveOut("prompt"), LeaveOut("prompts")),
            code="prompts",
        )
    path = expanded(prompts)
    asked = _prompts(path)
    given = {name: value for name, value in values.items() if value is not None}
    settings = AnswerSettings(**{"temperature": 0, **given})
    with workspace(as_json=as_json) as opened:
        job = opened.agreement(models, asked, settings, trust_remote_code=trust_remote_code, anyway=anyway)
        result = follow(job, as_json=as_json)
    if not as_json:
        show_agreement(result, path.name)


def _prompts(path: Path) -> tuple[str, ...]:
    try:
        return prompts_in(read_text(path), path.name)
    except ValueError as error:
        raise InvalidRequest(
            f"{error}.", hint='Write a question in each line; in a .jsonl file, {"prompt": "…"}.', code="prompts"
        ) from None


def _comparison(
    models: tuple[str, ...],
    prompt: str | None,
    *,
    trust_remote_code: bool,
    anyway: bool,
    as_json: bool,
    **values: Any,
) -> None:
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

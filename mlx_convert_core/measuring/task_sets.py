"""The questions that a model is to answer: those that a plugin offers, or those in a file."""

from __future__ import annotations

from mlx_convert_core.base.paths import expanded
from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.measuring.texts import typed_text
from mlx_convert_core.model.tasks import Question, questions_in
from mlx_convert_core.plugins.calling import Hooks

_LINE = '{"question": "Which is the largest planet?", "choices": ["Mars", "Jupiter"], "answer": 1}'


def questions_named(name: str, hooks: Hooks) -> tuple[str, tuple[Question, ...]]:
    """The questions that a plugin offers as ``name``, or those in the file ``name``, and what they are called.

    Raises InvalidRequest (code ``tasks``), which names the line, and PluginError.
    """
    offered = hooks.register("register_tasks")
    if name not in offered:
        path = expanded(name)
        text = typed_text(path, "the tasks to measure with", "tasks")
        try:
            return path.name, _some(questions_in(text, path.name), path.name)
        except ValueError as error:
            raise InvalidRequest(
                f"{error}.", hint=f"Write an object in each line, such as {_LINE}.", code="tasks"
            ) from None
    try:
        return name, _some(tuple(offered[name].load()), name)
    except InvalidRequest:
        raise
    except Exception as error:
        raise hooks.fault(hooks.owner("register_tasks", name), "register_tasks", error) from error


def _some(questions: tuple[Question, ...], name: str) -> tuple[Question, ...]:
    if not questions:
        raise InvalidRequest(
            f"{name} has no task in it.", hint=f"Write an object in each line, such as {_LINE}.", code="tasks"
        )
    return questions

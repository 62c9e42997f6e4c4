"""A model's chat template: a program of strangers that makes the prompt, or refuses to.

A template is Jinja, run by transformers in a sandbox. Many refuse a conversation with ``raise_exception('System role
not supported')``; others are broken. Nothing of that is a defect of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from mlx_convert_core.plugin import ChatMessage, GenerationFailed, LeaveOut, Remedies

PROBE = "mlx-convert"  # a text that no template changes
Turn = dict[str, Any]


class ChatTemplate:
    """Makes token ids of conversations by the template of ``tokenizer``, mlx-lm's wrapper, for the model ``name``."""

    def __init__(self, tokenizer: Any, name: str) -> None:
        self._tokenizer = tokenizer
        self._name = name
        self._turn = _in_parts if self._wants_parts() else _as_text

    def tokens(self, messages: Sequence[ChatMessage]) -> list[int]:
        """The prompt for ``messages``. Raises GenerationFailed (code ``chat_template``) with the template's words."""
        turns = [self._turn(message.role, message.content) for message in messages]
        try:
            tokens = [int(token) for token in self._apply(turns, tokenize=True)]
        except MemoryError:
            raise
        except Exception as error:  # whatever a program of strangers does
            raise self._failed(error, turns) from error
        if not tokens:
            raise self._broken("it makes an empty prompt of this conversation")
        return tokens

    def _apply(self, turns: list[Turn], *, tokenize: bool) -> Any:
        return self._tokenizer.apply_chat_template(turns, tokenize=tokenize, add_generation_prompt=True)

    def _wants_parts(self) -> bool:
        """Whether the template drops a content that is a text, and takes one that is a list of parts.

        Templates of models that also see pictures loop over parts, and a text's letters are none.
        """
        return not self._shows(_as_text) and self._shows(_in_parts)

    def _shows(self, turn: Callable[[str, str], Turn]) -> bool:
        try:
            return PROBE in str(self._apply([turn("user", PROBE)], tokenize=False))
        except Exception:  # said when there is something to answer
            return False

    def _failed(self, error: Exception, turns: list[Turn]) -> GenerationFailed:
        from jinja2 import TemplateError, TemplateSyntaxError

        if isinstance(error, TemplateSyntaxError):
            return self._broken(f"line {error.lineno}: {_words(error)}")
        if isinstance(error, ValueError) and isinstance(getattr(self._tokenizer, "chat_template", None), dict):
            named = ", ".join(sorted(self._tokenizer.chat_template))
            return self._broken(f"it has several ({named}), and none is the default")
        if type(error) is TemplateError:  # its subclasses are faults, this one is raise_exception
            return self._refused(error, turns)
        return self._broken(f"{type(error).__name__}: {_words(error)}")

    def _refused(self, error: Exception, turns: list[Turn]) -> GenerationFailed:
        remedies: Remedies = ()
        without = [turn for turn in turns if turn["role"] != "system"]
        if len(without) < len(turns) and self._takes(without):
            hint = "Leave the system text out; what it says can stand in your message."
            remedies = (LeaveOut("system"),)
        elif any(one["role"] == other["role"] for one, other in pairwise(without)):
            hint = (
                "This model wants questions and answers in turn. Begin a new conversation, or ask once more at its end."
            )
        else:
            hint = "The words are the template's own; the model's page says what it takes."
        return GenerationFailed(
            f"the chat template of {self._name} refuses this conversation: {_words(error)}.",
            hint=hint,
            remedies=remedies,
            code="chat_template",
        )

    def _takes(self, turns: list[Turn]) -> bool:
        try:
            self._apply(turns, tokenize=False)
        except Exception:
            return False
        return True

    def _broken(self, what: str) -> GenerationFailed:
        return GenerationFailed(
            f"the chat template of {self._name} can't be used: {what}.",
            hint="Compare chat_template.jinja or tokenizer_config.json with the original's, and copy it from there.",
            code="chat_template",
        )


def _as_text(role: str, content: str) -> Turn:
    return {"role": role, "content": content}


def _in_parts(role: str, content: str) -> Turn:
    return {"role": role, "content": [{"type": "text", "text": content}]}


def _words(error: Exception) -> str:
    """What an error says, in one line without its last full stop."""
    return " ".join(str(error).split()).rstrip(".")[:300] or type(error).__name__

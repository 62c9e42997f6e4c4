"""A model's chat template: a program of strangers that makes the prompt, or refuses to.

A template is Jinja, run in a sandbox. Many refuse a conversation with ``raise_exception('System role not supported')``;
others are broken, or drop what was said. Nothing of that is a defect of ours, and all of it is told before a weight is
read: `objection` and `refusals` ask for it when a conversion is planned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from mlx_convert_engine.template_bounds import TooMuch, bounded

from mlx_convert_core.plugin import ChatMessage, GenerationFailed, LeaveOut, Remedies

PROBE = "mlx-convert"  # a text that no template changes
COMPARE = "Compare chat_template.jinja or tokenizer_config.json with the original's, and copy it from there."
Turn = dict[str, Any]


class ChatTemplate:
    """Makes token ids of conversations by the template of ``tokenizer``, for the model ``name``.

    ``tokenizer`` is mlx-lm's wrapper, or anything else with its ``apply_chat_template`` and ``chat_template``.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        self._tokenizer = tokenizer
        self._name = name
        self._beyond: TooMuch | None = None
        self._turn = _in_parts if self._wants_parts() else _as_text
        question = [self._turn("user", PROBE)]
        self._loses_words = self._takes(question) and not self._shows(self._turn)

    def tokens(self, messages: Sequence[ChatMessage], *, answering: bool = True) -> list[int]:
        """The prompt for ``messages``; unless ``answering``, without the words that an answer begins with.

        Raises GenerationFailed: ``template_refused`` with the template's own words, ``template_syntax`` for one that
        is no Jinja, ``template_endless`` for one beyond the bounds (`bounded`), ``template_words`` for one that drops
        what a person says, ``chat_template`` for any other fault.
        """
        turns = [self._turn(message.role, message.content) for message in messages]
        tokens = [int(token) for token in self._made(turns, tokenize=True, answering=answering)]
        if not tokens:
            raise self._broken("it makes an empty prompt of this conversation")
        if self._loses_words:
            raise self._lossy()
        return tokens

    def objection(self) -> GenerationFailed | None:
        """What `tokens` would raise for a single question, None when it takes one."""
        try:
            prompt = str(self._made([self._turn("user", PROBE)], tokenize=False))
        except GenerationFailed as error:
            return error
        if self._loses_words:
            return self._lossy() if prompt.strip() else self._broken("it makes an empty prompt of a question")
        return None

    def refusals(self) -> Iterator[tuple[str, GenerationFailed]]:
        """Conversations that a template which takes a question may still refuse: what they are, and how it does."""
        question = self._turn("user", PROBE)
        others = {"a system text": self._turn("system", PROBE), "two questions in a row": question}
        for what, turn in others.items():
            try:
                self._made([turn, question], tokenize=False)
            except GenerationFailed as error:
                yield what, error

    def _made(self, turns: list[Turn], *, tokenize: bool, answering: bool = True) -> Any:
        try:
            return self._apply(turns, tokenize=tokenize, answering=answering)
        except MemoryError:
            raise
        except Exception as error:  # whatever a program of strangers does
            raise self._failed(error, turns) from error

    def _apply(self, turns: list[Turn], *, tokenize: bool, answering: bool = True) -> Any:
        if self._beyond is not None:  # it was given its time
            raise self._beyond
        try:
            with bounded("mlx_convert_lm.tokenizers.rendering"):
                return self._tokenizer.apply_chat_template(turns, tokenize=tokenize, add_generation_prompt=answering)
        except TooMuch as error:
            self._beyond = error
            raise

    def _wants_parts(self) -> bool:
        """Whether the template drops a content that is a text, and takes one that is a list of parts.

        Templates of models that also see pictures loop over parts, and a text's letters are none.
        """
        return not self._shows(_as_text) and self._shows(_in_parts)

    def _shows(self, turn: Callable[[str, str], Turn]) -> bool:
        try:
            return PROBE in str(self._apply([turn("user", PROBE)], tokenize=False)).lower()
        except Exception:  # said when there is something to answer
            return False

    def _failed(self, error: Exception, turns: list[Turn]) -> GenerationFailed:
        from jinja2 import TemplateError, TemplateSyntaxError

        if isinstance(error, TooMuch):
            return self._broken(str(error), code="template_endless")
        if isinstance(error, TemplateSyntaxError):
            return self._broken(f"line {error.lineno}: {_words(error)}", code="template_syntax")
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
            code="template_refused",
        )

    def _lossy(self) -> GenerationFailed:
        return GenerationFailed(
            f"the chat template of {self._name} drops what a person says: the model would answer something else.",
            hint=COMPARE,
            code="template_words",
        )

    def _takes(self, turns: list[Turn]) -> bool:
        try:
            self._apply(turns, tokenize=False)
        except Exception:
            return False
        return True

    def _broken(self, what: str, code: str = "chat_template") -> GenerationFailed:
        return GenerationFailed(
            f"the chat template of {self._name} can't be used: {what}.",
            hint=COMPARE,
            code=code,
        )


def _as_text(role: str, content: str) -> Turn:
    return {"role": role, "content": content}


def _in_parts(role: str, content: str) -> Turn:
    return {"role": role, "content": [{"type": "text", "text": content}]}


def _words(error: Exception) -> str:
    """What an error says, in one line without its last full stop."""
    return " ".join(str(error).split()).rstrip(".")[:300] or type(error).__name__

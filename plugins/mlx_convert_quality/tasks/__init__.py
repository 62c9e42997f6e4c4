"""The questions that come along to measure with. ORIGINS.md says where they are from."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core.plugin import Question, TaskSet, questions_in

VERSION = "1"
_FILE = Path(__file__).with_name("questions.jsonl")


def bundled_questions() -> tuple[Question, ...]:
    """Forty questions with four choices each, and twenty beginnings that go on with a known word."""
    return questions_in(_FILE.read_text(encoding="utf-8"), _FILE.name)


QUESTIONS = TaskSet(name=f"questions-{VERSION}", title="General knowledge", load=bundled_questions)

"""Where a model that was built differs from its config, said in one way: what it is, and what a person can do."""

from __future__ import annotations

from dataclasses import dataclass

from mlx_convert_core.plugin import Finding, Remedies, UnsupportedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Tells of the differences of the model ``name``; ``steps`` lead to its page, where it has one."""

    name: str
    steps: Remedies = ()

    def refuse(self, code: str, told: str, *, keeps: str) -> UnsupportedModel:
        """The error for a difference that makes another model of the weights: ``told`` begins the sentence.

        ``keeps`` says what a newer mlx-lm, or a GGUF, would keep.
        """
        return UnsupportedModel(
            f"{told}: what comes out would be another model.",
            hint=f"A newer mlx-lm may keep {keeps}; a GGUF of the model, which its page may lead to, does.",
            remedies=self.steps,
            code=code,
        )

    def warn(self, code: str, told: str, hint: str) -> Finding:
        """The finding for a difference with which most answers come out right."""
        return Finding(code=code, level="warning", message=f"{told}.", hint=hint, remedies=self.steps)

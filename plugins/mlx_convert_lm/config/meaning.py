"""A config made to mean for mlx-lm what it means for transformers, and the model that came of it checked against it."""

from __future__ import annotations

from typing import Any

from mlx_convert_core.plugin import Finding, Remedies
from mlx_convert_lm.config.activations import check_activation
from mlx_convert_lm.config.built import check_rope
from mlx_convert_lm.config.differences import Differences
from mlx_convert_lm.config.heads import TIED, Head, has_head, parts_of_head, say_tied
from mlx_convert_lm.config.normal import normalise
from mlx_convert_lm.config.numbers import check_numbers
from mlx_convert_lm.config.rope import levels
from mlx_convert_lm.config.windows import check_window

OTHER_MODEL = (
    "own_head",
    "rope_differs",
    "activation_differs",
)  # codes of refusals: the class would make another model of the weights
Classes = tuple[type[Any], type[Any]]


class Meaning:
    """What is known of one checkpoint, called ``name``, between its config and its model.

    ``steps`` are what a person can do about a difference: to read about the model, where it has a page.
    """

    def __init__(self, name: str, steps: Remedies = ()) -> None:
        self._name = name
        self._differences = Differences(name=name, steps=steps)
        self._head = Head.NONE
        self._said_shared = self._shares = False

    def apply(self, config: dict[str, Any], classes: Classes, head: Head) -> Classes:
        """Complete ``config`` in place for ``classes``, which are given back; ``head`` is what the file holds."""
        normalise(config, classes[1])
        self._head = head
        self._said_shared = say_tied(config, classes[1], head)
        self._shares = all(part.get(TIED, True) for part in levels(config))
        return classes

    def without_copy(self, weights: dict[str, Any]) -> dict[str, Any]:
        """``weights`` less a head that is the embeddings once more, for which some classes have no place."""
        if self._head is not Head.EQUAL or not self._shares:
            return weights
        copies = set(parts_of_head(weights).values())
        return {name: array for name, array in weights.items() if name not in copies}

    def check(self, model: Any, config: dict[str, Any]) -> tuple[Finding, ...]:
        """Findings on where the ``model`` that was built differs from ``config``.

        Raises UnsupportedModel (codes `OTHER_MODEL`) where it would be another model, and
        CorruptCheckpoint (``bad_config``) where it could not run.
        """
        check_numbers(model, self._name)
        return (
            *self._check_head(model),
            *check_rope(model, config, self._differences),
            *check_window(model, config, self._differences),
            *check_activation(model, config, self._differences),
        )

    def _check_head(self, model: Any) -> tuple[Finding, ...]:
        from mlx.utils import tree_flatten

        if self._head not in (Head.OWN, Head.UNSEEN):
            return ()
        if not has_head(name for name, _ in tree_flatten(model.parameters())):
            return (self._dropped(),)
        return (self._kept(),) if self._said_shared else ()

    def _dropped(self) -> Finding:
        told = f"{self._name} has an output head of its own, and mlx-lm's class takes its embeddings for one"
        if self._head is Head.OWN:
            raise self._differences.refuse("own_head", told, keeps="it")
        unseen = f"{told}; whether the two are the same shows only when they are here"
        return self._differences.warn("own_head", unseen, "Compare the answers with the original's.")

    def _kept(self) -> Finding:
        told = "a head that differs" if self._head is Head.OWN else "a head of its own"
        return Finding(
            code="own_head",
            level="info",
            message=f"config.json of {self._name} says that the head is shared with the embeddings, but the file holds"
            f" {told}. It is kept, as transformers does, and the new config.json says so.",
        )

"""Where a pass stands between two blocks, so that one that died can go on there instead of at its beginning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlx_convert_engine.forward.lockstep import BlockCall, Forward


class NotAlone(Exception):
    """A block goes by more than what the one before it has answered: the pass has to begin anew."""


@dataclass(slots=True)
class Standing:
    """How many ``blocks`` all sequences have passed, and what the last of them ``answered`` each sequence.

    ``answered`` is empty where that is not enough to go on with: a class whose blocks don't each take what the one
    before has answered, answer more than one array, or are called again. Handed to `StreamedModel.walk` with something
    in it, the pass goes on there.
    """

    blocks: int = 0
    answered: list[Any] = field(default_factory=list)
    _gone_on: bool = False
    _block: int = 0
    _alone: bool = True
    _last: dict[int, Any] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    def go_on(self, forwards: list[Forward]) -> None:
        """Have each of ``forwards`` pass the blocks that it has passed before, which are not called.

        All but the last of them answer with what is no number: a class that looks back at them is noticed by what it
        then computes. Raises NotAlone for one that has fewer blocks.
        """
        import mlx.core as mx

        self._gone_on = True
        for number, forward in enumerate(forwards):
            last = self.answered[number]
            for block in range(self.blocks):
                if forward.waiting is None:
                    raise NotAlone
                self._seen.add(id(forward.waiting.block))
                forward.go_on(last if block == self.blocks - 1 else mx.full(last.shape, mx.nan, last.dtype))
            self._last[number] = last

    def passed(self, number: int, call: BlockCall, output: Any) -> None:
        """The sequence ``number`` has passed a block."""
        import mlx.core as mx

        before = self._last.get(number)
        follows = before is None or any(one is before for one in (*call.args, *call.kwargs.values()))
        again = id(call.block) in self._seen  # its sums are those of all its calls
        self._alone = self._alone and follows and not again and isinstance(output, mx.array)
        self._last[number], self._block = output, id(call.block)

    def all_passed(self, forwards: list[Forward]) -> None:
        """All sequences have passed a block."""
        self.blocks += 1
        self._seen.add(self._block)
        goes_on = self._alone and all(forward.waiting is not None for forward in forwards)
        self.answered = [self._last[number] for number in range(len(forwards))] if goes_on else []

    def check(self, hidden: Any) -> None:
        """Look at the final hidden states of a sequence. Raises NotAlone where a class went by what is no number."""
        import mlx.core as mx

        if self._gone_on and not mx.isfinite(hidden).all().item():
            raise NotAlone

"""The forward pass of many sequences, each of which stands still wherever it calls a block.

A model class is a plain Python function from tokens to logits. To have all sequences pass a block before the next one
is read, each sequence's call runs on a thread of its own, and only ever one of all these threads runs: they are
coroutines. What they keep between two blocks stays in the variables of the class itself, whatever that is.

On these threads arrays are described, never computed: MLX's streams belong to the thread that made them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

_here = threading.local()


@dataclass(frozen=True, slots=True)
class BlockCall:
    """A call of ``block`` that waits for its output; ``call`` takes the block and the arguments."""

    block: Any
    call: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def made(self) -> Any:
        """What the block answers, not yet computed."""
        return self.call(self.block, *self.args, **self.kwargs)


class Answer(BaseException):
    """Ends a forward early, with what it was run for. No class's own ``except Exception`` catches it."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Stopped(BaseException):
    """Unwinds a forward that nobody wants to go on."""


class Forward:
    """One call of a model. ``waiting`` is the block's call at which it stands; None when ``result`` is there."""

    def __init__(self, run: Callable[[], Any]) -> None:
        import mlx.core as mx

        self.waiting: BlockCall | None = None
        self.result: Any = None
        self._run = run
        self._stream = mx.default_stream(mx.default_device())  # of whoever computes
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._outbox: SimpleQueue[BlockCall | BaseException | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._body, name="forward", daemon=True)

    def start(self) -> None:
        """Run to the first call of a block, or to the end. Raises what the model's class raises."""
        self._thread.start()
        self._await()

    def go_on(self, output: Any) -> None:
        """Answer the call at which it stands, and run to the next. Raises what the model's class raises."""
        self.waiting = None
        self._inbox.put(output)
        self._await()

    def stop(self) -> None:
        """End it wherever it stands."""
        if self._thread.is_alive():
            self._inbox.put(_Stopped())
            self._thread.join()
        self.waiting = None

    def ask(self, call: BlockCall) -> Any:
        """On its own thread: stand still until ``call`` is answered."""
        self._outbox.put(call)
        output = self._inbox.get()
        if isinstance(output, _Stopped):
            raise output
        return output

    def _await(self) -> None:
        news = self._outbox.get()
        if isinstance(news, BlockCall):
            self.waiting = news
            return
        self._thread.join()
        if news is not None:
            raise news

    def _body(self) -> None:
        import mlx.core as mx

        _here.forward = self
        end: BaseException | None = None
        try:
            with mx.stream(self._stream):
                self.result = self._run()
        except Answer as answer:
            self.result = answer.value
        except _Stopped:
            pass
        except BaseException as error:  # handed to whoever waits, and raised there
            end = error
        self._outbox.put(end)


def standing_here() -> Forward | None:
    """The forward on whose thread this is called, if it is one's."""
    return getattr(_here, "forward", None)

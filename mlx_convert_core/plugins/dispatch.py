"""Deliver events to on_event hooks, in order, on one thread of their own."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from mlx_convert_core.model.events import AnyEvent
from mlx_convert_core.plugins.calling import Hooks


class EventDispatcher:
    """Calls on_event for every event. The thread starts with the first event, if anybody listens."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._events: SimpleQueue[AnyEvent | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._heard = bool(hooks.plugins.manager.hook.on_event.get_hookimpls())

    def send(self, event: AnyEvent) -> None:
        """Deliver ``event`` soon; never blocks and never raises."""
        if not self._heard:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="on_event", daemon=True)
                self._thread.start()
        self._events.put(event)

    def close(self, timeout: float = 5.0) -> None:
        """Deliver what is left, waiting at most ``timeout`` seconds for a slow plugin."""
        if self._thread is not None:
            self._events.put(None)
            self._thread.join(timeout)
            if self._thread.is_alive():
                told = f"it was still at an event after {timeout:g} s, when the program ended"
                self._hooks.plugins.fail(self._hooks.observing, told, hook="on_event")
            self._thread = None

    def _deliver(self) -> None:
        while (event := self._events.get()) is not None:
            self._hooks.observe("on_event", event=event)

"""Everything that the app says goes through here: `_` and `plural` say a message in the language of the page.

A message is an English constant; what changes in it is a named place that is filled afterwards:
``_("{size} to download", size=units.size(todo))``, ``plural("{count} model", "{count} models", len(models))``. They are
called when a text is drawn, inside of a page or its handlers: what is kept between pages is kept as data. A message
that a constant of a module holds is marked with `N_` there, and said with `_` where it is drawn.

What the core and plugins give is English: a refusal, a finding, a preset's summary. The core knows of no languages;
where such a text is drawn, `given` says it in the language of the page. `texts` finds the sentence that it was made
from, and its values. What is not known there, as what a stranger's plugin says, stays as it is.

The translations are in ``locale/``; `make words` writes new messages into them. A script in the browser says
``words("…")``, with the same messages.
"""

from __future__ import annotations

from mlx_convert_ui.words.speaking import N_, _, catalogue, follow, given, joined, plural

__all__ = ["N_", "_", "catalogue", "follow", "given", "joined", "plural"]

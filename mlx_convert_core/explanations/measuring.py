"""Measuring quality and speed."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "Measuring",
    (
        Explanation(
            "measuring_failed",
            "A model could not be measured. Figures that it had before are kept.",
            "The message says why. Run it again once that is mended.",
        ),
        Explanation(
            "no_metrics",
            "No plugin that is in use offers figures; the built-in ones come with mlx_convert_quality.",
            "`mlx-convert plugins list` shows what is in use, and what went wrong.",
        ),
        Explanation(
            "no_text text_short",
            "The text to measure with can't be read, or has too few tokens for figures that mean something: 512 are the"
            " least, 8,192 are usual.",
            "Give a longer text file in UTF-8, with several kinds of text in it, or use the text that comes along.",
        ),
        Explanation(
            "tasks",
            "The tasks to measure with can't be used: the file can't be read, a line of it is no task, or a question"
            " leaves no token for its answer. A line is an object with a `question` (or a `prompt`, taken as it is), an"
            " `answer`, and for multiple choice the `choices`, of which the answer is one or the number of one, from"
            " 0.",
            "The message names the line. docs/measuring.md shows what lines look like.",
        ),
        Explanation(
            "other_tokenizer other_vocabulary",
            "The model that was named as the source splits text into other tokens, or knows other words. Probabilities"
            " can only be compared word by word, so it can't be what the converted model was made from.",
            "Name the model that it was made from (`--against`). Leave it out, and the record of the model says which.",
        ),
        Explanation(
            "no_scores",
            "Whatever runs this model can't say how likely a text is to it: the plugin offers only answers, or the"
            " class of the model does not come apart into layers and output head.",
            "Its speed can be measured (`mlx-convert bench MODEL`). A plugin's author finds in docs/hooks.md what is"
            " missing.",
        ),
        Explanation(
            "measure_memory",
            "Measuring takes more memory than the machine lends to one program.",
            "Close other apps, use fewer tokens, or measure on a larger machine. With `--anyway` it is tried all the"
            " same.",
        ),
    ),
)

"""Tokenizer and chat template: how a model reads and writes text."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "Tokenizer and chat template",
    (
        Explanation(
            "tok_missing tokenizer",
            "The files by which text is split into tokens are missing or can't be loaded; without them a model can't"
            " answer.",
            "Copy tokenizer.json and tokenizer_config.json from the original model into the folder.",
        ),
        Explanation(
            "tokenizer_code",
            "Only Python code of the model's own reads its tokenizer (tiktoken.model, for one), and that code is not"
            " run, or not there. The weights convert all the same.",
            "Look for a tokenizer.json on the model's page, and put it into the folder. Or read the code, and allow it"
            " if you trust it.",
        ),
        Explanation(
            "tokenizer_json",
            "The source has no tokenizer.json, which apps on Macs need. transformers makes one; where the source is a"
            " SentencePiece model, the two are compared on a text in many scripts.",
            "Nothing need be done when they are equal. Where they are not, or nothing can prove it, look whether the"
            " original model has a tokenizer.json by now.",
        ),
        Explanation(
            "tokenizer_rewritten",
            "A small file of the source is written otherwise, because apps that people use would fail on it: for a byte"
            " order mark, a class that only transformers 5 knows, code that does not come along, or a chat template in"
            " a place where few look.",
            "Nothing need be done. The message says what was changed; everything else is as it was.",
        ),
        Explanation(
            "token_ids",
            "The tokenizer has ids for which the embedding has no row: MLX would read past its end, and answer junk.",
            "The tokenizer may belong to another model: compare its files with the original's. If words were added to"
            " it and the embedding never grew, prompts without them are fine.",
        ),
        Explanation(
            "end_tokens",
            "The settings of the model name no numbers of tokens as the end of an answer, or none that it can say: the"
            " result can't be loaded to answer, or its answers don't end.",
            "Compare eos_token_id in generation_config.json and config.json with the original's, and mend it there.",
        ),
        Explanation(
            "two_templates",
            "The two places for a chat template (`chat_template.jinja` and tokenizer_config.json) hold different ones,"
            " so that apps lay out conversations differently.",
            "The first is used here, as by transformers. Compare the two if answers differ between apps.",
        ),
        Explanation(
            "template_refused",
            "The chat template, which lays out a conversation for the model, refuses this one. The words are its own.",
            "Leave the system text out, and let questions and answers take turns: many templates want that.",
        ),
        Explanation(
            "template_syntax",
            "The chat template is no valid Jinja.",
            "Take chat_template.jinja and tokenizer_config.json from the original model again.",
        ),
        Explanation(
            "template_words",
            "The chat template leaves out what a person says, so that the model would answer something else.",
            "Take chat_template.jinja and tokenizer_config.json from the original model again.",
        ),
        Explanation(
            "template_endless",
            "The chat template does not come to an end, or makes a text that no prompt is as long as.",
            "Take chat_template.jinja and tokenizer_config.json from the original model again.",
        ),
        Explanation(
            "chat_template",
            "The chat template breaks when it is run, or there are several and none is the default.",
            "Take chat_template.jinja and tokenizer_config.json from the original model again.",
        ),
    ),
)

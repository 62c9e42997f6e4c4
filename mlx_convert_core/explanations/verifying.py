"""What was found when a converted model was tried."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "Trying what was converted",
    (
        Explanation(
            "verify_failed",
            "The model is whole and as planned, but could not be loaded, or broke off when it was asked something. It"
            " is there, without the mark Verified.",
            "The message says what stood in the way. Ask it something yourself before you rely on it.",
        ),
        Explanation(
            "verify_slow",
            "The model gave no token in the few seconds that a look may take, so that nothing is known of its answers.",
            "Ask it something yourself. On a machine without a GPU that MLX can use, large models are slow.",
        ),
        Explanation(
            "nan_logits",
            "Asked a question, the model computes NaN or infinity where numbers should be: every answer would be"
            " nonsense. Often float16 is too small for what it computes, or a weight file is damaged.",
            "Convert with `--dtype bfloat16`, or with more bits. If the source itself is the cause, download it again."
            " To have the model all the same: `--no-verify`.",
        ),
        Explanation(
            "token_loop",
            "Asked a question, the model ends in one and the same token over and over.",
            "Ask the original model. If that answers well, convert with more bits, or with `--dtype bfloat16`.",
        ),
        Explanation(
            "answers_at_random",
            "To the model all tokens are about equally likely, as if nobody had trained it, or its weights were zeros.",
            "A model for tests is meant to be so. Of any other one, download the weights again: a file may be damaged.",
        ),
        Explanation(
            "round_trip",
            "A text does not come back from the tokenizer as it went in, while the source's gives it back.",
            "Compare the tokenizer files with the original model's, and convert it again.",
        ),
        Explanation(
            "no_end",
            "The model names no token that ends an answer. Each goes on until its limit.",
            "Put `eos_token_id` into the source's generation_config.json, as in the original model, and convert again.",
        ),
    ),
)

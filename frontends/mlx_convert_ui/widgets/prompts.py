"""Prompts to try a model with; `examples/example_prompts.json` holds the same for everybody else."""

from __future__ import annotations

from mlx_convert_ui.words import N_

EXAMPLE_PROMPTS = {
    "simple": "What is the capital of France?",
    "rag": (
        "Use the following context to answer the question:\n\n"
        "Context: Paris is the capital and largest city of France.\n\n"
        "Question: What is the capital of France?"
    ),
    "creative": "Write a haiku about programming.",
    "technical": "Explain what a neural network is in simple terms.",
    "multilingual": "Traduire en français: Hello, how are you?",
}
TITLES = {
    "simple": N_("Simple"),
    "rag": N_("With context"),
    "creative": N_("Creative"),
    "technical": N_("Technical"),
    "multilingual": N_("Multilingual"),
}

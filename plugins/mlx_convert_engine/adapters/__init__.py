"""Adapters (LoRA, DoRA and their like of peft and mlx-lm), fused into a model's rows as these are read."""

"""What a checkpoint's config.json says, put so that mlx-lm's model classes and every other reader understand it."""

"""mlx-lm's own ways of quantizing with data, `mlx_lm.quant`, run on our text: slow, with the whole model in memory."""

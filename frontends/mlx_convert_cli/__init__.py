"""The command line of mlx-convert."""

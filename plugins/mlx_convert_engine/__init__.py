"""The streaming converter over mlx alone: read, compute, quantize and write a model in slices.

It knows no library of model classes: a plugin that does hands it `model_classes.ModelClasses`. Nothing here imports
mlx before it runs in a worker.
"""

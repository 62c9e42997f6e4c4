"""A model's forward pass with one block's weights in memory, and what it tells of the inputs of its layers."""

"""How much is read of what others made, before any of it is trusted.

Each limit is about ten times what the largest known models need (an index and all tensors together four times), so that
a real one never meets it; what is beyond would cost minutes and gigabytes only to be refused. A program with pages
decodes the largest of them in less than 0.3 s at a stretch.
"""

from __future__ import annotations

CONFIG_BYTES = 10_000_000  # config.json and its like; with bits for each of 20,000 layers one has 0.9 MB
INDEX_BYTES = 50_000_000  # the index of 140,000 tensors (a trillion parameters in FP8) has 14 MB
CARD_BYTES = 2_000_000  # a README; only its front matter, at the beginning, is used
FRONT_MATTER_BYTES = 30_000  # the fields of it that are read, together; terms to accept have 10,000, the others 1,000
RECORD_BYTES = 10_000_000  # mlx_convert.json; it has 200 bytes for each file and layer that was kept
RECIPE_BYTES = 1_000_000  # a recipe file, a list of models
HOME_BYTES = 60_000_000  # a file of ours in the home folder: 10,000 models are 6 MB, a long conversation 1 MB
TYPED_BYTES = 10_000_000  # what is piped in: a prompt, a list of models; the longest context takes 4 MB
HEADER_BYTES = 25_000_000  # of one weight file; 16,000 tensors in one have 2 MB
METADATA_BYTES = 1_000_000  # of text about itself in a weight file's header; most have a word, a merge its recipe
TENSORS = 200_000  # in one weight file
ALL_TENSORS = 1_000_000  # in a checkpoint; a trillion parameters in packed integers are 210,000
DIMENSIONS = 32  # of a tensor; models have at most 6, and MLX takes no more
ELEMENTS = 1 << 62  # of a tensor: beyond, a count of bits would not fit into 64

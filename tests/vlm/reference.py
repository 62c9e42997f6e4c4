"""What mlx_vlm.convert makes of a checkpoint, without its processor, which tiny ones don't have.

python reference.py SOURCE FOLDER [BITS]
"""

from __future__ import annotations

import sys

import mlx_vlm.utils
from mlx_vlm import convert as module


class NoProcessor:
    """Saves nothing."""

    def save_pretrained(self, folder: object) -> None:
        pass


def main(source: str, folder: str, bits: str = "") -> None:
    load_processor = mlx_vlm.utils.load_processor
    mlx_vlm.utils.load_processor = lambda *args, **kwargs: NoProcessor()
    made = getattr(module, "convert", module)
    try:
        made(hf_path=source, mlx_path=folder, quantize=bool(bits), q_bits=int(bits or 4), trust_remote_code=False)
    finally:
        mlx_vlm.utils.load_processor = load_processor


if __name__ == "__main__":
    main(*sys.argv[1:])

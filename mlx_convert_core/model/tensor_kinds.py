"""What a tensor is for, told from its name, its shape and config.json: by rules that hold for models nobody has seen.

The outermost part of a name that says anything decides: what is in a vision tower is its, whatever it is called there.
A part speaks by its words (``vision_tower``), or as the stem of a config within config.json (``vision_config``), which
in turn speaks by its own words or by its fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

# Words between underscores of a name's part. Each has been seen as the name of a module in a public checkpoint.
_WORDS: dict[str, frozenset[str]] = {
    kind: frozenset(words.split())
    for kind, words in {
        "draft": "mtp nextn eagle eagle3 medusa draft drafter dflash speculator speculative",
        "adapter": "lora dora loha lokr",
        "vision": "vision visual image images img vit clip siglip pixel picture video vpm sam vqmodel dino patch",
        "audio": "audio speech sound voice whisper wav acoustic apm tts talker vocoder token2wav code2wav codec mel",
        "projector": "projector aligner merger resampler connector perceiver qformer multimodal mm mlp1 abstractor",
        "head": "classifier classification reward regression",
    }.items()
}
# Whole parts whose words say nothing alone.
_PARTS = {
    **dict.fromkeys(("multi_modal_projector", "multi_modal"), "projector"),
    **dict.fromkeys(("base_layer", "modules_to_save"), "adapter"),
    **dict.fromkeys(("score", "v_head", "value_head", "rm_head", "cls", "qa_outputs"), "head"),
    **dict.fromkeys(("multi_token_prediction",), "draft"),
    **dict.fromkeys(("rotary_emb", "rotary_pos_emb", "rotary_embedding", "rotary"), "buffer"),
}
# What a config within config.json has fields for.
_FIELDS = {
    "vision": ("image_size", "patch_size", "spatial_merge_size", "temporal_patch_size", "image_token_id"),
    "audio": ("num_mel_bins", "sampling_rate", "sample_rate", "hop_length", "n_mels", "num_codebooks", "codebook_size"),
}
_TEXT = ("text", "language", "llm", "lm", "decoder")  # stems of the config of the text model itself
_NUMBERED = ("layers", "h", "blocks", "layer")
_BUFFERS = (
    "inv_freq", "masked_bias", "position_ids", "cos_cached", "sin_cached", "freqs_cis", "causal_mask", "attn_mask",
    "num_batches_tracked", "_float_tensor", "rope_freqs", "embed_scale",
)  # fmt: skip
_MASKS = ("attn", "attention", "self_attn", "self_attention")  # GPT-2 and its kin keep the causal mask as their bias
# What other tools quantize with: of inputs, keys and values, which MLX keeps whole; and of the weights themselves.
_PACKING = (
    "input_scale", "output_scale", "activation_scale", "input_global_scale", "k_scale", "v_scale", "q_scale", "g_idx",
    "weight_shape", "amax", "input_min", "input_max",
)  # fmt: skip
_SCALES = (
    "weight_scale", "weight_scale_inv", "weight_scale_2", "scale_inv", "scales", "qzeros", "weight_zero_point",
    "absmax", "quant_map", "scb", "weight_global_scale",
)  # fmt: skip
_PACKING_ENDS, _SCALE_ENDS = (tuple(f"_{word}" for word in words) for words in (_PACKING, _SCALES))
_OUTPUT = ("lm_head", "embed_out")
_NEXT_TOKENS = frozenset(("eh_proj", "enorm", "hnorm", "shared_head"))  # what a layer has that predicts further tokens
DEPTH = 3  # configs within configs that are looked into; real ones have two
_LAYER_COUNTS = ("num_hidden_layers", "n_layer", "num_layers")


class TensorKinds:
    """Tells the kind (a key of `left_out.KINDS`) of the tensors of a model with the config ``config``.

    ``names`` are those of all tensors that may be asked about: what is in a layer tells what the others in it are for.
    """

    def __init__(self, config: Mapping[str, Any], names: Iterable[str] = ()) -> None:
        self._stems = dict(_stems(config))
        self._kind_of_part = cache(self._part)
        self._layers = _whole(_found(config, _LAYER_COUNTS))
        self._experts = _whole(config.get("n_routed_experts")) if config.get("zero_expert_num") else 0
        self._shared = _whole(_found(config, ("num_kv_shared_layers",)))
        counted = any(_whole(value) for name, value in _fields(config) if "nextn" in name or "mtp" in name)
        self._drafts = counted or not _NEXT_TOKENS.isdisjoint(".".join(names).lower().split("."))

    def of(self, name: str, shape: tuple[int, ...] = ()) -> str:
        """The kind of one tensor that is not in a result, ``unknown`` when nothing tells."""
        parts = name.lower().split(".")
        return self._branch(parts) or self._beyond(parts) or _leaf(parts, shape) or "unknown"

    def is_draft(self, name: str) -> bool:
        """Whether a tensor is of what predicts further tokens."""
        parts = name.lower().split(".")
        return (self._branch(parts) or (self._beyond(parts) if self._drafts else "")) == "draft"

    def branch(self, name: str) -> str:
        """What the branch of the model is for in which a tensor is, "" for the text model itself or an unknown one."""
        return self._branch(name.lower().split("."))

    def _branch(self, parts: list[str]) -> str:
        return next(filter(None, map(self._kind_of_part, parts)), "")

    def _part(self, part: str) -> str:
        return _PARTS.get(part) or self._stem(part) or _by_words(part)

    def _stem(self, part: str) -> str:
        return next((kind for stem, kind in self._stems.items() if f"_{stem}_" in f"_{part}_"), "")

    def _beyond(self, parts: list[str]) -> str:
        """What a numbered layer or expert is that the text model does not run as such."""
        if self._experts and any(
            before == "experts" and number.isdecimal() and len(number) < 10 and int(number) >= self._experts
            for before, number in pairwise(parts)
        ):
            return "empty"
        for before, number in pairwise(parts):
            if before in _NUMBERED and number.isdecimal() and len(number) < 10 and self._layers:
                if int(number) >= self._layers:
                    return "draft" if self._drafts else "layers"
                shares = int(number) >= self._layers - self._shared
                return "shared" if shares and parts[-2] in ("k_proj", "v_proj", "k_norm", "v_norm") else ""
        return ""


def _leaf(parts: list[str], shape: tuple[int, ...]) -> str:
    """The kind of a tensor by its own name and that of its module."""
    leaf, module = parts[-1], parts[-2] if len(parts) > 1 else ""
    if leaf in _BUFFERS:
        return "buffer"
    if leaf == "bias" and module in _MASKS and len(shape) > 1 and shape[-1] == shape[-2]:
        return "buffer"
    if module in _OUTPUT or (module == "output" and len(parts) == 2):
        return "tied_head"
    if leaf in _SCALES or leaf.endswith(_SCALE_ENDS):
        return "scales"
    return "packing" if leaf in _PACKING or leaf.endswith(_PACKING_ENDS) else ""


def _by_words(part: str) -> str:
    words = part.split("_")
    return next((kind for kind, known in _WORDS.items() if not known.isdisjoint(words)), "")


def _stems(config: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, str]]:
    """What each config within ``config`` is for, by the stem of its name; those of text models are left out."""
    for name, value in config.items():
        stem = _stem_of(name)
        if isinstance(value, Mapping) and stem and depth < DEPTH:
            kind = _kind_of(stem, value)
            yield from [(stem, kind)] if kind else _stems(value, depth + 1)


def _stem_of(name: str) -> str:
    return name.lower().removesuffix("_config") if name.lower().endswith("_config") else ""


def _kind_of(stem: str, config: Mapping[str, Any]) -> str:
    """What a config within another is for, "" for a text model's."""
    kind = _by_words(stem)
    if kind or stem in _TEXT:
        return kind if kind in ("vision", "audio", "projector", "draft") else ""
    return next((kind for kind, fields in _FIELDS.items() if any(field in config for field in fields)), "")


def _fields(config: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The fields of a config and of those of its text model."""
    for name, value in config.items():
        if not isinstance(value, Mapping):
            yield name, value
        elif depth < DEPTH and _stem_of(name) and not _kind_of(_stem_of(name), value):
            yield from _fields(value, depth + 1)


def _found(config: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((value for name, value in _fields(config) if name in names and _whole(value)), 0)


def _whole(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0

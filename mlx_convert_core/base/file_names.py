"""The names of the files of a model, by which everybody finds them: transformers, mlx-lm, the Hub, and we."""

from __future__ import annotations

CONFIG = "config.json"
GENERATION_CONFIG = "generation_config.json"
CARD = "README.md"
RECORD = "mlx_convert.json"  # ours: how a model was made

WEIGHTS = "model*.safetensors"  # the only names that mlx-lm loads
WEIGHT_FILE = "model.safetensors"  # where there is one alone
INDEX = "model.safetensors.index.json"
SAFETENSORS = ".safetensors"
GGUF = ".gguf"
PICKLES = (".bin", ".pt", ".pth")  # of torch: they can run code when they are opened as Python does it
TORCH_WEIGHTS = ("pytorch_model*.bin", "model*.bin", "model*.pt", "model*.pth", "consolidated*.pth")
TORCH_FILE = "pytorch_model.bin"
TORCH_INDEX = "pytorch_model.bin.index.json"
# Any of them makes a folder one with weights, whatever program they are for.
WEIGHT_SUFFIXES = (SAFETENSORS, GGUF, *PICKLES, ".ckpt", ".h5", ".onnx", ".npz", ".msgpack")
ADAPTER = "adapter_config.json"  # of a LoRA
MODELOPT = "hf_quant_config.json"  # where NVIDIA's tool may say how it packed

TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
MERGES = "merges.txt"  # beside vocab.json; alone it is no tokenizer
# What a tokenizer is made of without tokenizer.json: SentencePiece, tiktoken, BPE, WordPiece, Mistral's own format.
VOCABULARIES = ("*.model", "*.tiktoken", "vocab.json", "vocab.txt", "tekken.json")
TOKENIZER_FILES = (TOKENIZER, *VOCABULARIES)  # any of them makes one
CHAT_TEMPLATE = "chat_template.jinja"
CHAT_TEMPLATE_IN_JSON = "chat_template.json"  # where processors of transformers before 4.50 kept it
MORE_TEMPLATES = "additional_chat_templates"  # a folder with chat templates for other purposes, such as tool_use.jinja

LICENCES = ("LICENSE*", "LICENCE*", "NOTICE*", "COPYING*", "USE_POLICY*")
# What lies beside the weights and belongs to a model, whoever made it.
BESIDE_WEIGHTS = ("*.json", "*.jsonl", "*.jinja", "*.txt", "*.model", "*.tiktoken", *LICENCES)

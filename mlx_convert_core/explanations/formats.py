"""Kinds of models that can't be converted, or not from these files."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "Kinds and formats of models",
    (
        Explanation(
            "arch unsupported_model",
            "No plugin knows this architecture.",
            "`mlx-convert architectures` lists those that work. A newer mlx-lm, or a plugin, may know it.",
        ),
        Explanation(
            "vision",
            "It is a model for pictures or sound, and mlx-lm runs text models.",
            "The plugin mlx-convert-vlm may convert it, or look for a text model of the same family.",
        ),
        Explanation(
            "text_only",
            "It is a model for pictures or sound, and mlx-lm runs its text model: the result would take text only.",
            "If that is what you want, say so: `--text-only`, or the box on the Convert page. The plugin"
            " mlx-convert-vlm converts the whole model.",
        ),
        Explanation(
            "whole",
            "The model takes pictures or sound, and so will the result: the plugin mlx-convert-vlm converts it whole.",
            "If its text model alone is what you want, say so: `--text-only`, or the button on the Convert page.",
        ),
        Explanation(
            "left_out",
            "The model has parts that mlx-lm does not run, and the result is without them: draft heads, an adapter"
            " beside whole weights, a classifier or reward head, or sound.",
            "The message says which, and what that loses. To have an adapter in the result, merge it into the weights"
            " first, with `merge_and_unload` of the library peft. mlx_convert.json lists all that was left out.",
        ),
        Explanation(
            "left_out_unknown",
            "The weight files hold tensors that the model class of mlx-lm drops, and neither their names nor"
            " config.json say what they are for.",
            "Look on the model's page, and try the result. A newer mlx-lm may use them.",
        ),
        Explanation(
            "left_out_harmless",
            "Some tensors of the source are not in the result, because it computes them anew or has no use for them.",
            "Nothing need be done. mlx_convert.json lists them.",
        ),
        Explanation(
            "lora_unmerged",
            "The weights hold an adapter (LoRA) apart from the layers that it changes, as in a training that goes on.",
            "Merge it with `merge_and_unload` of the library peft, save that, and convert the result.",
        ),
        Explanation(
            "classifier",
            "The model scores or classifies text: it has a head for that, and none that puts out words.",
            "Convert the language model that it was made from; its page names it as the base model.",
        ),
        Explanation(
            "model_class",
            "The model class of mlx-lm does not work with this model: with its config.json, with quantization, or"
            " without a package that it imports.",
            "Compare config.json with the original, try without quantization (preset `bf16`), or try a newer mlx-lm.",
        ),
        Explanation(
            "diffusion",
            "It is a model that draws images.",
            "mlx-convert converts text models.",
        ),
        Explanation(
            "lora_only",
            "It is an adapter (LoRA), an add-on to a model.",
            "Convert the base model that its page names and name it as its adapter: it is fused into the result.",
        ),
        Explanation(
            "adapter",
            "An adapter (LoRA) is fused into the model as it is read: the result needs it no more.",
            "Nothing need be done.",
        ),
        Explanation(
            "adapter_base",
            "The adapter says that it was trained on another model than the one that it is fused into.",
            "Take the model that it names, unless that is the same model under another name.",
        ),
        Explanation(
            "adapter_unmatched",
            "Some of the adapter's tensors belong to layers that this model does not have.",
            "Take the model that it was trained on.",
        ),
        Explanation(
            "adapter_misfit",
            "Some of the adapter's tensors have another shape or type than the layers that they are to change, or one"
            " of a pair is missing. Or it would put something in the place of what an adapter before it changes.",
            "Take the model that it was trained on; fetch the adapter again, if it is that one. Of two that don't go"
            " together, take one.",
        ),
        Explanation(
            "adapter_kind",
            "The adapter is more than a change of weights, or of a kind that is not known here. LoRA, DoRA and rsLoRA"
            " of peft, with trained words and whole layers, and the adapters of mlx-lm are.",
            "Have the program that made it merge it into the model, and convert the result.",
        ),
        Explanation(
            "adapter_packed",
            "A layer that the adapter changes is packed in a way that is not read here as plain numbers.",
            "Fuse the adapter into the original model.",
        ),
        Explanation(
            "no_adapter",
            "What was named as an adapter is none.",
            "Name the repo or the folder that holds adapter_config.json and its weights.",
        ),
        Explanation(
            "bin_only",
            "There are files of torch (.bin, .pt, .pth), and none of them is named as weights are.",
            "If one holds the model's weights, name it `pytorch_model.bin` beside config.json.",
        ),
        Explanation(
            "pickle_refused",
            "A weight file of torch (.bin) asks for something that no list of tensors needs, such as a class or a"
            " function to call. Its list is read without running anything, so nothing happened; a file like that may"
            " have been made to harm who opens it, or holds a whole program's state.",
            "Look for a safetensors version of the model, or have who made the file save its tensors alone.",
        ),
        Explanation(
            "torch_format",
            "A file called as weights of torch are (.bin, .pt, .pth) is none, or of a kind that is not read:"
            " TorchScript, packed, big-endian, or from before 2018.",
            "Look for a safetensors version of the model, or download the file again.",
        ),
        Explanation(
            "from_torch",
            "The weights are files of torch (.bin). They are read in place like safetensors, and nothing in them is"
            " run.",
            "Nothing need be done.",
        ),
        Explanation(
            "safetensors_branch",
            "The repo has its weights as files of torch only (.bin), and the Hub keeps a copy of them as safetensors on"
            " a branch of the same repo: that is taken.",
            "Nothing need be done. Name a revision to have another one.",
        ),
        Explanation(
            "original_format",
            "The files are in the maker's own format.",
            "Look for the same model with config.json and model*.safetensors; its name often ends in -hf.",
        ),
        Explanation(
            "already_mlx",
            "It is an MLX model that has the numbers that were asked for already, or whose config.json does not tell"
            " how a layer is quantized.",
            "Use it as it is, choose fewer bits or another number format, or have plain numbers made of it (preset"
            " `bf16`). The original model gives better results.",
        ),
        Explanation(
            "quantized_before",
            "The source was quantized before. Its packed weights are read as the plain numbers that they stand for now,"
            " and then become what was asked for: what was lost the first time stays lost, whatever the bits.",
            "Nothing need be done. Convert the original model for the best result.",
        ),
        Explanation(
            "already_converted",
            "mlx-community has this model in MLX format already.",
            "Download that if it suits you; converting yourself works just as well.",
        ),
        Explanation(
            "source_quantized source_bitnet",
            "The model is quantized already, in a way that MLX can hold: its packed layers are carried over with their"
            " own bits.",
            "For a free choice of bits have plain numbers made of them first (`--dequantize`), or better convert the"
            " original bf16 model. One with ternary layers (bitnet) converts with"
            " the preset `bf16`; those layers stay as small as they are.",
        ),
        Explanation(
            "leftover_quantization",
            "config.json says that a tool quantized the model, but every tensor holds plain numbers: it was loaded"
            " packed and saved plain, and the entry was left.",
            "Nothing need be done: the tensors decide, and the entry is left out of the result.",
        ),
        Explanation(
            "renamed",
            "The tensors have other names than the model class of mlx-lm expects: something stands before them, or is"
            " missing. It is the same model, and they are renamed.",
            "Nothing need be done.",
        ),
        Explanation(
            "names",
            "The tensors are named and ordered in a layout that the model class of mlx-lm does not know, and that no"
            " plain renaming turns into one it knows.",
            "Save the model again with the library that made it, or look for one in the layout of transformers.",
        ),
        Explanation(
            "stored_type",
            "The numbers are stored in a type that MLX lacks. F64 is read as float32; F4, F6, F8_E8M0 and AMD's FNUZ"
            " floats are not read here.",
            "As a note: nothing need be done. As an error: convert the original bf16 model; its page names it as the"
            " base model. A model that can't be loaded for it may be converted.",
        ),
        Explanation(
            "source_fp8 source_fbgemm_fp8",
            "The model is stored in 8-bit floats. They are expanded as they are read, where their scales are laid out"
            " in a known way; as an error: here they are not. As a warning: it has no scales, and the floats are taken"
            " for the numbers themselves.",
            "Convert the original bf16 model; its page names it as the base model.",
        ),
        Explanation(
            "bnb source_aqlm source_auto_round source_awq source_bitsandbytes source_compressed_tensors source_eetq"
            " source_gptq source_hqq source_modelopt source_mxfp4 source_mxfp8 source_quanto source_quark"
            " source_torchao source_vptq compressed_tensors quant_unknown",
            "The model was quantized by a tool, or in a variant, whose numbers can't be taken over.",
            "Convert the original bf16 model; its page names it as the base model.",
        ),
        Explanation(
            "whole_numbers",
            "Weights are stored as whole numbers, without scales and without a word of a tool that quantized them.",
            "Try the result: if it talks nonsense, the scales were lost. The original bf16 model has the real numbers.",
        ),
        Explanation(
            "odd_packing",
            "The weights are packed, and what stands beside them (a shape, an order, a number of bits) does not go"
            " with them, or not with config.json.",
            "Download the model again. A repo whose files tell otherwise than its config.json converts from a folder.",
        ),
        Explanation(
            "packed_differs",
            "The weights are packed, and what the model class of mlx-lm makes of them is not what their format defines,"
            " or the format is not known here: the result would be another model.",
            "Convert the original bf16 model; its page names it as the base model.",
        ),
        Explanation(
            "gguf_only",
            "The repo or folder holds GGUF files only.",
            "Convert the original model, or name one of the .gguf files.",
        ),
        Explanation(
            "gguf_which",
            "There are several GGUF files.",
            "Name the one to convert. The largest has lost least.",
        ),
        Explanation(
            "gguf_quantized",
            "A GGUF file is quantized already, so the result can't be more exact than that.",
            "Convert the original model for the best result.",
        ),
        Explanation(
            "gguf_split",
            "The file is one part of a model, and the others are not beside it, or not of the same model.",
            "Download all parts into one folder, by the names that they were published under, and give the first.",
        ),
        Explanation(
            "gguf_arch gguf_variant gguf_rope gguf_type gguf_tokenizer",
            "The file holds an architecture, a variant, a number format or a tokenizer that can't be turned back into a"
            " checkpoint here.",
            "Convert the original model: give its repo id. A file in Q8_0 or F16 may work where another does not.",
        ),
        Explanation(
            "gguf_version gguf_metadata gguf_tensors",
            "The GGUF file is damaged, very old, or made by a tool of its own kind.",
            "Download a current GGUF file of the model, or convert its original.",
        ),
    ),
)

"""The files of the model that is to be converted."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "The files of a model",
    (
        Explanation(
            "no_folder",
            "There is no such folder.",
            "Check the path. For a model on the Hub give its repo id, such as Qwen/Qwen2.5-0.5B-Instruct.",
        ),
        Explanation(
            "empty_folder",
            "The folder is empty.",
            "Give the one that holds config.json and the weight files, model*.safetensors.",
        ),
        Explanation(
            "no_model",
            "What was named is no model: no model was given, or the file or folder holds none.",
            "Give a folder with config.json and model*.safetensors, a .gguf file, a repo id, or a name of the library.",
        ),
        Explanation(
            "not_mlx",
            "The model that was to be got is not in MLX's format, so nothing here can answer with it as it is.",
            "Convert it. Models that are MLX already are marked so where models are searched for.",
        ),
        Explanation(
            "not_kept",
            "The source of the model keeps nothing of what it fetches, so the library would have nothing to show.",
            "Put the model into a folder, and add that with `mlx-convert library scan FOLDER`.",
        ),
        Explanation(
            "no_config",
            "There is no config.json, without which nobody can tell what the weights mean.",
            "Give the folder that holds it, often one above or below; or download config.json from the model's page.",
        ),
        Explanation(
            "no_model_type",
            "config.json does not say which architecture the model has.",
            "Compare it with config.json on the model's page, or add the `model_type` there.",
        ),
        Explanation(
            "no_weights",
            "There are no weight files, which are called model*.safetensors as a rule.",
            "Download them too, or give the repo id, and they are fetched.",
        ),
        Explanation(
            "which_weights",
            "Of several safetensors files neither names nor an index nor headers tell which are the model.",
            "Look at the model's page which of them it means. Keep that one beside config.json, as model.safetensors.",
        ),
        Explanation(
            "weights_elsewhere",
            "The weight files are in a folder inside the one that was named.",
            "Name the inner folder if it holds config.json, too; otherwise move the weight files beside config.json.",
        ),
        Explanation(
            "missing_shard",
            "Some of the weight files that the index lists are not there.",
            "Download those that the message names. On the Hub, the owner may still be uploading: try later.",
        ),
        Explanation(
            "stale_index",
            "The index is not that of the weight files: it is left over from another splitting, or names tensors that"
            " none of them holds.",
            "Where every tensor is there, nothing need be done. Else compare the list of files with the model's page.",
        ),
        Explanation(
            "mixed_shards",
            "A tensor is in two weight files: two checkpoints lie in one folder.",
            "Keep the files of one of them in it.",
        ),
        Explanation(
            "missing_tensors tied",
            "The weight files lack tensors that the architecture needs.",
            "A weight file may be missing, or config.json belongs to another model: download the model again. If it"
            " shares its embeddings with its last layer, config.json says so with `tie_word_embeddings`.",
        ),
        Explanation(
            "own_head",
            "config.json says that the output head is shared with the embeddings, and the weight files hold one that"
            " differs, as after training with new words.",
            "Nothing where it is kept: the new config.json says so. A model class that can't keep it is refused.",
        ),
        Explanation(
            "activation_differs",
            "The model class of mlx-lm computes with one function between the matrices of a layer, and config.json"
            " names another: what came out would be another model.",
            "A newer mlx-lm may know the function. A GGUF of the model keeps it.",
        ),
        Explanation(
            "rope_differs",
            "The model class of mlx-lm computes rotary positions (RoPE) otherwise than config.json says: from"
            " another base, or without its scaling.",
            "Where every text would come out wrong it is refused: try a newer mlx-lm. Otherwise compare long answers"
            " with the original's.",
        ),
        Explanation(
            "window_differs",
            "Layers of the model look back at a window of the text, and the model class of mlx-lm looks at all of it.",
            "Texts that fit into the window come out right. Compare answers to longer ones with the original's.",
        ),
        Explanation(
            "extra_tensors",
            "The weight files hold tensors for which the model class of mlx-lm has no place.",
            "It is a newer variant, or another tool has quantized it. A newer mlx-lm may know it.",
        ),
        Explanation(
            "shape",
            "A tensor has another shape than config.json asks for.",
            "config.json and the weights don't belong together. Download the model again.",
        ),
        Explanation(
            "empty_file truncated",
            "A file is cut short: a download did not finish.",
            "Download it again. The message says how many bytes it should have.",
        ),
        Explanation(
            "lfs_pointer",
            "A weight file is a small note of Git LFS in place of the weights, or so is a tokenizer file: the repo was"
            " cloned without them.",
            "Run `git lfs pull` in the folder, or give the repo id instead.",
        ),
        Explanation(
            "corrupt_header corrupt_checkpoint",
            "A file of the model is damaged, or is something else under this name, such as an error page.",
            "Download it again.",
        ),
        Explanation(
            "bad_config",
            "A setting in config.json is of a kind that it can't be, and no model can be built with it.",
            "Compare config.json with the one on the model's page, or download it again.",
        ),
        Explanation(
            "bad_json",
            "A file of settings, such as config.json, is not valid JSON.",
            "Download it again, or open it and mend the line that the message names.",
        ),
        Explanation(
            "too_big",
            "A file, or what its header announces, is far larger than any known model needs.",
            "It is not what its name says: download it again. If it is real, save the weights in several files.",
        ),
        Explanation(
            "layers",
            "config.json asks for more layers than any known model has, or than its tensors are for.",
            "Compare it with config.json on the model's page, or download the model again.",
        ),
        Explanation(
            "unreadable",
            "The system refuses to read a file.",
            "Check that you may read it and that its disk is well. On a Mac, the terminal may need access to that"
            " folder: System Settings, Privacy & Security, Files and Folders.",
        ),
        Explanation(
            "source source_changed",
            "The model can't be read as it was planned; most often something wrote to its files meanwhile.",
            "Wait until the download or copy is done, and run it again.",
        ),
        Explanation(
            "link_out broken_link",
            "A file is a link that leads out of the model's folder, or to nothing. Such links are not followed, so that"
            " nothing but the model is read or sent.",
            "Put the file itself there, or remove the link.",
        ),
        Explanation(
            "special_file",
            "Something in the model's folder is no file: a pipe, a device or a socket.",
            "Remove it, or put the file itself there.",
        ),
        Explanation(
            "custom_code",
            "The model comes with Python code of its own. Nothing of that runs unless you say so.",
            "Read the code first. If you trust it, convert the folder that it is in and allow it"
            " (`--trust-remote-code`, or the switch on the Convert page).",
        ),
    ),
)

"""Converting and answering."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "Converting and answering",
    (
        Explanation(
            "preflight",
            "A check said no before anything was read or fetched.",
            "The message says each reason. Choose another model, preset or folder accordingly.",
        ),
        Explanation(
            "exists",
            "The folder for the result is there already. Of several results, the others are made.",
            "Choose another, or say that the model in it is to be replaced (`--force`).",
        ),
        Explanation(
            "rounded_nearest",
            "Some layers are rounded to nearest although another method was asked for: their class quantizes them as a"
            " whole, or too little is known of what comes through them.",
            "Nothing need be done. Where a text of your own was too short, a longer one helps (`--calibration FILE`).",
        ),
        Explanation(
            "experts_unseen",
            "Some experts of a model were not reached by any word of the text that a method learns from. They are"
            " rounded by what comes through all experts of their layer, which is less exact than by their own.",
            "Nothing need be done. A longer text of your own, or one more like what the model is for, reaches more"
            " (`--calibration FILE`).",
        ),
        Explanation(
            "rounded_tuned",
            "Some layers are rounded by the method `tuned` although `compensated` was asked for: embeddings and heads,"
            " experts, and layers that too little of the text came through.",
            "Nothing need be done. Where a text of your own was too short, a longer one helps (`--calibration FILE`).",
        ),
        Explanation(
            "calibration",
            "The text that a method's statistics are made by can't be read, is no text, is too short, or has changed;"
            " or the model has no tokenizer to read it with.",
            "Give another file (`--calibration FILE`), leave it to the bundled text, or round to nearest.",
        ),
        Explanation(
            "tool_unfit",
            "A tool of mlx-lm can't make this: it knows other kinds of models or numbers of bits, or made something"
            " else than was planned.",
            "Choose what the message says, or the method `tuned` or `compensated`, which take every model.",
        ),
        Explanation(
            "tool_slow",
            "The tools of mlx-lm hold the whole model in memory, several times over, and take long.",
            "Nothing need be done, if it has the memory. `tuned` and `compensated` hold one block at a time.",
        ),
        Explanation(
            "tool_alone",
            "A plugin converts this model that rounds layers one by one, and a tool of mlx-lm's makes all of them"
            " together.",
            "Choose the method `tuned` or `compensated`.",
        ),
        Explanation(
            "calibration_random",
            "The model has no tokenizer that reads text, so random tokens ran through it to learn what its layers"
            " compute with. A text brings the result closer to its source.",
            "Nothing need be done. Where the tokenizer's files can be had, copy them beside the weights.",
        ),
        Explanation(
            "calibration_unreadable",
            "A text of your own was to be gone by, and the model has no tokenizer that reads it.",
            "Copy the tokenizer's files from the original model beside the weights, or go by random tokens"
            " (`--calibration random`), or round to nearest.",
        ),
        Explanation(
            "calibration_changed",
            "A recipe tells by its sha256 the text that its model was rounded by, and this conversion goes by another"
            " one: the file was changed, another one was given or none, or this release brings another bundled text.",
            "Give the text that the recipe was made with (`--calibration FILE`). Any other does no harm: the result"
            " only differs.",
        ),
        Explanation(
            "calibrate_discard",
            "A method that looks at the model's inputs reads it twice, so its files can't be deleted after"
            " their first use.",
            "Convert without `--discard-source`, or with `--method nearest`.",
        ),
        Explanation(
            "not_replaceable",
            "What is in the folder for the result is no MLX model alone, and is never replaced: files of yours, another"
            " model, a git repository, the source itself, your home or current folder.",
            "Choose another folder, or move what the message names out of this one.",
        ),
        Explanation(
            "not_writable",
            "The system does not let us write there.",
            "Choose a folder that you may write in. On a Mac, the terminal may need access to it: System Settings,"
            " Privacy & Security, Files and Folders.",
        ),
        Explanation(
            "disk disk_full",
            "The disk has too little room, or became full.",
            "Free some space, choose fewer bits, or a folder on another disk.",
        ),
        Explanation(
            "file_too_large",
            "The disk, or a limit of the account, takes no file as large as a weight file of the model.",
            "A disk formatted as FAT32 holds files up to 4 GB: choose one that is APFS or exFAT. `ulimit -f` shows the"
            " limit of the account.",
        ),
        Explanation(
            "disk_fault",
            "The disk reports that it can't read or write.",
            "Save what matters from it, and have it checked.",
        ),
        Explanation(
            "disk_gone",
            "A disk or a network share does not answer any more.",
            "Look whether it is connected, and run it again.",
        ),
        Explanation(
            "output_gone",
            "The folder for the result was removed or renamed while the model was being made in it.",
            "Leave that folder alone while a conversion runs, and run it again.",
        ),
        Explanation(
            "memory",
            "The conversion needs more memory than is free now.",
            "Close other apps first. Otherwise the Mac swaps, which is slow.",
        ),
        Explanation(
            "answer_memory",
            "The model, with the conversation that it is to hold, takes more memory than the machine lends to one"
            " program: on a Mac that is about three quarters of it.",
            "Convert the model to fewer bits, take a smaller one, or let answers be shorter (`--max-tokens`). With"
            " `--anyway`, or the button on the page, it is loaded all the same: the Mac may swap, or macOS stop it.",
        ),
        Explanation(
            "layers_kept",
            "Some layers stay as they are: their shape does not fit the group size, or the model's authors want it so.",
            "Nothing need be done. mlx_convert.json in the result lists them.",
        ),
        Explanation(
            "nothing_quantized",
            "No layer of the model can be quantized in this way.",
            "Choose a smaller group size, 32, or the preset `bf16`.",
        ),
        Explanation(
            "not_finite",
            "The source holds values that are no numbers: NaN or infinity. They come along as they are.",
            "Download the model again. If they are still there, its answers may be nonsense: its author should know.",
        ),
        Explanation(
            "overflow",
            "The model has values that the chosen type can't hold: as infinity they would spoil every answer. As a"
            " warning: that was agreed to, and the result has them.",
            "Convert with a type of greater range, `--dtype bfloat16`. As an error: nothing was published. If you want"
            " the result all the same, say so: `--allow-overflow`, or the button on the page.",
        ),
        Explanation(
            "check_failed conversion_failed",
            "What was written is not what was planned. Nothing was published.",
            "Run it again. If it happens twice, check the disk, run it with `--debug` and report it.",
        ),
        Explanation(
            "mlx_lm_drift mlx_vlm_drift",
            "The installed mlx-lm, or mlx-vlm, answers in a way that this version of mlx-convert does not know.",
            "Update mlx-convert, or install the version that it asks for.",
        ),
        Explanation(
            "killed oom_metal out_of_memory",
            "The memory of the machine, or of its GPU, ran out.",
            "Close other apps and run it again; `--resume` goes on with what a conversion had written. "
            "A smaller model needs less.",
        ),
        Explanation(
            "gpu_timeout",
            "macOS stopped a command of the GPU that ran too long; often the machine was swapping.",
            "Close other apps and run it again.",
        ),
        Explanation(
            "crashed worker_died",
            "The process that did the work ended without an answer.",
            "Run it again with `--debug` and report what it prints.",
        ),
        Explanation(
            "generation_failed",
            "The model could not be loaded, or broke while it answered.",
            "The message says what mlx-lm said. Convert the model again if its files were changed.",
        ),
        Explanation(
            "cancelled",
            "You, or the system, stopped it. Nothing unfinished is left where it could be taken for a model.",
            "Run it again when you like: what was fetched is kept.",
        ),
    ),
)

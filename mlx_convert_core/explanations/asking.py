"""What was asked for can't be meant so."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "What was asked for",
    (
        Explanation(
            "usage",
            "The command line can't be understood: a command, an option or a value is misspelt or missing.",
            "`--help` after the command shows what there is.",
        ),
        Explanation(
            "invalid_request",
            "A value that was asked for can't be carried out.",
            "The message names the value, and its second line says what can be used instead.",
        ),
        Explanation(
            "bits",
            "This number of bits per value does not exist for this way of quantizing.",
            "Choose 2, 3, 4, 5, 6 or 8. For 16 bits take the preset `bf16`.",
        ),
        Explanation(
            "group_size",
            "This number of values can't share a scale.",
            "Choose 32, 64 or 128. Most MLX models use 64; 32 is somewhat more exact and larger.",
        ),
        Explanation(
            "mode",
            "The number format is not known, or it does not go with these bits and this group size.",
            "`affine` goes with all of them. `mxfp4`, `mxfp8` and `nvfp4` have their own numbers: name no others.",
        ),
        Explanation(
            "context_full",
            "The conversation has become longer than what the model was made for, its context. Nothing of it is left"
            " out unasked, so no answer is given.",
            "Begin a new conversation, or edit an earlier message: what came after it is kept as another version.",
        ),
        Explanation(
            "out_of_range",
            "A number is too small or too large for its purpose, such as a temperature of 100.",
            "The message names the smallest and the largest that can be used.",
        ),
        Explanation(
            "preset_name",
            "Settings for answers are kept under a name that stands in a list: it can't be empty, or long.",
            "Type a name of 1 to 60 letters.",
        ),
        Explanation(
            "preset",
            "Nobody offers a preset of this name.",
            "`mlx-convert presets` lists them. One from somebody else's recipe may need the plugin that offers it.",
        ),
        Explanation(
            "strategy",
            "The strategy, which says how many bits each layer gets, is not known or can't be read.",
            "See `mlx-convert presets` for names, and docs/strategies.md for how to write a map of layers.",
        ),
        Explanation(
            "method",
            "The method, which says how numbers are rounded, is not known, or this converter has no choice of methods.",
            "Choose `nearest`, `tuned` or `compensated`, or install the plugin that the method comes from.",
        ),
        Explanation(
            "method_fixed",
            "A method of rounding was asked for, and the format has a grid of its own (MXFP4, NVFP4,"
            " MXFP8) or no bits.",
            "Nothing need be done: it is rounded to nearest. Choose the mode `affine` to have the method.",
        ),
        Explanation(
            "budget",
            "A number of bits per weight or a size was meant, and what was given is neither.",
            "Write a number such as `--bpw 4.5`, or a size in decimal units such as `--fit 6GB`.",
        ),
        Explanation(
            "size",
            "A size was meant, and what was given is none.",
            "Write a number with its unit, in decimal units: `6GB`, `750MB`.",
        ),
        Explanation(
            "divergence",
            "A KL divergence was meant, and what was given is none.",
            "Write a number of nats such as `--max-kl 0.05`; [measuring](measuring.md) says what such numbers mean.",
        ),
        Explanation(
            "divergence_outputs",
            "What is to be so close to its source is made and measured several times, which goes for one output.",
            "Convert with one preset at a time.",
        ),
        Explanation(
            "divergence_reach",
            "Even the most bits that MLX has leave the model further from its source than is allowed.",
            "Allow as much as the message says, or convert it with the preset `bf16`.",
        ),
        Explanation(
            "budget_small",
            "A model can't be made as small as that: with 2 bits for every layer it takes more than was allowed, or,"
            " with the cache of a conversation, than this machine lends.",
            "Allow what the message says, or a shorter context (`--context`), or choose a smaller model.",
        ),
        Explanation(
            "budget_large",
            "More is allowed than the model takes without quantization.",
            "Convert it with the preset `bf16`, or allow less.",
        ),
        Explanation(
            "context",
            "A number of tokens was meant, and what was given is none.",
            "Write a number such as `--context 16384`, or `16k`, which is the same.",
        ),
        Explanation(
            "context_long",
            "A longer context was asked for than the model was made for: it would answer badly beyond that.",
            "Ask for as much as the message says.",
        ),
        Explanation(
            "memory_unknown",
            "How much memory this machine lends a program can't be told, so neither can what fits into it.",
            "Say how large the result may be, in decimal units such as `--fit 6GB`.",
        ),
        Explanation(
            "fits_here",
            "The size of the result comes from what this machine lends, less a conversation's cache and what runs"
            " beside.",
            "Nothing need be done. A shorter context (`--context`) leaves more for weights; `--fit 6GB` says a size.",
        ),
        Explanation(
            "recipe",
            "A recipe can't be used: the file is damaged, says something unknown, or does not fit this model.",
            "The message names the line at fault. `mlx-convert recipe export MODEL` writes one that is right.",
        ),
        Explanation(
            "same_output",
            "Two outputs would go into the same folder.",
            "Give each of them a folder of its own, or make one after the other.",
        ),
        Explanation(
            "output_folder",
            "The folder that was typed for the result can't be used.",
            "Type the path of a folder that does not exist yet, below one that you may write in.",
        ),
        Explanation(
            "empty_prompt",
            "There is no question for the model.",
            "Type what it should answer. On the command line put it between quotes, after the model.",
        ),
        Explanation(
            "prompts",
            "The file of prompts can't be used: it is empty, or a line of it is no prompt. A line is a prompt; in one"
            " whose name ends in .jsonl it is JSON, a text or an object with `prompt` or `question`.",
            "The message names the line. `--prompt` takes one question, `--prompts` a file of them.",
        ),
        Explanation(
            "attachment",
            "A file that was to go with the question is not there, too large, or neither a picture nor sound.",
            "Name a picture (.png, .jpg, .webp …) or a recording (.wav, .mp3 …) of 100 MB at most on this machine.",
        ),
        Explanation(
            "blind",
            "A picture or a recording was to go with the question, and the model, or what runs it, takes text alone.",
            "Ask without it, or open a model that sees or hears: with the plugin mlx-convert-vlm such models convert"
            " whole, and are run for what they see and hear.",
        ),
        Explanation(
            "not_text",
            "What was given as text is none: it is not UTF-8, or it is a file of another kind.",
            "Type it again, or save the file as UTF-8 text.",
        ),
        Explanation(
            "empty_list",
            "The list of models has no line with a model.",
            "Write one repo id or folder a line.",
        ),
        Explanation(
            "path",
            "A path can't be used: it names a user who is not on this machine, or holds a character that no path has.",
            "Write `~/` for your own home folder, and `./` before a name that begins with `~`.",
        ),
        Explanation(
            "name_not_utf8",
            "The name of a file or folder is not UTF-8 text, so it can't be written down or shown.",
            "Rename it, with letters that your terminal shows.",
        ),
        Explanation(
            "name_too_long",
            "The name of a file or folder is longer than the disk takes.",
            "Choose a shorter name; most disks take about 250 characters.",
        ),
        Explanation(
            "no_file",
            "There is no such file, or it may not be read.",
            "Check the path: a file is looked for from the folder that the program was started in.",
        ),
        Explanation(
            "outside",
            "The browser UI lists folders below your home and below where it was started, and this is another.",
            "Type its path into the field instead of looking for it.",
        ),
        Explanation(
            "ambiguous",
            "Several models in the library have this name.",
            "Give the folder of the one that you mean.",
        ),
        Explanation(
            "not_confirmed",
            "This would delete something, and nobody was there to be asked.",
            "Run it at a terminal and answer, or add `--yes` once you are sure.",
        ),
        Explanation(
            "compare",
            "So many models can't be compared with each other.",
            "Give two, three or four.",
        ),
        Explanation(
            "title",
            "A conversation can't have an empty title.",
            "Type one, or leave the old one.",
        ),
        Explanation(
            "no_code",
            "No error or finding of mlx-convert has this code.",
            "Copy the word between the brackets of the error. A plugin may have codes of its own: see its pages.",
        ),
        Explanation(
            "plugin_name",
            "A new plugin can't have this name: it is no name, or something that is installed has it.",
            "Choose another one: a letter, then letters, digits and hyphens, such as `my-team`.",
        ),
    ),
)

"""What keeps a model from being sent."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "Sending a model",
    (
        Explanation(
            "upload_target",
            "It is not clear where the model is to go.",
            "Write the kind of place, a colon and the name there: `hub:me/Name` or `folder:/path/to/models`.",
        ),
        Explanation(
            "upload_failed",
            "The place that the model was sent to refused it, or sending failed.",
            "The message says why. Run it again: what arrived is not sent twice.",
        ),
        Explanation(
            "up_damaged",
            "The model is not as it was written: a file is cut short, missing, changed or can't be read.",
            "Convert it again, or put back the file that the message names. Nothing was sent.",
        ),
        Explanation(
            "up_nan",
            "The weights hold values that are no numbers (NaN), so every answer would be nonsense.",
            "Get the original weights again, or convert another source. Nothing was sent.",
        ),
        Explanation(
            "up_exists",
            "Another model is in that place already.",
            "Choose another name, or say that the model there is to be replaced (`--replace`).",
        ),
        Explanation(
            "same_folder",
            "The model is in that folder already.",
            "Name another folder.",
        ),
        Explanation(
            "bad_folder",
            "The name does not say in which folder the model should go.",
            "Write `folder:/path/to/models`, or `folder:lmstudio`.",
        ),
        Explanation(
            "no_lmstudio",
            "LM Studio's folder of models is not where its settings say, or where LM Studio puts it.",
            "Start LM Studio once, or give the folder: `folder:/path/to/models/publisher/Name`.",
        ),
        Explanation(
            "up_visibility",
            "The repo is public and you asked for a private one, or the other way round. An upload changes neither.",
            "Say which you want (`--public` or not), or change it on the repo's page first.",
        ),
        Explanation(
            "up_namespace up_forbidden",
            "Your token may not write there.",
            "Upload under your own name, or make a token with the right to write to that repo and sign in with it.",
        ),
        Explanation(
            "up_storage",
            "The account has no room left on the Hub.",
            "Delete a repo that you don't need, see https://huggingface.co/settings/billing, or make the model public.",
        ),
        Explanation(
            "up_413",
            "A file is larger than the Hub takes.",
            "Convert the model again: mlx-convert writes files of at most 5 GB.",
        ),
        Explanation(
            "up_conflict",
            "Somebody else changed the repo at the same time.",
            "Run the upload again.",
        ),
        Explanation(
            "up_card",
            "The Hub does not accept the metadata at the top of the repo's README.md.",
            "Mend it on the repo's page, and run the upload again.",
        ),
        Explanation(
            "up_moved",
            "The repo has another name now.",
            "Send the model to the new name, which the message says.",
        ),
        Explanation(
            "up_link",
            "A file of the model is a link that leads somewhere else, and is not sent.",
            "Put the file itself there, or remove the link.",
        ),
        Explanation(
            "up_place",
            "A file names a folder of this machine, which others would see.",
            "Open the file that the message names, take the path out, and upload again.",
        ),
    ),
)

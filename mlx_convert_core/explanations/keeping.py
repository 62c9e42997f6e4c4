"""The library, the queue, conversations, and other files that are kept."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "Library, queue and conversations",
    (
        Explanation(
            "entry_not_found",
            "The library has no model of this name.",
            "`mlx-convert library list` shows them; `mlx-convert library scan FOLDER` finds those that lie elsewhere.",
        ),
        Explanation(
            "entry_missing",
            "The folder of this model has vanished.",
            "Put it back, convert the model again, or forget it: `mlx-convert library remove NAME`.",
        ),
        Explanation(
            "no_recipe",
            "The folder does not say how the model was made.",
            "Only models that mlx-convert made have a recipe. For another, write one by hand: docs/queue-and-recipes.md"
            " has an example.",
        ),
        Explanation(
            "not_removable",
            "The folder holds something besides the model, so it is not deleted.",
            "Look into it and delete it yourself. To only forget it: `mlx-convert library remove NAME --keep-files`.",
        ),
        Explanation(
            "entry_changed",
            "The folder of this model holds another one by now, which is not deleted in its stead.",
            "`mlx-convert library scan FOLDER` has the library look at it again; then it can be removed as what it is.",
        ),
        Explanation(
            "no_trash",
            "The Trash did not take the folder; disks on the network often have none.",
            "Delete it for good: `mlx-convert library remove NAME --permanently`.",
        ),
        Explanation(
            "not_removed",
            "The system refuses to delete the folder.",
            "Check who owns it and the folder above it.",
        ),
        Explanation(
            "library library_file file",
            "A file that mlx-convert keeps can't be read or written.",
            "Check who owns it and whether its disk has room. MLX_CONVERT_HOME=FOLDER chooses another place for them;"
            " `mlx-convert doctor` shows the present one.",
        ),
        Explanation(
            "library_locked locked",
            "Another process has kept a file locked for a long time.",
            "End that process, or remove the file ending in .lock that the message names if there is none.",
        ),
        Explanation(
            "queue_busy",
            "Another program is working through the queue.",
            "Let it: what is added now is done as well. `mlx-convert queue list` shows how far it is.",
        ),
        Explanation(
            "no_item",
            "The queue has no item of this id.",
            "`mlx-convert queue list` shows them.",
        ),
        Explanation(
            "item_running",
            "The item is being worked on.",
            "Cancel it first: `mlx-convert queue cancel ID`.",
        ),
        Explanation(
            "retry",
            "Only an item that failed or was cancelled can be tried again.",
            "Wait for its end, or add the model to the queue once more.",
        ),
        Explanation(
            "no_conversation",
            "There is no conversation of this id.",
            "`mlx-convert conversations list` shows them.",
        ),
        Explanation(
            "conversation_damaged conversation",
            "The file of a conversation can't be read.",
            "The others are untouched. A file to import is one that `mlx-convert conversations export ID` wrote.",
        ),
        Explanation(
            "busy",
            "The model is still answering in this conversation.",
            "Wait for the end, or stop it.",
        ),
    ),
)

"""What keeps a model from coming from the Hub."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "Downloads and signing in",
    (
        Explanation(
            "bad_id",
            "What was typed is neither a folder here nor the name or address of a model on the Hub.",
            "Paste the address of the model's page, or its repo id, owner/name. Write ./ before a folder.",
        ),
        Explanation(
            "repo_not_found",
            "There is no such repo, or it is private and this account may not see it.",
            "Check the spelling. If it is private, sign in: `mlx-convert account sign-in`.",
        ),
        Explanation(
            "revision",
            "The repo has no branch, tag or commit of this name.",
            "See the branches on the model's page, or name none and take the newest state.",
        ),
        Explanation(
            "file_missing",
            "A file was in the list and is gone: the repo may have changed just now.",
            "Run it again.",
        ),
        Explanation(
            "folder_taken",
            "A folder here is called like a repo on the Hub, and the folder was taken.",
            "Write hf://owner/name for the repo.",
        ),
        Explanation(
            "gated_login gated_denied",
            "The owner wants terms to be accepted first, by the account that you sign in with.",
            "Open the model's page, accept them, run `mlx-convert account sign-in` and try again. A fine-grained token"
            " also needs the right to read gated repos.",
        ),
        Explanation(
            "gated_pending gated_rejected",
            "The owner of the model lets people in one by one, and has not let you in.",
            "Look at the model's page later, or choose another model.",
        ),
        Explanation(
            "login_needed forbidden",
            "The Hub refuses this without an account that may see it.",
            "Run `mlx-convert account sign-in` with an account that can open the model's page.",
        ),
        Explanation(
            "token_bad",
            "The token is wrong, expired or revoked.",
            "Make a new one at https://huggingface.co/settings/tokens and run `mlx-convert account sign-in`. A variable"
            " HF_TOKEN in the environment overrides the sign-in.",
        ),
        Explanation(
            "token_none",
            "Nobody is signed in on this machine.",
            "Run `mlx-convert account sign-in`. To upload, the token must have the right to write.",
        ),
        Explanation(
            "token_shown",
            "A token was typed on the command line, where the shell remembers it.",
            "Delete that token at https://huggingface.co/settings/tokens, make a new one, and type it when"
            " `mlx-convert account sign-in` asks.",
        ),
        Explanation(
            "no_account",
            "No plugin offers an account of this name, or several do and none was named.",
            "`mlx-convert account` shows those that there are.",
        ),
        Explanation(
            "disabled",
            "The Hub has disabled the repo.",
            "Its page says why. Choose another model.",
        ),
        Explanation(
            "offline",
            "Offline mode is on (HF_HUB_OFFLINE), and the model is not whole on this machine.",
            "Unset HF_HUB_OFFLINE and run it again, or use a model that is there.",
        ),
        Explanation(
            "no_network unreachable proxy",
            "The Hub can't be reached.",
            "Check the internet connection, VPN and proxy settings (HTTPS_PROXY, NO_PROXY, HF_ENDPOINT). With"
            " HF_HUB_OFFLINE=1 models that are on this machine still work.",
        ),
        Explanation(
            "tls",
            "The certificate of the Hub can't be verified; a company's proxy may stand between.",
            "Point SSL_CERT_FILE to that proxy's certificate.",
        ),
        Explanation(
            "portal",
            "A web page came instead of an answer: often the sign-in page of a Wi-Fi.",
            "Open a browser, sign in there, and try again.",
        ),
        Explanation(
            "timeout connection_lost",
            "The Hub was too slow, or the connection broke off again and again.",
            "Run it again: what was fetched is kept. On a slow line set HF_HUB_DOWNLOAD_TIMEOUT=60.",
        ),
        Explanation(
            "rate_limit",
            "The Hub asks to slow down.",
            "Wait as long as the message says. Signed in, the limits are higher.",
        ),
        Explanation(
            "hub_down hub_error",
            "The Hub, or its client, failed in a way that is not yours to mend.",
            "See https://status.huggingface.co and try again later. If it stays, run it with `--debug` and report it.",
        ),
        Explanation(
            "odd_answer",
            "What answers is no Hub, or not a sound one: it sends too much, or not what was asked for.",
            "Check the network, and HF_ENDPOINT if it names a mirror. Nothing of the answer was kept.",
        ),
        Explanation(
            "redirects",
            "An address leads to the next, and that one on, without end.",
            "Try another network: a proxy or a sign-in page may do that. Check HF_ENDPOINT if it names a mirror.",
        ),
        Explanation(
            "checksum",
            "A file in the cache is damaged: its bytes are not those that the Hub announced.",
            "Go online (unset HF_HUB_OFFLINE) and run it again: the file is fetched anew.",
        ),
        Explanation(
            "disk_dl",
            "The disk with the cache of downloads is full.",
            "Free some space, or set HF_HUB_CACHE to a folder on another disk. What was fetched is kept.",
        ),
        Explanation(
            "discard_source",
            "Weight files can be deleted as they are used only where they were fetched and can be fetched again.",
            "Convert without it, or unset HF_HUB_OFFLINE.",
        ),
        Explanation(
            "demo_model",
            "The demo can't have its model: there is no network, no pip, or no room.",
            "The second line of the message says which. `mlx-convert convert FOLDER` works with a model of yours.",
        ),
    ),
)

"""The program itself, its plugins and its browser UI."""

from __future__ import annotations

from mlx_convert_core.explanations.row import Explanation, Theme

THEME = Theme(
    "The program, plugins and the browser UI",
    (
        Explanation(
            "unexpected failed",
            "Something happened that nobody has foreseen: a defect of mlx-convert or of a plugin.",
            "Run it again with `--debug`, and report what it prints together with what `mlx-convert doctor` says. With"
            " MLX_CONVERT_PLUGINS you can leave plugins out and see whether one of them is at fault.",
        ),
        Explanation(
            "open_files processes",
            "The system lets this account open no further file, or start no further program.",
            "Close other programs, or raise the limit first: `ulimit -n 4096`.",
        ),
        Explanation(
            "rosetta",
            "The Python in which mlx-convert is installed is built for Intel, and macOS translates it (Rosetta). MLX"
            " has no such build.",
            "Install a Python for Apple silicon: that of python.org, of uv or of a Homebrew in /opt/homebrew is one."
            " `python3 -c 'import platform; print(platform.machine())'` says arm64 then. Install mlx-convert with it.",
        ),
        Explanation(
            "intel_mac",
            "MLX runs on Macs with Apple silicon only, and this one has an Intel processor.",
            "Use a Mac with an M1 or newer, or Linux.",
        ),
        Explanation(
            "old_macos",
            "MLX is built for macOS 14 and newer.",
            "Update macOS under System Settings, General, Software Update.",
        ),
        Explanation(
            "temporary",
            "No folder for temporary files can be written.",
            "Make room on its disk, or name another folder: TMPDIR=FOLDER.",
        ),
        Explanation(
            "plugin_error",
            "A plugin failed; the message names it.",
            "Update it, or uninstall it, and tell its author. `mlx-convert plugins list` shows what is in use.",
        ),
        Explanation(
            "name_conflict",
            "Two plugins offer something of the same name, and the later one is left out.",
            "Uninstall one of them, or limit a run to some: MLX_CONVERT_PLUGINS=name,name.",
        ),
        Explanation(
            "plugin_not_loaded",
            "A plugin that this needs did not load.",
            "`mlx-convert plugins list` says why.",
        ),
        Explanation(
            "port",
            "The browser UI can't listen at this port, which another program uses.",
            "Choose another one, or name none and let a free one be found.",
        ),
        Explanation(
            "open_bind",
            "The browser UI would be reachable from other machines, without a key of your own.",
            "Leave the host out, or better, use an SSH tunnel. To go on all the same, give a long token.",
        ),
        Explanation(
            "no_native",
            "A window of its own needs pywebview, which is not installed.",
            "Install it as the message says, or use the browser.",
        ),
    ),
)

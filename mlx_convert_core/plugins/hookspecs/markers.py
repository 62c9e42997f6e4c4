"""What marks a hook's specification, and what marks its implementation in a plugin."""

import pluggy

GROUP = "mlx_convert"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)

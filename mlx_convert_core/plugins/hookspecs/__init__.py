"""Every hook of mlx-convert. A plugin is a module with functions of these names, marked ``@hookimpl``.

Three kinds, three rules:

- **Providers** are asked one after the other, third parties first; the first answer that is not None counts.
- **Moments** and **registrars** are called in every plugin.

What a hook is handed is frozen, except the staging folder that `post_convert` may write in. A hook may
take fewer arguments than its specification names. ``Finding``, ``Preset`` and all other types come from
``mlx_convert_core.plugin``.
"""

from mlx_convert_core.plugins.hookspecs.markers import GROUP, hookimpl, hookspec
from mlx_convert_core.plugins.hookspecs.moments import (
    examine_files,
    on_event,
    on_generate,
    post_convert,
    pre_convert,
    tensor_decoder,
)
from mlx_convert_core.plugins.hookspecs.providers import (
    library_store,
    model_converter,
    model_runner,
    model_senses,
    model_source,
    quantize_method,
    quantize_strategy,
)
from mlx_convert_core.plugins.hookspecs.registrars import (
    register_accounts,
    register_checks,
    register_commands,
    register_metrics,
    register_pages,
    register_presets,
    register_source_kinds,
    register_tasks,
    register_texts,
    register_upload_targets,
)

__all__ = [
    "GROUP",
    "examine_files",
    "hookimpl",
    "hookspec",
    "library_store",
    "model_converter",
    "model_runner",
    "model_senses",
    "model_source",
    "on_event",
    "on_generate",
    "post_convert",
    "pre_convert",
    "quantize_method",
    "quantize_strategy",
    "register_accounts",
    "register_checks",
    "register_commands",
    "register_metrics",
    "register_pages",
    "register_presets",
    "register_source_kinds",
    "register_tasks",
    "register_texts",
    "register_upload_targets",
    "tensor_decoder",
]

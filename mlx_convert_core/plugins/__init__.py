"""Hooks: their specifications, the protocols behind them, loading plugins and calling them."""

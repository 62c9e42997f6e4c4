"""Model cards and what a model says about its own origin."""

"""A conversion from a request to a published folder: estimate, preflight, plan, fetch, pipeline; and uploads."""

"""Running work: jobs and their events, the worker process and the context that a task gets."""

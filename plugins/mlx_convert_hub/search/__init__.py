"""Finding models that nobody has named yet: by words, by names like them, by what they were made from."""

"""Small models for tests: a tiny random llama, and a real one that is fetched once."""

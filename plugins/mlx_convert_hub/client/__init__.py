"""Talking to the Hub: the connection, the account and whose token is in use."""

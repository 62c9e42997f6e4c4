"""The built-in commands, one a file; each file has the click command under the command's name."""

"""From this machine to the Hub or into a folder."""

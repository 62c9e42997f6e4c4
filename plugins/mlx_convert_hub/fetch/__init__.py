"""From the Hub to this machine: refs, the cache, listings, headers, downloads; and local folders."""

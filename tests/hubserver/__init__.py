"""A server that speaks the Hub's protocol on loopback, so that tests run against the real client without a network.

Standard library only. `fixture.py` has the pytest fixtures, `server.py` what a test may order, and `faults.py` what
can go wrong.
"""

from hubserver.access import Account
from hubserver.faults import Fault
from hubserver.log import Request, RequestLog
from hubserver.repos import Commit, Repo
from hubserver.server import Hub, refusing_address, silent_address

__all__ = ["Account", "Commit", "Fault", "Hub", "Repo", "Request", "RequestLog", "refusing_address", "silent_address"]

"""HTTP: reads requests, asks the hub for the answer, sends it, and carries out the faults on the way."""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import struct
import threading
import time
import traceback
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hubserver.blobs import BLOCK
from hubserver.call import Call
from hubserver.faults import CUTS, Fault
from hubserver.log import Request
from hubserver.replies import HubError, Reply, text

if TYPE_CHECKING:
    from hubserver.server import Hub

TICK = 0.05


class Cut(Exception):
    """The connection ends here: with FIN, or with RST."""

    def __init__(self, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class Origin(ThreadingHTTPServer):
    """One listening address of the hub: `hub` for the site, `cdn` for the storage behind it."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, hub: Hub, name: str, port: int = 0) -> None:
        self.hub, self.name = hub, name
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(TICK,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the origin answers."""
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + 5
        while self._open and time.monotonic() < deadline:
            time.sleep(TICK / 5)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep errors for the test to see; clients that hang up are none."""
        trace = traceback.format_exc()
        if not re.search(
            r"^(ConnectionError|ConnectionResetError|BrokenPipeError|OSError|ValueError: I/O)", trace, re.M
        ):
            self.hub.errors.append(trace)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Origin

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent; the request log has it."""

    def serve(self) -> None:
        """Answer one request."""
        path, _, query = self.path.partition("?")
        authorized = "Authorization" in self.headers
        self.hub = self.server.hub
        self._received = False
        self.entry = Request(
            self.command, self.server.name, unquote(path), query, self.headers.get("Range"), authorized=authorized
        )
        self.hub.requests.add(self.entry)
        try:
            reply = self._answer(path)
            for _ in self.receive():
                pass
            self._send(reply)
        except Cut as cut:
            self._hang_up(cut.reset)
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve

    def _answer(self, raw_path: str) -> Reply:
        for fault in self.hub.faults.before(self.entry):
            if fault.kind in ("close", "refuse"):
                raise Cut(reset=fault.kind == "refuse")
            if fault.kind == "stall":
                self._fall_silent(fault)
            elif fault.kind == "delay":
                self.hub.stopping.wait(fault.seconds)
            elif fault.kind in ("endless", "drip"):
                self._without_end(fault)
            else:
                return fault.reply()
        try:
            return self.hub.answer(Call(self.entry, raw_path, self.headers.get("Authorization"), self.receive))
        except HubError as error:
            return error.reply()
        except (Cut, OSError):
            raise
        except Exception:
            self.hub.errors.append(traceback.format_exc())
            return text("The test server has a bug; see hub.errors", 500)

    # What comes in

    def receive(self) -> Iterator[bytes]:
        """Yield the request's body, once; a fault may end it."""
        if self._received:
            return
        self._received = True
        length = int(self.headers.get("Content-Length") or 0)
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
        if not length and not chunked:
            return
        faults = self.hub.faults.receiving(self.entry, length or 1 << 62)
        for block in self._paced(self._chunked() if chunked else self._sized(length), faults, length):
            self.entry.received += len(block)
            yield block

    def _sized(self, length: int) -> Iterator[bytes]:
        while length:
            block = self.rfile.read1(min(length, BLOCK))
            if not block:
                raise Cut(reset=False)
            length -= len(block)
            yield block

    def _chunked(self) -> Iterator[bytes]:
        while length := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            yield self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()

    # What goes out

    def _send(self, reply: Reply) -> None:
        if reply.status == 200 and reply.headers.get("Accept-Ranges"):
            reply = self._ranged(reply)
        faults = self.hub.faults.sending(self.entry, reply)
        reply = _falsified(reply, faults)
        self.entry.status = reply.status
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(reply.length))
        self.end_headers()
        if self.command == "HEAD":
            return
        for block in self._paced(reply.blob.blocks(reply.start, reply.length), faults, reply.length, reply.start):
            self.entry.sent += len(block)
            self.connection.sendall(block)

    def _ranged(self, reply: Reply) -> Reply:
        """Answer the part that a Range header asks for."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.entry.range or "")
        if asked is None or self.hub.faults.ignores_range(self.entry):
            return reply
        size = reply.length
        start = int(asked[1]) if asked[1] else max(size - int(asked[2] or 0), 0)
        end = min(int(asked[2]) + 1, size) if asked[1] and asked[2] else size
        if start >= end:
            return text("Range Not Satisfiable", 416, {"Content-Range": f"bytes */{size}"})
        headers = {**reply.headers, "Content-Range": f"bytes {start}-{end - 1}/{size}"}
        return replace(reply, status=206, headers=headers, start=start, length=end - start)

    # Faults

    def _paced(self, blocks: Iterable[bytes], faults: list[Fault], length: int, start: int = 0) -> Iterator[bytes]:
        """Pass a body on as its faults want it: slower, false, or only its beginning."""
        cut = next((fault for fault in faults if fault.kind in CUTS), None)
        slow = next((fault for fault in faults if fault.kind == "slow"), None)
        flips = {(length // 2 if f.at is None else f.at - start) for f in faults if f.kind == "corrupt"}
        begun, done = time.monotonic(), 0
        for piece in _pieces(blocks, max(int(slow.rate * TICK), 1) if slow else BLOCK):
            part = piece if cut is None else piece[: (cut.after or 0) - done]
            part = _flipped(part, {at - done for at in flips})
            if part:
                yield part
            done += len(part)
            if cut is not None and done == (cut.after or 0):
                self._break(cut)
            if slow:
                self.hub.stopping.wait(max(begun + done / slow.rate - time.monotonic(), 0))

    def _break(self, fault: Fault) -> None:
        if fault.kind == "stall":
            self._fall_silent(fault)
        time.sleep(TICK)  # lets the bytes before it arrive: a RST overtakes them
        raise Cut(reset=fault.kind == "reset")

    def _fall_silent(self, fault: Fault) -> None:
        """Say nothing until the client goes, or for the fault's seconds; then hang up."""
        end = time.monotonic() + (fault.seconds or 3600)
        while time.monotonic() < end and not self.hub.stopping.wait(TICK):
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1 << 16):
                break
        raise Cut(reset=False)

    def _without_end(self, fault: Fault) -> None:
        """Send what never ends, until the client goes; or a body without a length that does."""
        self.send_response(fault.status)
        if fault.kind == "drip":
            self.flush_headers()
            while not self.hub.stopping.wait(TICK):
                self._pass_on(b"X")
            raise Cut(reset=False)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for block in _zeros(fault.after, packed="Content-Encoding" in fault.headers):
            if self.hub.stopping.is_set():
                break
            self._pass_on(b"%x\r\n%s\r\n" % (len(block), block))
        self._pass_on(b"0\r\n\r\n")
        raise Cut(reset=False)

    def _pass_on(self, data: bytes) -> None:
        self.entry.sent += len(data)
        self.connection.sendall(data)

    def _hang_up(self, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())


def _pieces(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), size):
            yield block[start : start + size]


def _zeros(size: int | None, *, packed: bool) -> Iterator[bytes]:
    """Blocks of zeros, ``size`` bytes together or without end; packed they are a thousandth of that."""
    packing = zlib.compressobj(wbits=31)
    left = 1 << 40 if size is None else size
    while left:
        block = bytes(min(left, BLOCK))
        left -= len(block)
        data = packing.compress(block) + packing.flush(zlib.Z_SYNC_FLUSH) if packed else block
        if data:
            yield data


def _flipped(block: bytes, offsets: set[int]) -> bytes:
    changed = bytearray(block)
    for offset in offsets:
        if 0 <= offset < len(block):
            changed[offset] ^= 1
    return bytes(changed)


def _falsified(reply: Reply, faults: list[Fault]) -> Reply:
    """Return the answer with the lies that its faults tell in the headers."""
    for fault in faults:
        headers = dict(reply.headers)
        if fault.kind == "etag":
            headers |= {"ETag": f'"{"0" * 64}"', "X-Linked-ETag": f'"{"0" * 64}"'}
        elif fault.kind == "size":
            headers["X-Linked-Size"] = str(int(headers.get("X-Linked-Size", reply.length)) + 1)
        elif fault.kind == "truncated":
            reply = replace(reply, length=reply.length // 2 if fault.after is None else fault.after)
        reply = replace(reply, headers=headers)
    return reply

"""Takes what LiteLLM's generic HTTP callback posts and appends it to a file, one post a line.

python sink.py LOG.jsonl
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

PORT = 4801
_lock = Lock()


class Sink(BaseHTTPRequestHandler):
    """Appends each body to the file named on the command line."""

    def do_POST(self) -> None:
        """One batch of log records."""
        body = self.rfile.read(int(self.headers["content-length"])).strip()
        with _lock, Path(sys.argv[1]).open("ab") as log:
            log.write(body + b"\n")
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal quiet."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Sink).serve_forever()

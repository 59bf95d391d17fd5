"""A small server of OpenAI's chat API on a real socket, that can be told to fail in every way servers fail."""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-secret-of-the-tests"


@dataclass(frozen=True)
class Reply:
    """What the server sends: a status, headers and a body, after some seconds."""

    status: int
    body: str
    headers: dict = field(default_factory=dict)
    after: float = 0.0


def says(content, finish="stop", after=0.0, **message):
    """An answer of the model."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return Reply(200, json.dumps(body), after=after)


def fails(status, message="it fails", code=None, **headers):
    """An error of the server."""
    body = {"error": {"message": message, "type": "error", "code": code}}
    return Reply(status, json.dumps(body), {name.replace("_", "-"): value for name, value in headers.items()})


def tags(*names):
    return json.dumps([{"tag": name, "explanation": "why"} for name in names])


class ChatServer:
    """Answers each prompt by `answer(prompt, n)`, n counting the requests for this prompt from 0."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        """Of each request: path, headers, body, and when it came."""
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    @property
    def prompts(self):
        return [body["messages"][0]["content"] for _, _, body, _ in self.requests]

    def reply(self, path, headers, body):
        prompt = body["messages"][0]["content"]
        with self._lock:
            n = self.prompts.count(prompt)
            self.requests.append((path, headers, body, time.monotonic()))
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
        reply = self.answer(prompt, n)
        time.sleep(reply.after)
        with self._lock:
            self.at_once -= 1
        return reply


@contextmanager
def serving(answer):
    """Serve until the context is left; gives the server and its base URL."""
    chat = ChatServer(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reply = chat.reply(self.path, dict(self.headers), body)
            content = reply.body.encode()
            try:
                self.send_response(reply.status)
                for name, value in {"content-type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the client did not wait

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield chat, f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

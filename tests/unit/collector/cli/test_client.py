"""Asking over HTTP, against a real server that answers what a test says."""

import http.server
import json
import socket
import threading

import pytest

from stepscope_collector import errors
from stepscope_collector.cli.client import Client, HttpTransport
from stepscope_collector.errors import BadRequest, NotFound, ServerUnreachable, StepscopeError


@pytest.fixture
def server():
    """A server whose answers and questions are lists: (status, body) and (method, path, body)."""
    answers, questions = [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            size = int(self.headers.get("content-length") or 0)
            questions.append((self.command, self.path, self.rfile.read(size)))
            status, body = answers.pop(0)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 the name http.server looks for

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        running.answers, running.questions = answers, questions
        running.url = f"http://127.0.0.1:{running.server_port}"
        yield running
        running.shutdown()
        thread.join()


def test_params_that_are_none_are_left_out_and_lists_are_joined(server):
    """issue #2: the filters of the read API."""
    server.answers.append((200, b'{"executions": []}'))
    with Client(HttpTransport(server.url)) as client:
        answer = client.get("/api/x", {"a": None, "b": "1 &2", "c": ["p", "q"], "d": 3})
    assert answer == {"executions": []}
    assert server.questions == [("GET", "/api/x?b=1+%262&c=p%2Cq&d=3", b"")]


def test_ids_are_quoted_in_paths(server):
    """R102: any text is an id."""
    server.answers.append((200, b'{"execution": {}}'))
    Client(HttpTransport(server.url)).execution("a/b?c d", "steps", "logs")
    assert server.questions[0][1] == "/api/executions/a%2Fb%3Fc%20d?include=steps%2Clogs"


def test_sql_is_posted_with_parameters_and_limit(server):
    """issue #2: POST /api/sql."""
    server.answers += [(200, b'{"rows": []}'), (200, b"a,b\n")]
    client = Client(HttpTransport(server.url))
    assert client.sql("select $x", {"x": 1}, 5) == {"rows": []}
    assert b"".join(client.sql_stream("csv", "select 1")) == b"a,b\n"
    (_, first, body), (_, second, other) = server.questions
    assert (first, second) == ("/api/sql?format=json", "/api/sql?format=csv")
    assert json.loads(body) == {"sql": "select $x", "params": {"x": 1}, "max_rows": 5}
    assert json.loads(other) == {"sql": "select 1"}


@pytest.mark.parametrize("name", errors.__all__)
def test_errors_of_the_server_are_raised_as_the_same_class(server, name):
    """issue #2: the same exit codes with and without a server."""
    kind = getattr(errors, name)
    body = {"error": {"code": kind.code, "message": "m", "hint": "h"}}
    server.answers.append((kind.http_status, json.dumps(body).encode()))
    with pytest.raises(kind) as caught:
        Client(HttpTransport(server.url)).get("/api/x")
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.hint) == ("m", "h")


def test_an_error_with_an_unknown_code_is_still_one_of_ours(server):
    """ours: a newer server may know more errors."""
    server.answers.append((418, b'{"error": {"code": "teapot", "message": "short and stout"}}'))
    with pytest.raises(StepscopeError, match="short and stout") as caught:
        Client(HttpTransport(server.url)).get("/api/x")
    assert (type(caught.value), caught.value.hint) == (StepscopeError, None)


@pytest.mark.parametrize(
    ("status", "message", "scope"),
    [
        (401, "unauthenticated", "read"),
        (403, "the token r has the scope read; this needs admin", "admin"),
        (403, "the token r has the scope read; this needs ingest", "ingest"),
    ],
)
def test_who_lacks_a_token_is_told_to_make_one_that_fits(server, status, message, scope):
    """ours: the remedy is one that helps."""
    body = {"error": {"code": "permission_denied", "message": message}}
    server.answers.append((status, json.dumps(body).encode()))
    with pytest.raises(StepscopeError, match=message) as caught:
        Client(HttpTransport(server.url)).get("/api/x")
    assert caught.value.hint.endswith(f"stepscope token create --scope {scope} --name NAME")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"error": "x"}', b""])
def test_an_answer_of_something_else_is_told(server, body):
    """ours: another program may listen on the port."""
    server.answers += [(502, body), (200, b"<html>" if body == b'{"error": "x"}' else body)]
    client = Client(HttpTransport(server.url))
    with pytest.raises(ServerUnreachable, match="answered 502 without saying why"):
        client.get("/")
    with pytest.raises(ServerUnreachable, match="did not answer with a JSON document"):
        client.get("/")


def test_nobody_listening_is_told_with_the_remedy():
    """issue #2: helpful errors."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(ServerUnreachable, match="connection refused") as caught:
            Client(HttpTransport(url)).get("/")
    assert caught.value.message.startswith(f"no answer from http://{url}: ")
    assert caught.value.hint == "start one with: stepscope serve"
    assert caught.value.exit_code == 9


def test_an_answer_that_breaks_off_is_told(server):
    """ours: half a result must not look like a whole one."""

    class Short(bytes):
        def __len__(self):
            return 100

    server.answers.append((200, Short(b'{"rows"')))
    client = Client(HttpTransport(server.url))
    with pytest.raises(ServerUnreachable, match=r"did not answer with|ended early"):
        client.sql("select 1")


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:x", "http://host:99999"])
def test_what_is_no_url_of_a_server_is_refused(url):
    """ours: a mistake is told before anything is sent."""
    with pytest.raises(BadRequest, match="is not the URL of a server"):
        HttpTransport(url)


def test_a_path_in_front_of_the_api_is_kept(server):
    """ours: a proxy may serve the API below a path."""
    server.answers.append((404, b'{"error": {"code": "not_found", "message": "m"}}'))
    with pytest.raises(NotFound):
        Client(HttpTransport(server.url + "/proxied/")).get("/api/x")
    assert server.questions[0][1] == "/proxied/api/x"

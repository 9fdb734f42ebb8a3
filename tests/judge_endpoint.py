"""A judge for tests: a real HTTP server on loopback whose words are a function of the request, and a rule to judge by."""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from generators.llm.calls import Reply

PASSAGE = re.compile(r"<(passage-[0-9a-f]+)>\n(.*?)\n</\1>", re.DOTALL)
PAIRS = re.compile(r"<(pairs-[0-9a-f]+)>\n(.*?)\n</\1>", re.DOTALL)
CRITERIA = ("groundedness", "correctness", "completeness", "standalone", "helpfulness", "tone")


def shown(messages):
    """The passages by name and the pairs of a request, as the judge sees them."""
    text = "\n".join(message["content"] for message in messages if message["role"] == "user")
    return dict(PASSAGE.findall(text)), [json.loads(line) for line in PAIRS.search(text)[2].split("\n")]


def asked_for(messages):
    """The labels that a repair names, else all."""
    _, pairs = shown(messages)
    found = re.search(r"Judge again the pairs ([p0-9, ]+)", messages[-1]["content"])
    return found[1].split(", ") if found else [pair["id"] for pair in pairs]


def verdict(pair, passages, criteria=CRITERIA):
    """Judge by a rule: an answer that stands in its source is grounded, one that points to a text does not stand alone."""
    source = " ".join(passages[name] for name in pair.get("source", ()))
    points = dict.fromkeys(criteria, 5)
    code = "none"
    if "passage" in pair["question"]:
        points["standalone"] = 2
        code = "points_to_text"
    if "groundedness" in points and pair["answer"] not in source:
        points["groundedness"] = 1
        code = "invented"
    return {**points, "code": code}


def criteria_of(schema):
    return tuple(name for name in schema["$defs"]["verdict"]["properties"] if name != "code")


def by_rule(messages, schema):
    """The words of a judge that does what it is asked."""
    passages, pairs = shown(messages)
    wanted = asked_for(messages)
    return json.dumps({pair["id"]: verdict(pair, passages, criteria_of(schema)) for pair in pairs if pair["id"] in wanted})


def body_of(content, *, model="judge", finish="stop", tokens=(200, 40)):
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return json.dumps({"id": "1", "object": "chat.completion", "created": 0, "model": model, "choices": [choice], "usage": usage}).encode()


class Spoken:
    """Answers requests without a network by functions of messages and schema, one after the other, the last one for ever."""

    def __init__(self, *words):
        self.words, self.requests, self.notices = list(words), [], []

    def figures(self):
        return {"calls": float(len(self.requests))}

    async def complete(self, request):
        self.requests.append(request)
        say = self.words[min(len(self.requests), len(self.words)) - 1]
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        said = say(messages, json.loads(request.schema)) if callable(say) else say
        return Reply(request.key, said if isinstance(said, bytes) else body_of(said))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass


@contextmanager
def judge_server(say=by_rule, models=("judge",)):
    """Serve a judge; yields its URL and the list of the requests that it got."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format, *args):
            pass

        def do_GET(self):
            self.send(json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in models]}).encode())

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append(body)
            said = say(body["messages"], body["response_format"]["json_schema"]["schema"])
            self.send(said if isinstance(said, bytes) else body_of(said, model=body["model"]))

        def send(self, raw):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A real HTTP server on loopback that speaks the OpenAI chat protocol, answers from the passage it is shown, and fails on request.

    python tests/fake_endpoint.py --port 0 --faults '[{"fault": "500", "times": 2}, {"fault": "refusal", "match": "Gifts"}]'

It prints {"port": ...} and serves until it is killed. A rule of --faults is {"fault": name, "match": text that the request
contains, "times": how often (left out: always)}; the first rule that matches and is not used up decides. Faults:
bad_json, half_json, bad_item, empty_items, fenced, refusal, content_filter, length, empty_choices, empty_text (a chat completion that
cannot be used as it is); half_body, html, huge (no chat completion); drop (the connection closes without an answer);
slow (answers after --slow seconds); 429 and 429_long (with Retry-After), quota, context, redirect; echo_key (repeats
the key in its text); and any other status by its number.
GET /v1/models lists --models; GET /_log returns every chat request with what was done, /_count only how many there were.
"""

import argparse
import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice

PASSAGE = re.compile(r"<(passage-[0-9a-f]+)>\nDocument: ([^\n]*)\nSection: ([^\n]*)\n(?:Above it[^\n]*\n)?\n(.*)\n</\1>", re.DOTALL)
FACTS = re.compile(r"<(facts-[0-9a-f]+)>\n(.*)\n</\1>", re.DOTALL)
ASKED = re.compile(r"Write up to (\d+) items")
WAYS = re.compile(r"(\d+) (?:short )?ways")
SENTENCE = re.compile(r"[^.!?\n]+[.!?](?=\s|$)")
MARKS = re.compile(r"^[\s#>*+|-]*(?:\d+[.)]\s+)?")
SMALL = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can for from has have if in is it its may must of on or our that the their there they this to up we when with you your",
    ),
)
FORMS = (
    "What is the rule on {topic}?",
    "Please tell me about {topic}.",
    "I have a question on {topic}: what applies?",
    "How does it work with {topic}?",
    "Could you explain {topic}?",
    "{topic}: what do I need to know?",
    "What do we say about {topic}?",
    "A colleague asked me about {topic}. What should I answer?",
    "Remind me, what holds for {topic}?",
    "What should everybody know on {topic}?",
    "Tell me what is agreed on {topic}.",
    "Which rule covers {topic}?",
)
FRAMES = (
    "Hello. {question}",
    "Can you help me? {question}",
    "I could not find it anywhere: {question}",
    "Just quickly: {question}",
    "A colleague asked me this. {question}",
    "Please explain. {question}",
)
REFUSALS = {
    "429": (429, {"code": "rate_limit_exceeded"}, {"Retry-After": "0.2"}),
    "429_long": (429, {"code": "rate_limit_exceeded"}, {"Retry-After": "7200"}),
    "quota": (429, {"code": "insufficient_quota"}, {"Retry-After": "1"}),
    "context": (400, {"code": "context_length_exceeded"}, {}),
    "redirect": (308, {}, {"Location": "/elsewhere"}),
}
RAW_BODIES = {
    "half_body": (b'{"choices": [{"mess', "application/json"),
    "html": (b"<html>please log in</html>", "text/html"),
    "huge": (b" " * 5_000_000, "application/json"),
}


def facts(text):
    """Sentences of the passage, each verbatim within one line and long enough to ask about."""
    for line in text.split("\n"):
        if line.startswith(("#", "|", "```")):
            continue
        for match in SENTENCE.finditer(line):
            sentence = MARKS.sub("", match[0]).strip()
            if len(sentence.split()) >= 5:
                yield sentence


def topic(sentence, title):
    """The words that carry the sentence, so that two facts are asked for in different words."""
    words = [word.strip(",;:()*`\"'.!?") for word in sentence.split()]
    carrying = list(dict.fromkeys(word.lower() for word in words if word and word.lower() not in SMALL))
    return " ".join(carrying[:7]) or title


def item(sentence, title, properties, wordings):
    """One item of the shape that the schema asks for, grounded in one sentence."""
    asked = [form.format(topic=topic(sentence, title)) for form in islice(cycle(FORMS), wordings)]
    made = {
        "wordings": asked,
        "instruction": f"Say this in other words for a new colleague: {topic(sentence, title)}.",
        "input": sentence,
        "output": sentence,
        "quotes": [sentence],
    }
    return {
        name: made[name] if name in made and schema.get("type") in TYPES[type(made[name])] else filler(schema)
        for name, schema in properties.items()
    }


def worded(number, question, answer, wordings):
    """One item on a fact: its question as different people put it, and a sentence where the answer is none."""
    asked = [frame.format(question=question) for frame in islice(cycle(FRAMES), wordings)]
    return {"fact": number, "wordings": asked, "first": "" if answer.endswith((".", "]")) else f"It is {answer}."}


TYPES = {str: {"string"}, list: {"array"}}


def filler(schema):
    """A value for a field of the user's own schema."""
    if "enum" in schema:
        return schema["enum"][0]
    return {"string": "plain", "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}}[schema.get("type", "string")]


def properties_of(body):
    """Return the fields that an item is held to, in whichever way the request says so; without one, those of a plain pair."""
    tools = body.get("tools") or [{}]
    held = body.get("response_format", {}).get("json_schema", {}).get("schema") or tools[0].get("function", {}).get("parameters") or {}
    plain = {"wordings": {"type": "array"}, "output": {"type": "string"}, "quotes": {"type": "array"}}
    return held.get("properties", {}).get("items", {}).get("items", {}).get("properties", plain)


def items(body):
    """Answer a request truthfully: items from the sentences of its passage."""
    text = "\n".join(str(message["content"]) for message in body["messages"])
    found = PASSAGE.search(text)
    wordings = int(match[1]) if (match := WAYS.search(text)) else 1
    if facts_shown := FACTS.search(text):
        return [worded(*json.loads(line), wordings) for line in facts_shown[2].split("\n") if line.startswith("[")]
    if found is None:
        return []
    properties = properties_of(body)
    most = int(match[1]) if (match := ASKED.search(text)) else 1
    return [item(sentence, found[2], properties, wordings) for sentence in islice(facts(found[4]), most)]


def completion(body, content, *, finish="stop", **message):
    """A chat completion around a content."""
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return {
        "id": f"chatcmpl-{digest[:12]}",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", ""),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}],
        "usage": {"prompt_tokens": len(json.dumps(body)) // 4, "completion_tokens": len(content or "") // 4},
    }


def spoilt(fault, body):
    """A chat completion that cannot be used as it is, or None for faults of another kind."""
    good = json.dumps({"items": items(body)})
    broken = [{name: value for name, value in made.items() if name != "quotes" or index} for index, made in enumerate(items(body))]
    made = {
        "bad_json": lambda: completion(body, "Sure! Here are your items: {items: oops"),
        "half_json": lambda: completion(body, good[: len(good) // 2]),
        "bad_item": lambda: completion(body, json.dumps({"items": broken})),
        "empty_items": lambda: completion(body, '{"items": []}'),
        "fenced": lambda: completion(body, f"<think>hm {{</think>Here:\n```json\n{good}\n```\nDone."),
        "refusal": lambda: completion(body, None, refusal="I cannot help with that."),
        "content_filter": lambda: completion(body, "", finish="content_filter"),
        "length": lambda: completion(body, good[: len(good) // 2], finish="length"),
        "empty_choices": lambda: completion(body, "") | {"choices": []},
        "empty_text": lambda: completion(body, ""),
    }
    return made[fault]() if fault in made else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    options: argparse.Namespace
    rules: list
    chats: list
    counts: dict
    lock = threading.Lock()

    def log_message(self, format, *args):  # noqa: A002 - its name in the base class
        pass

    def do_GET(self):
        if self.path == "/_log":
            with self.lock:
                return self.send({"chats": self.chats, "models": self.counts["models"]})
        if self.path == "/_count":
            return self.send({"chats": len(self.chats)})
        self.counts["models"] += 1
        if not self.is_allowed():
            return None
        if self.path != "/v1/models" or not self.options.models:
            return self.send({"error": {"message": "not found"}}, status=404)
        return self.send({"object": "list", "data": [{"id": name, "object": "model"} for name in self.options.models.split(",")]})

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw)
        entry = {"body": body, "sha": hashlib.sha256(raw).hexdigest(), "headers": dict(self.headers), "fault": None, "done": False}
        with self.lock:
            entry["fault"] = self.fault(raw.decode())
            self.chats.append(entry)
        if not self.is_allowed():
            return
        time.sleep(self.options.slow if entry["fault"] == "slow" else self.options.delay)
        self.answer(entry["fault"], body)
        entry["done"] = True

    def is_allowed(self):
        given = self.headers.get("Authorization")
        if not self.options.key or given == f"Bearer {self.options.key}":
            return True
        self.send({"error": {"message": f"Incorrect API key provided: {given}", "code": "invalid_api_key"}}, status=401)
        return False

    def fault(self, text):
        for rule in self.rules:
            if rule.get("match", "") in text and rule.get("times", 1) > 0:
                if "times" in rule:
                    rule["times"] -= 1
                return rule["fault"]
        return None

    def answer(self, fault, body):
        if fault in {None, "slow"}:
            self.send(completion(body, json.dumps({"items": items(body)})))
        elif (reply := spoilt(fault, body)) is not None:
            self.send(reply)
        elif fault in RAW_BODIES:
            self.send_raw(*RAW_BODIES[fault])
        elif fault == "drop":
            self.close_connection = True
            self.connection.close()
        elif fault == "echo_key":
            self.send(completion(body, f"your header was {self.headers['Authorization']}"))
        else:
            self.refuse(fault)

    def refuse(self, fault):
        status, error, headers = REFUSALS.get(fault, (fault, {}, {}))
        message = f"injected {fault} for {self.headers['Authorization']}"
        self.send({"error": {"message": message, **error}}, status=int(status), headers=headers)

    def send(self, value, *, status=200, headers=None):
        self.send_raw(json.dumps(value).encode(), "application/json", status=status, headers=headers)

    def send_raw(self, raw, kind, *, status=200, headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(raw)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that hangs up, or was killed, is what the tests are about."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=json.loads, default=[])
    parser.add_argument("--models", default="fake-large,fake-small")
    parser.add_argument("--key", default="")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--slow", type=float, default=5.0)
    options = parser.parse_args()
    Handler.options, Handler.rules, Handler.chats, Handler.counts = options, options.faults, [], {"models": 0}
    server = Server(("127.0.0.1", options.port), Handler)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

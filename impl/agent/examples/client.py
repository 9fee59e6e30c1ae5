#!/usr/bin/env python3
"""An originator in Python, written from SPEC.md alone; the standard library is all it needs.

It greets a destination, sends it one file and then a command to run, waits for both completions
at its local port, acknowledges them, and asks for the recorded state of the command:

    client.py NAME PEER PRODUCT ADDRESS REMOTE_PORT LOCAL_PORT COMMAND < SECRET

The secret of the link comes from standard input, in hexadecimal digits. Whatever is not as the
specification says ends the program with a message and exit code 1.

A whole originator also keeps records, repeats what is not acknowledged, and is in doubt; see
section 6. This one shows the messages.
"""

import base64
import hashlib
import hmac
import os
import re
import socket
import struct
import sys
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree
from xml.sax.saxutils import escape

NAMESPACE = "urn:portcullis:environment-transfer:1"
CONTROL_FRAME_MAX = 1024 * 1024
CONNECT, ACKNOWLEDGEMENT, LINGER = 20, 20, 5
TOLERANCE = timedelta(minutes=5)
DEADLINE = 60


def fail(why):
    sys.exit("client.py: " + why)


class Link:
    """One link, as its originator sees it."""

    def __init__(self, name, peer, product, address, remote_port, secret):
        self.name, self.peer, self.product = name, peer, product
        self.place = (address, remote_port)
        self.secret = secret
        self.key = hashlib.sha256(secret).hexdigest()[:16]

    def code(self, document):
        return hmac.new(self.secret, document, hashlib.sha256).hexdigest()

    def document(self, kind, ident, attributes, relates_to=None, attempt=1, content=""):
        """Sections 3 and 5.1: the canonical document, signed."""
        pairs = [("xmlns", NAMESPACE), ("version", "1"), ("id", ident)]
        pairs += [("from", self.name), ("to", self.peer), ("sent-at", now())]
        pairs += [("relates-to", relates_to)] if relates_to else []
        pairs += [("attempt", str(attempt)), ("key", self.key), ("mac", "0" * 64)]
        start = element(kind, pairs + attributes)
        text = start + ">" + content + "</" + kind + ">" if content else start + "/>"
        zeros = text.encode()
        signed = zeros.replace(b'mac="' + b"0" * 64, b'mac="' + self.code(zeros).encode(), 1)
        return signed

    def read(self, document):
        """Sections 5.1 and 5.4: what a message says, if it is the peer's and fresh."""
        place = re.search(rb' key="(.{16})" mac="(.{64})"', document[:1200], re.DOTALL)
        if place is None or place.group(1) != self.key.encode():
            fail("a message without a code that this side can check")
        zeros = document[: place.start(2)] + b"0" * 64 + document[place.end(2) :]
        if not hmac.compare_digest(self.code(zeros).encode(), place.group(2)):
            fail("a message with a wrong code")
        root = ElementTree.fromstring(document)
        said = dict(root.attrib)
        said["kind"] = root.tag.removeprefix("{" + NAMESPACE + "}")
        if said["version"] != "1" or said["from"] != self.peer or said["to"] != self.name:
            fail("a message from somebody else, for somebody else, or of another version")
        whole, _, fraction = said["sent-at"].rstrip("Z").partition(".")
        sent = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
        if abs(datetime.now(timezone.utc) - sent) > TOLERANCE:
            fail("a stale message")
        return said

    def ask(self, kind, ident, attributes, expected, content=""):
        """Section 1: one connection, one request, one reply."""
        with socket.create_connection(self.place, CONNECT) as stream:
            stream.settimeout(ACKNOWLEDGEMENT)
            stream.sendall(unit(self.document(kind, ident, attributes, content=content)))
            reply = self.read(receive(stream))
            end(stream)
        if reply["relates-to"] != ident:
            fail("a reply to something else")
        if reply["kind"] != expected:
            fail("%s was answered with %s %s" % (kind, reply["kind"], reply.get("reason", "")))
        return reply


def now():
    """Section 3.1: no trailing zeros in the fraction."""
    moment = datetime.now(timezone.utc)
    fraction = ("%06d" % moment.microsecond).rstrip("0")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + ("." + fraction if fraction else "") + "Z"


def element(name, pairs):
    """A start tag without its end, in canonical form."""
    quoted = ((key, escape(value, {'"': "&quot;"})) for key, value in pairs)
    return "<" + name + "".join(' %s="%s"' % pair for pair in quoted)


def unit(document):
    """Section 2."""
    return struct.pack(">I", len(document) + 4) + document


def receive(stream):
    """Section 2: one whole data unit; its document."""
    (length,) = struct.unpack(">I", octets(stream, 4))
    if not 5 <= length <= CONTROL_FRAME_MAX:
        fail("an absurd length")
    return octets(stream, length - 4)


def octets(stream, count):
    held = b""
    while len(held) < count:
        piece = stream.recv(count - len(held))
        if not piece:
            fail("the stream ended inside a data unit")
        held += piece
    return held


def end(stream):
    """Section 1: close first, then wait a little for the other side to close too."""
    stream.shutdown(socket.SHUT_WR)
    stream.settimeout(LINGER)
    if stream.recv(1):
        fail("octets after the reply")


def transfer(link, task):
    """Section 7: an object of one small file, in one part; then the task that names it."""
    content = b"hello from Python\n"
    file = element("file", [("path", "hello.txt"), ("size", str(len(content)))]) + "/>"
    manifest = element("manifest", [("xmlns", NAMESPACE)]) + ">" + file + "</manifest>"
    stream = unit(manifest.encode()) + content
    digest = hashlib.sha256(stream)
    part = [("object", task), ("number", "1"), ("of", "1"), ("digest", digest.hexdigest())]
    text = base64.b64encode(stream).decode()
    link.ask("part", task + ".part-1", part, "part-ack", content=text)
    whole = hashlib.sha256(digest.digest()).hexdigest()
    pairs = [("object", task), ("parts", "1"), ("digest", whole)]
    return element("transfer", pairs) + "/>"


def send(link, task, content):
    pairs = [("task", task), ("independent", "false")]
    accepted = link.ask("task", task + ".task", pairs, "accepted", content=content)
    if accepted["task"] != task:
        fail("the acceptance of another task")
    print("%s: %s" % (task, accepted["state"]))


def be_told(link, listener):
    """The callback: one completion, acknowledged on its own connection."""
    stream, _ = listener.accept()
    with stream:
        stream.settimeout(ACKNOWLEDGEMENT)
        completed = link.read(receive(stream))
        if completed["kind"] != "completed":
            fail("%s at the local port" % completed["kind"])
        task, ident = completed["task"], completed["id"]
        attempt = int(completed["attempt"])
        reply = link.document(
            "completed-ack", ident + ".reply", [("task", task)], ident, attempt
        )
        stream.sendall(unit(reply))
        stream.settimeout(LINGER)
        if stream.recv(1):
            fail("octets after the completion")
    print("%s: %s" % (task, completed["outcome"]))


def main():
    name, peer, product, address, remote_port, local_port, command = sys.argv[1:]
    secret = bytes.fromhex(sys.stdin.read())
    link = Link(name, peer, product, address, int(remote_port), secret)
    with socket.create_server((address, int(local_port))) as listener:
        listener.settimeout(DEADLINE)
        fresh = os.urandom(8).hex()
        hello = link.ask("hello", "hello-" + fresh, [("product", product)], "hello-ack")
        if hello["product"] != product:
            fail("another product version")
        print("greeted")
        first, second = "files-" + fresh, "command-" + fresh
        send(link, first, transfer(link, first))
        be_told(link, listener)
        send(link, second, element("deploy", [("command", command)]) + "/>")
        be_told(link, listener)
        status = link.ask("query", "query-" + fresh, [("task", second)], "status")
        print("%s: %s, %s" % (second, status["state"], status["outcome"]))


main()

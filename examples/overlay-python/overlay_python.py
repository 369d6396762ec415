#!/usr/bin/python3
"""overlay-python: a left4me builder that is not written in Go.

It makes overlays with a mapcycle.txt and a motd.txt, and shows all that the protocol asks of a plugin
(docs/reference/plugin-protocol.md): the launch line, go-plugin's handshake with mutual TLS, the services, and a clean end.

Needs Debian's python3-grpcio, python3-protobuf and openssl. protocol.py is the part that every plugin in Python could use.
"""

import hashlib
import json
import os
import sys

import protocol
from protocol import Failure

OVERLAY_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["maps"],
    "properties": {
        "maps": {"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "names of maps, in the order they are played"},
        "message": {"type": "string", "default": "", "description": "what motd.txt says"},
        "pause_ms": {"type": "integer", "default": 0, "minimum": 0, "description": "milliseconds to wait after each map, to watch progress"},
    },
    "examples": [{"maps": ["c1m1_hotel", "c1m2_streets"]}, {"maps": ["c2m1_highway"], "message": "Welcome!"}],
}


def content(settings):
    """Returns the files of an overlay, by name."""
    return {
        "mapcycle.txt": "".join(name + "\n" for name in settings["maps"]).encode(),
        "motd.txt": settings.get("message", "").encode(),
    }


def build(job):
    """Makes the content of one overlay. job has settings, directory, limits, previous (annotations) and pause (seconds)."""
    files = content(job.settings)
    key = hashlib.sha256(json.dumps({n: d.hex() for n, d in sorted(files.items())}).encode()).hexdigest()
    if job.previous.get("key") == key and present(job.directory, files):
        yield job.result(key, files, unchanged=True)
        return
    if 0 < job.limits.max_files < len(files) or 0 < job.limits.max_bytes < sum(map(len, files.values())):
        raise Failure("invalid", "The content is larger than this overlay may be.", "Use fewer maps, or raise the limit.")
    total = len(job.settings["maps"])
    for done, name in enumerate(job.settings["maps"], 1):
        yield job.progress("maps", done, total)
        yield job.log("info", "map " + name)
        job.pause(job.settings.get("pause_ms", 0) / 1000)
    write(job.directory, files)
    yield job.result(key, files)


def present(directory, files):
    """Tells whether directory holds just these files."""
    try:
        if sorted(os.listdir(directory)) != sorted(files):
            return False
        for name, data in files.items():
            with open(os.open(os.path.join(directory, name), os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                if file.read() != data:
                    return False
        return True
    except OSError:
        return False


def write(directory, files):
    """Makes files the whole content of directory. A name is replaced, never followed."""
    try:
        for entry in os.scandir(directory):
            if entry.name not in files:
                protocol.remove(entry)
        for name, data in files.items():
            path = os.path.join(directory, name)
            with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
                file.write(data)
            os.replace(path + ".new", path)
    except OSError as error:
        raise Failure("precondition", "The overlay's tree cannot be written: %s." % error.strerror, "Look at the disk and the mounter.") from error


PLUGIN = protocol.Plugin(
    name="overlay-python", version="0.1.0", overlay_schema=OVERLAY_SCHEMA, build=build,
    doc="Makes overlays with a map cycle and a message of the day. An example of a plugin in Python.",
)

if __name__ == "__main__":
    sys.exit(protocol.main(PLUGIN))

"""The left4me plugin protocol, version 1, for builders in Python: written from docs/reference/plugin-protocol.md alone."""

import base64
import grp
import json
import os
import shutil
import signal
import ssl
import stat
import subprocess
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import any_pb2

import schema
from left4me.builder.v1 import builder_pb2 as builder
from left4me.plugin.v1 import plugin_pb2 as plugin

COOKIE = ("LEFT4ME_PLUGIN", "9d2f1c6e4b7a4f0f8f3f6c52d1a0e7b5")
MAX_LINE = 64 << 10
MAX_MESSAGE = 16 << 20
PLUGIN_SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": False}

CODES = {  # of the protocol to those of gRPC, as the reference lists them
    "invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "unauthenticated": grpc.StatusCode.UNAUTHENTICATED,
    "forbidden": grpc.StatusCode.PERMISSION_DENIED,
    "not_found": grpc.StatusCode.NOT_FOUND,
    "conflict": grpc.StatusCode.ALREADY_EXISTS,
    "precondition": grpc.StatusCode.FAILED_PRECONDITION,
    "unavailable": grpc.StatusCode.UNAVAILABLE,
    "canceled": grpc.StatusCode.CANCELLED,
    "internal": grpc.StatusCode.INTERNAL,
}


class Failure(Exception):
    """An error for a person: a code, one sentence, one next step, the pointer of a setting."""

    def __init__(self, code, message, hint="", field=""):
        super().__init__(message)
        self.code, self.message, self.hint, self.field = code, message, hint, field


class Plugin:
    """What a builder is: its description and its build function, a generator of events that ends with a result."""

    def __init__(self, name, version, overlay_schema, build, doc=""):
        self.name, self.version, self.overlay_schema, self.build, self.doc = name, version, overlay_schema, build, doc

    def describe(self):
        return {
            "name": self.name, "version": self.version, "sdk_version": "python", "protocol_major": 1, "protocol_minor": 0,
            "kind": "builder", "plugin_schema": PLUGIN_SCHEMA, "overlay_schema": self.overlay_schema, "doc": self.doc,
        }


class Job:
    """One build, and the events that it may send."""

    def __init__(self, request, settings):
        self.settings, self.directory, self.limits = settings, request.output_dir, request.limits
        self.previous = dict(request.previous_annotations)
        self.canceled, self.ended, self.late = threading.Event(), threading.Event(), False

    def pause(self, seconds):
        """Waits, at most until the build is canceled."""
        self.canceled.wait(seconds)
        self.check()

    def check(self):
        if self.late:
            raise Failure("unavailable", "The build took longer than it may.", "Raise the limit, or pause less.")
        if self.canceled.is_set():
            raise Failure("canceled", "The build was canceled.")

    def expire(self):
        self.late = True
        self.canceled.set()

    def progress(self, phase, done, total):
        return builder.BuildResponse(progress=builder.Progress(phase=phase, unit=builder.Progress.UNIT_STEPS, done=done, total=total))

    def log(self, level, message):
        return builder.BuildResponse(log=builder.Log(level=level, message=message))

    def result(self, key, files, unchanged=False):
        return builder.BuildResponse(result=builder.Result(
            cache_key=key, unchanged=unchanged, files=len(files), bytes=sum(map(len, files.values())), annotations={"key": key}))


class Service:
    """Both services of a builder, and the two that go-plugin asks for."""

    def __init__(self, what, stop):
        self.plugin, self.stop = what, stop
        self.lock = threading.Lock()
        self.configured = self.draining = False
        self.jobs = {}

    # left4me.plugin.v1.PluginService

    def get_info(self, _, context):
        d = self.plugin.describe()
        return plugin.GetInfoResponse(
            name=d["name"], version=d["version"], sdk_version=d["sdk_version"], protocol_minor=0, kind=plugin.KIND_BUILDER,
            plugin_schema=json.dumps(d["plugin_schema"]).encode(), overlay_schema=json.dumps(d["overlay_schema"]).encode(), doc_markdown=d["doc"])

    def configure(self, request, context):
        found = schema.check(PLUGIN_SCHEMA, request.settings_json)
        if not found:
            self.configured = True
        return plugin.ConfigureResponse(diagnostics=diagnostics(found))

    def watch_health(self, _, context):
        ended = threading.Event()
        if not context.add_callback(ended.set):
            return
        yield plugin.WatchHealthResponse(state=plugin.WatchHealthResponse.STATE_HEALTHY)
        ended.wait()

    def drain(self, request, context):
        return plugin.DrainResponse(canceled=self.finish(request.grace.ToTimedelta().total_seconds()))

    def finish(self, grace):
        """Refuses new builds, gives those that run their time, and cancels the rest. Returns how many."""
        with self.lock:
            self.draining = True
            jobs = list(self.jobs.values())
        left = [job for job in jobs if not job.ended.wait(grace)]
        for job in left:
            job.canceled.set()
        for job in left:
            job.ended.wait(2)
        return len(left)

    # left4me.builder.v1.BuilderService

    def ready(self):
        if not self.configured:
            raise Failure("precondition", "The plugin is not configured yet.", "Call Configure first.")
        if self.draining:
            raise Failure("unavailable", "The plugin is shutting down.", "Try again when it has started anew.")

    def validate(self, request, context):
        self.ready()
        return builder.ValidateResponse(diagnostics=diagnostics(schema.check(self.plugin.overlay_schema, request.settings_json)))

    def build(self, request, context):
        self.ready()
        found = schema.check(self.plugin.overlay_schema, request.settings_json)
        if found:
            raise Failure("invalid", found[0].summary, found[0].detail, found[0].pointer)
        job = Job(request, json.loads(request.settings_json or b"{}"))
        with self.lock:
            if request.build_id in self.jobs:
                raise Failure("conflict", "This build runs already.")
            self.jobs[request.build_id] = job
        timer = None
        try:
            context.add_callback(job.canceled.set)
            context.send_initial_metadata(())  # from here on, Cancel finds the build
            limit = request.limits.max_time.ToTimedelta().total_seconds()
            if limit > 0:
                timer = threading.Timer(limit, job.expire)
                timer.daemon = True
                timer.start()
            for number, event in enumerate(self.plugin.build(job), 1):
                event.sequence = number
                yield event
                job.check()
        finally:
            if timer:
                timer.cancel()
            with self.lock:
                del self.jobs[request.build_id]
            job.ended.set()

    def cancel(self, request, context):
        with self.lock:
            job = self.jobs.get(request.build_id)
        if job:
            job.canceled.set()
            job.ended.wait(5)
        return builder.CancelResponse(existed=job is not None)

    def forget(self, request, context):
        self.ready()
        return builder.ForgetResponse()  # nothing is kept

    # go-plugin

    def shutdown(self, _, context):
        self.stop.set()
        return b""

    def health(self, _, context):
        return b"\x08\x01"  # grpc.health.v1.HealthCheckResponse{status: SERVING}


def diagnostics(found):
    return [plugin.Diagnostic(severity=plugin.Diagnostic.SEVERITY_ERROR, code=f.code, summary=f.summary, detail=f.detail, pointer=f.pointer) for f in found]


def status_details(failure):
    """google.rpc.Status with an ErrorDetail, by hand: Debian has no Python package of it."""
    detail = any_pb2.Any()
    detail.Pack(plugin.ErrorDetail(code=failure.code, message=failure.message, hint=failure.hint, field=failure.field))
    out = b"\x08" + varint(CODES[failure.code].value[0])
    for tag, data in ((b"\x12", failure.message.encode()), (b"\x1a", detail.SerializeToString())):
        out += tag + varint(len(data)) + data
    return out


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def guarded(method, streaming):
    """Turns failures of a method into what crosses the wire."""

    def abort(context, failure):
        context.set_trailing_metadata((("grpc-status-details-bin", status_details(failure)),))
        context.abort(CODES[failure.code], failure.message)

    def unary(request, context):
        try:
            return method(request, context)
        except Failure as failure:
            abort(context, failure)

    def stream(request, context):
        try:
            yield from method(request, context)
        except Failure as failure:
            abort(context, failure)

    return stream if streaming else unary


def handlers(service):
    """The methods that are served, by service."""

    def rpc(method, request=None, streaming=False):
        make = grpc.unary_stream_rpc_method_handler if streaming else grpc.unary_unary_rpc_method_handler
        read = request.FromString if request else None
        write = (lambda message: message.SerializeToString()) if request else None
        return make(guarded(method, streaming), request_deserializer=read, response_serializer=write)

    yield grpc.method_handlers_generic_handler("left4me.plugin.v1.PluginService", {
        "GetInfo": rpc(service.get_info, plugin.GetInfoRequest),
        "Configure": rpc(service.configure, plugin.ConfigureRequest),
        "WatchHealth": rpc(service.watch_health, plugin.WatchHealthRequest, streaming=True),
        "Drain": rpc(service.drain, plugin.DrainRequest),
    })
    yield grpc.method_handlers_generic_handler("left4me.builder.v1.BuilderService", {
        "Validate": rpc(service.validate, builder.ValidateRequest),
        "Build": rpc(service.build, builder.BuildRequest, streaming=True),
        "Cancel": rpc(service.cancel, builder.CancelRequest),
        "Forget": rpc(service.forget, builder.ForgetRequest),
    })
    yield grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": rpc(service.shutdown)})
    yield grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": rpc(service.health)})


def launch_line():
    """Reads the launch line from descriptor 0, byte by byte so that nothing behind it is lost. Returns its variables."""
    if stat.S_ISCHR(os.fstat(0).st_mode):
        return None  # a terminal or /dev/null: a person
    line = b""
    while not line.endswith(b"\n") and len(line) < MAX_LINE:
        byte = os.read(0, 1)
        if not byte:
            return None
        line += byte
    try:
        document = json.loads(line)
        if document["left4me_launch"] != 1:
            return None
        return {k: v for k, v in document["env"].items() if k.startswith("PLUGIN_") or k == COOKIE[0]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def own_certificate():
    """Makes a key and a certificate for localhost, which live as long as the process."""
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "-", "-out", "-"],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    begin = made.index("-----BEGIN CERTIFICATE-----")
    return made[:begin].encode(), made[begin:].encode()


def serve(what, env):
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    service = Service(what, stop)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), handlers=tuple(handlers(service)), options=[
        ("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)])
    path = os.path.join(env.get("PLUGIN_UNIX_SOCKET_DIR") or "/run", "python-%d.sock" % os.getpid())
    shown = ""
    if env.get("PLUGIN_CLIENT_CERT"):
        key, certificate = own_certificate()
        shown = base64.b64encode(ssl.PEM_cert_to_DER_cert(certificate.decode())).decode().rstrip("=")
        server.add_secure_port("unix:" + path, grpc.ssl_server_credentials(
            [(key, certificate)], root_certificates=env["PLUGIN_CLIENT_CERT"].encode(), require_client_auth=True))
    else:
        server.add_insecure_port("unix:" + path)
    server.start()
    group = env.get("PLUGIN_UNIX_SOCKET_GROUP")
    if group:
        os.chown(path, -1, int(group) if group.isdigit() else grp.getgrnam(group).gr_gid)
        os.chmod(path, 0o660)
    os.write(1, ("1|1|unix|%s|grpc|%s\n" % (path, shown)).encode())
    host = os.dup(0)
    os.dup2(2, 1)  # prints reach the log, never the host's handshake
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # children do not hold the host's pipe

    def watch():
        while os.read(host, 4096):
            pass
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    stop.wait()
    service.finish(0)
    server.stop(1).wait()
    if os.path.exists(path):
        os.unlink(path)
    return 0


def remove(entry):
    """Removes what a directory holds, following nothing."""
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)


def main(what):
    if sys.argv[1:] == ["describe"]:
        print(json.dumps(what.describe(), indent=2))
        return 0
    env = launch_line()
    if env is None or env.get(COOKIE[0]) != COOKIE[1]:
        print('This program is a left4me plugin: the left4me agent starts it. Run it with "describe" to see what it does.', file=sys.stderr)
        return 1
    return serve(what, env)

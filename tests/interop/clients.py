"""The NETCONF clients that people use, behind one small face.

Each adapter uses its client the way the client's own documentation does; nothing
is patched. A refused request raises `Refused` with the reply's error-tag.
"""

import asyncio
import os
import pathlib
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time

from lxml import etree
from netconf_client.connect import connect_ssh
from netconf_client.error import RpcError
from netconf_client.ncclient import Manager
from ncclient.operations.rpc import RPCError
from ncclient.xml_ import to_ele
from scrapli_netconf.driver import AsyncNetconfDriver, NetconfDriver

from harness import BASE, NOTIFICATION, PATIENCE, Failure, clean, expect, leaf, now


class Refused(Exception):
    """The server answered with an rpc-error."""

    def __init__(self, tag, text):
        super().__init__(f"{tag}: {text}")
        self.tag = tag


def refused(xml):
    """The exception for a reply that holds an rpc-error."""
    root = etree.fromstring(xml.encode() if isinstance(xml, str) else xml)
    return Refused(root.findtext(f".//{{{BASE}}}error-tag"), root.findtext(f".//{{{BASE}}}error-message"))


def subscription(stream, start=None, stop=None):
    return (
        f'<create-subscription xmlns="{NOTIFICATION}"><stream>{stream}</stream>'
        f"{leaf('startTime', start)}{leaf('stopTime', stop)}</create-subscription>"
    )


class Ncclient:
    """ncclient, the Python client that most tools are built on."""

    name = "ncclient"
    notifies = True

    def __init__(self, server):
        self.session = server.connect(key_filename=None, password=server.password)

    def edit(self, config):
        self._call(lambda: self.session.edit_config(target="running", config=config))

    def rpc(self, operation):
        return self._call(lambda: self.session.dispatch(to_ele(operation))).xml

    def get(self, path):
        return etree.fromstring(self._call(lambda: self.session.get(filter=("xpath", path))).data_xml.encode())

    def subscribe(self, stream, start=None, stop=None):
        self._call(lambda: self.session.create_subscription(stream_name=stream, start_time=start, stop_time=stop))

    def next(self, timeout):
        taken = self.session.take_notification(block=True, timeout=timeout)
        return None if taken is None else clean(taken.notification_xml)

    def close(self):
        self.session.close_session()

    @staticmethod
    def _call(request):
        try:
            return request()
        except RPCError as error:
            raise Refused(getattr(error, "tag", None), str(error)) from error


class NetconfClient:
    """netconf-client: chunked framing only, strict about every octet, matches replies by order."""

    name = "netconf-client"
    notifies = True

    def __init__(self, server):
        session = connect_ssh(
            host=server.host, port=server.port, username=server.user, password=server.password, initial_timeout=20
        )
        self.session = Manager(session, timeout=PATIENCE)

    def edit(self, config):
        self._call(lambda: self.session.edit_config(config, target="running"))

    def rpc(self, operation):
        reply = self._call(lambda: self.session.dispatch(operation)).xml
        return reply.decode() if isinstance(reply, bytes) else reply

    def get(self, path):
        wanted = f"<filter type=\"xpath\" select='{path}'/>"
        return self._call(lambda: self.session.get(filter=wanted)).data_ele

    def subscribe(self, stream, start=None, stop=None):
        self._call(lambda: self.session.create_subscription(stream=stream, start_time=start, stop_time=stop))

    def next(self, timeout):
        taken = self.session.take_notification(timeout=timeout)
        return None if taken is None else clean(taken.notification_xml)

    def close(self):
        self.session.close_session()

    @staticmethod
    def _call(request):
        try:
            return request()
        except RpcError as error:
            raise Refused(getattr(error, "tag", None), str(error)) from error


class OpenSsh:
    """OpenSSH's `ssh -s`, with framing done here to the letter of RFC 6242."""

    notifies = True
    version = "1.1"

    def __init__(self, server, version=None):
        self.version = version or self.version
        self.process = subprocess.Popen(
            [
                "ssh", "-F", "/dev/null", "-p", str(server.port), "-i", server.key,
                "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR",
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-s", f"{server.user}@{server.host}", "netconf",
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.buffer = b""
        self.chunked = False
        self.count = 0
        # Every message after the hello, in the order it came.
        self.arrived = []
        self.replies, self.notifications = queue.Queue(), queue.Queue()
        self.hello = self._message().decode()
        expect("<hello" in self.hello, f"no hello: {self.hello!r}")
        self._write(
            f'<hello xmlns="{BASE}"><capabilities><capability>urn:ietf:params:netconf:base:{self.version}</capability>'
            "</capabilities></hello>"
        )
        self.chunked = self.version == "1.1"
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, operation):
        """Sends a request without waiting; returns its message-id."""
        self.count += 1
        self._write(f'<rpc xmlns="{BASE}" message-id="{self.count}">{operation}</rpc>')
        return str(self.count)

    def receive(self):
        """The next reply."""
        try:
            reply = self.replies.get(timeout=PATIENCE)
        except queue.Empty:
            raise Failure(f"no reply within {PATIENCE} s") from None
        if reply is None:
            raise Failure(f"the session ended: {self.process.stderr.read(500)!r}")
        return reply

    def rpc(self, operation):
        wanted = self.send(operation)
        reply = self.receive()
        expect(f'message-id="{wanted}"' in reply, f"reply to {wanted}: {reply[:200]}")
        if "<rpc-error>" in reply:
            raise refused(reply)
        return reply

    def edit(self, config):
        self.rpc(f"<edit-config><target><running/></target>{config}</edit-config>")

    def get(self, path):
        reply = self.rpc(f"<get><filter type=\"xpath\" select='{path}'/></get>")
        return etree.fromstring(reply.encode()).find(f"{{{BASE}}}data")

    def subscribe(self, stream, start=None, stop=None):
        before = len(self.arrived)
        self.rpc(subscription(stream, start, stop))
        first = self.arrived[before]
        expect("<ok/>" in first, f"a notification stands before the <ok/>: {first[:200]}")

    def next(self, timeout):
        try:
            return self.notifications.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self):
        try:
            expect("<ok/>" in self.rpc("<close-session/>"), "close-session without <ok/>")
            code = self.process.wait(10)
            expect(code == 0, f"ssh ended with {code}")
        finally:
            self.process.kill()
            self.process.wait()

    def _write(self, text):
        data = text.encode()
        framed = b"\n#%d\n%s\n##\n" % (len(data), data) if self.chunked else data + b"\n]]>]]>\n"
        self.process.stdin.write(framed)
        self.process.stdin.flush()

    def _more(self):
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            raise EOFError
        self.buffer += data

    def _message(self):
        if not self.chunked:
            while b"]]>]]>" not in self.buffer:
                self._more()
            message, _, self.buffer = self.buffer.partition(b"]]>]]>")
            return message
        message = b""
        while True:
            while not (header := re.match(rb"\n#(#|[1-9][0-9]{0,9})\n", self.buffer)):
                if len(self.buffer) > 13:
                    raise Failure(f"no chunk header: {self.buffer[:40]!r}")
                self._more()
            self.buffer = self.buffer[header.end() :]
            if header[1] == b"#":
                return message
            size = int(header[1])
            while len(self.buffer) < size:
                self._more()
            chunk, self.buffer = self.buffer[:size], self.buffer[size:]
            chunk.decode()  # a chunk never splits a character
            message += chunk

    def _read(self):
        try:
            while True:
                text = clean(self._message())
                self.arrived.append(text)
                (self.notifications if "<notification" in text[:40] else self.replies).put(text)
        except (EOFError, ValueError):
            self.replies.put(None)
        except Exception as error:  # shown by whoever waits
            self.replies.put(f"<broken>{error}</broken>")


class OpenSsh11(OpenSsh):
    name = "OpenSSH, base:1.1"
    version = "1.1"


class OpenSsh10(OpenSsh):
    name = "OpenSSH, base:1.0"
    version = "1.0"


class NetconfConsole2:
    """netconf-console2, one process for each request, as at a shell prompt."""

    name = "netconf-console2"
    notifies = True

    def __init__(self, server):
        self.command = [
            str(pathlib.Path(sys.executable).with_name("netconf-console2")),
            "--host", server.host, "--port", str(server.port), "-u", server.user, "-p", server.password,
            "-r", str(PATIENCE),
        ]
        self.folder = tempfile.TemporaryDirectory(prefix="lifeline-nc2-")
        self.listener = None
        self.count = 0
        self.notifications = queue.Queue()

    def run(self, *arguments):
        done = subprocess.run(
            [*self.command, *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE + 20, check=False,
        )
        if done.returncode != 0:
            if "rpc-error" in done.stdout:
                raise refused(re.sub(r"^\s*<\?xml[^>]*\?>", "", done.stdout))
            raise Failure(f"netconf-console2 {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def _file(self, content):
        self.count += 1
        path = pathlib.Path(self.folder.name) / f"{self.count}.xml"
        path.write_text(content)
        return str(path)

    def edit(self, config):
        # The file holds what stands inside <config>.
        inner = etree.fromstring(config)[0]
        self.run("--edit-config", self._file(etree.tostring(inner).decode()), "--db", "running")

    def rpc(self, operation):
        return self.run("--rpc", self._file(operation))

    def get(self, path):
        return etree.fromstring(self.run("--get", "-x", path).encode())

    def subscribe(self, stream, start=None, stop=None):
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if start is None:
            arguments, script = ["--create-subscription", stream, "--sleep", "600"], None
        else:
            # Its create-subscription knows no startTime, and --rpc prints no notifications; one that
            # is refused still starts the printing.
            arguments = ["-i"]
            script = f"create-subscription no-such-stream\nrpc {self._file(subscription(stream, start, stop))}\nsleep 600\n"
        self.listener = subprocess.Popen(
            [*self.command, *arguments],
            stdin=subprocess.DEVNULL if script is None else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
        )
        if script:
            self.listener.stdin.write(script.encode())
            self.listener.stdin.close()
        self.accepted = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        expect(self.accepted.wait(PATIENCE), "netconf-console2: no <ok/> to create-subscription")

    def _read(self):
        text = ""
        while data := os.read(self.listener.stdout.fileno(), 65536):
            text += data.decode()
            if re.search(r"<(\w+:)?ok\b", text):
                self.accepted.set()
            while match := re.search(r"<notification\b.*?</notification>", text, re.S):
                self.notifications.put(clean(match[0]))
                text = text[: match.start()] + text[match.end() :]

    def next(self, timeout):
        try:
            return self.notifications.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self):
        if self.listener:
            self.listener.kill()
            self.listener.wait()
        self.folder.cleanup()


class Scrapli:
    """scrapli over one of its transports; it knows no notifications."""

    notifies = False
    transport = "system"
    version = None

    def __init__(self, server):
        arguments = {
            "host": server.host, "port": server.port, "auth_username": server.user, "auth_strict_key": False,
            "transport": self.transport, "timeout_ops": PATIENCE, "preferred_netconf_version": self.version,
        }
        if self.transport == "system":
            arguments["auth_private_key"] = server.key
        else:
            arguments["auth_password"] = server.password
        self.driver = NetconfDriver(**arguments)
        self.driver.open()

    def edit(self, config):
        self._check(self.driver.edit_config(config=config, target="running"))

    def rpc(self, operation):
        return self._check(self.driver.rpc(filter_=operation)).result

    def get(self, path):
        reply = self._check(self.driver.get(filter_=path, filter_type="xpath"))
        return reply.xml_result.find(f"{{{BASE}}}data")

    def close(self):
        self.driver.close()

    @staticmethod
    def _check(reply):
        if reply.failed:
            raise refused(reply.result)
        return reply


class ScrapliSystem(Scrapli):
    name = "scrapli, OpenSSH with a pty"


class ScrapliSystem10(Scrapli):
    name = "scrapli, OpenSSH with a pty, base:1.0"
    version = "1.0"


class ScrapliParamiko(Scrapli):
    name = "scrapli, paramiko"
    transport = "paramiko"


class ScrapliSsh2(Scrapli):
    name = "scrapli, libssh2"
    transport = "ssh2"


class ScrapliAsyncssh(Scrapli):
    """The asynchronous driver over asyncssh."""

    name = "scrapli, asyncssh"

    def __init__(self, server):
        self.loop = asyncio.new_event_loop()
        self.driver = AsyncNetconfDriver(
            host=server.host, port=server.port, auth_username=server.user, auth_password=server.password,
            auth_strict_key=False, transport="asyncssh", timeout_ops=PATIENCE,
        )
        self._run(self.driver.open())

    def _run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def edit(self, config):
        self._check(self._run(self.driver.edit_config(config=config, target="running")))

    def rpc(self, operation):
        return self._check(self._run(self.driver.rpc(filter_=operation))).result

    def get(self, path):
        reply = self._check(self._run(self.driver.get(filter_=path, filter_type="xpath")))
        return reply.xml_result.find(f"{{{BASE}}}data")

    def close(self):
        self._run(self.driver.close())
        self.loop.close()


class OwnCommands:
    """The binary's own `get`, `edit` and `watch`, which speak over libssh2."""

    name = "lifeline's own commands, libssh2"
    notifies = True
    # `watch` keeps the marks of a replay to itself.
    marks = False

    def __init__(self, server):
        self.server = server
        self.options = ["--port", str(server.port), "--user", server.user]
        self.environment = {**os.environ, "LIFELINE_PASSWORD": server.password}
        self.watcher = None
        self.notifications = queue.Queue()

    def run(self, *arguments, stdin=""):
        done = subprocess.run(
            [self.server.binary, *arguments, *self.options], env=self.environment,
            input=stdin, capture_output=True, text=True, timeout=PATIENCE + 20, check=False,
        )
        expect(done.returncode == 0, f"lifeline {arguments}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def edit(self, config):
        self.run("edit", "-", stdin=config)

    def rpc(self, operation):
        # It sends no operations that it does not know; faults of the simulated VIM are such.
        with self.server.session() as session:
            return session.dispatch(to_ele(operation)).xml

    def get(self, path):
        reply = self.run("get", "--format", "raw", "--xpath", path)
        return etree.fromstring(clean(reply).encode()).find(f"{{{BASE}}}data")

    def subscribe(self, stream, start=None, stop=None):
        self.watcher = subprocess.Popen(
            [self.server.binary, "watch", "--xml", "--stream", stream, "--since", start or now(), *self.options],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.watcher.stdout:
            self.notifications.put(clean(line))

    def next(self, timeout):
        try:
            return self.notifications.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self):
        if self.watcher:
            self.watcher.kill()
            self.watcher.wait()


ALL = [
    Ncclient,
    NetconfConsole2,
    OpenSsh11,
    OpenSsh10,
    NetconfClient,
    ScrapliSystem,
    ScrapliSystem10,
    ScrapliParamiko,
    ScrapliSsh2,
    ScrapliAsyncssh,
    OwnCommands,
]


def wait_notification(client, timeout=PATIENCE):
    """The next notification, or a failure."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        raw = client.next(min(1.0, timeout))
        if raw is not None:
            return raw
    raise Failure(f"no notification within {timeout} s")

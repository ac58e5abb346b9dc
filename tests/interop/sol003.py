"""ETSI SOL003: a VNF's whole life over HTTP, its subscribers, restarts, and the same story on NETCONF.

The first part speaks HTTP itself; `tacker` runs python-tackerclient. Each check has
a server of its own.
"""

import base64
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import harness as h

GROUP = """
<networks><network><name>net0</name><shared>false</shared><subnet><name>sub0</name>
<address>192.0.2.0</address><netmask>255.255.255.0</netmask></subnet></network></networks>
<vm_group><name>g1</name><image>${image}</image><flavor>m1.tiny</flavor>
<bootup_time>30</bootup_time><recovery_wait_time>0</recovery_wait_time>
<recovery_policy><recovery_type>AUTO</recovery_type>
<action_on_recovery>REBOOT_THEN_REDEPLOY</action_on_recovery><max_retries>3</max_retries></recovery_policy>
<interfaces><interface><nicid>0</nicid><network>net0</network></interface></interfaces>
<kpi_data><kpi><event_name>VM_ALIVE</event_name><metric_value>1</metric_value><metric_cond>GT</metric_cond>
<metric_type>UINT32</metric_type><metric_collector><type>ICMPPing</type><nicid>0</nicid>
<poll_frequency>1</poll_frequency><polling_unit>seconds</polling_unit>
<continuous_alarm>false</continuous_alarm></metric_collector></kpi></kpi_data>
<rules><admin_rules><rule><event_name>VM_ALIVE</event_name><action>"ALWAYS log"</action>
<action>"FALSE recover autohealing"</action></rule></admin_rules></rules>
<scaling><min_active>1</min_active><max_active>3</max_active></scaling></vm_group>
"""
TEMPLATE = f"""<config xmlns="{h.BASE}"><esc_datamodel xmlns="{h.ESC}">
<vnf-templates xmlns="{h.LIFELINE}"><vnf-template><vnfd-id>edge</vnfd-id><provider>acme</provider>
<product-name>edge</product-name><software-version>7</software-version><flavour-id>default</flavour-id>
<variable><name>image</name><default>cirros</default></variable>
<deployment><![CDATA[{GROUP}]]></deployment></vnf-template></vnf-templates></esc_datamodel></config>"""
CONFIG = '[sol003]\ncallbacks = ["127.0.0.1"]\nretry-base-ms = 100\nretry-max-ms = 500\n'


class Api:
    """Speaks the interface."""

    def __init__(self, server, major="v2"):
        self.root = f"http://127.0.0.1:{server.http}/vnflcm/{major}"
        self.version = {"v1": "1.3.0", "v2": "2.0.0"}[major]
        word = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
        self.authorization = f"Basic {word}"

    def call(self, method, path, body=None, **headers):
        """Status, headers, JSON or None."""
        url = path if path.startswith("http") else self.root + path
        wanted = {"Version": self.version, "Accept": "application/json", "Authorization": self.authorization}
        if body is not None:
            wanted["Content-Type"] = "application/json"
        wanted.update({name.replace("_", "-"): value for name, value in headers.items()})
        data = None if body is None else json.dumps(body).encode()
        wanted = {name: value for name, value in wanted.items() if value is not None}
        request = urllib.request.Request(url, data, wanted, method=method)
        try:
            with OPENER.open(request, timeout=30) as answer:
                status, got, raw = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, got, raw = error.code, error.headers, error.read()
        value = json.loads(raw) if raw else None
        if status >= 400 and "/oauth2/" not in url:
            h.expect_equal(got["Content-Type"], "application/problem+json", f"{method} {path}: {status}")
            h.expect_equal((value["status"], bool(value["detail"])), (status, True), f"{method} {path}: problem")
        return status, got, value

    def ok(self, status, method, path, body=None, **headers):
        """Headers and JSON of an answer that must have that status."""
        got, head, value = self.call(method, path, body, **headers)
        h.expect_equal(got, status, f"{method} {path}: {value}")
        return head, value

    def create(self, **more):
        """A new instance's id."""
        return self.ok(201, "POST", "/vnf_instances", {"vnfdId": "edge", **more})[1]["id"]

    def begin(self, instance, task, body):
        """Begins a task and returns the occurrence's id."""
        head, _ = self.ok(202, "POST", f"/vnf_instances/{instance}/{task}", body)
        return head["Location"].rsplit("/", 1)[1]

    def occurrence(self, op):
        return self.ok(200, "GET", f"/vnf_lcm_op_occs/{op}")[1]

    def reaches(self, op, *states):
        """Waits for one of these states and returns the occurrence."""
        def there():
            occurrence = self.occurrence(op)
            return occurrence if occurrence["operationState"] in states else None
        return h.until(there, f"{op} reaches {states}")

    def instantiate(self, instance, **more):
        return self.begin(instance, "instantiate", {"flavourId": "default", **more})


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Shows a 303 instead of following it."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


class Receiver:
    """A subscriber's endpoint; `refuse` answers 503."""

    def __init__(self, port=0):
        self.got, self.refused, self.refuse = [], 0, False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(204)
                self.end_headers()

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if outer.refuse:
                    outer.refused += 1
                    self.send_response(503)
                else:
                    outer.got.append(body)
                    self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def uri(self):
        return f"http://127.0.0.1:{self.port}/notify"

    def words(self):
        """What came, in short."""
        return [word(it) for it in self.got]


def word(notification):
    kind = notification["notificationType"]
    if kind != "VnfLcmOperationOccurrenceNotification":
        return kind.removeprefix("VnfIdentifier").removesuffix("Notification")
    return f"{notification['operation']} {notification['operationState']}"


@contextlib.contextmanager
def serving(server, config=CONFIG):
    """A server with a template and SOL003."""
    server.config, server.http = config, 0
    server.add_users()
    server.start()
    with server.session() as session:
        session.edit_config(target="running", config=TEMPLATE)
    yield Api(server)


def inject(server, fault, vm=None, times=1):
    """Makes something go wrong in the simulated VIM."""
    target = f"<vm-name>{vm}</vm-name>" if vm else ""
    with server.session() as session:
        session.dispatch(h.etree.fromstring(
            f'<inject xmlns="{h.SIM}">{target}<fault>{fault}</fault><times>{times}</times>'
            "<message>VIM Driver: no valid host</message></inject>"
        ))


def check_life(server):
    """create, instantiate, heal, scale, operate, modify, terminate, delete."""
    with serving(server) as api:
        instance = api.create(vnfInstanceName="one", metadata={"tenant": "ttt", "deployment": "d1"})
        _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
        h.expect_equal(shown["instantiationState"], "NOT_INSTANTIATED", "state")
        h.expect_equal((shown["vnfProvider"], shown["vnfSoftwareVersion"]), ("acme", "7"), "template")
        api.ok(409, "POST", f"/vnf_instances/{instance}/terminate", {"terminationType": "FORCEFUL"})
        op = api.instantiate(instance, additionalParams={"image": "cirros"})
        api.ok(409, "POST", f"/vnf_instances/{instance}/terminate", {"terminationType": "FORCEFUL"})
        done = api.reaches(op, "COMPLETED", "FAILED_TEMP")
        h.expect_equal(done["operationState"], "COMPLETED", f"{done.get('error')}")
        h.expect_equal(done["operationParams"]["flavourId"], "default", "params")
        added = done["resourceChanges"]["affectedVnfcs"]
        h.expect_equal([it["changeType"] for it in added], ["ADDED"], "affected")
        _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
        info = shown["instantiatedVnfInfo"]
        h.expect_equal((shown["instantiationState"], info["vnfState"]), ("INSTANTIATED", "STARTED"), "state")
        vnfc = info["vnfcResourceInfo"][0]
        h.expect_equal(vnfc["computeResource"]["resourceId"], added[0]["computeResource"]["resourceId"], "VM")
        api.ok(409, "DELETE", f"/vnf_instances/{instance}")
        op = api.begin(instance, "heal", {"vnfcInstanceId": [vnfc["id"]], "cause": "test"})
        healed = api.reaches(op, "COMPLETED", "FAILED_TEMP")
        h.expect_equal((healed["operation"], healed["isAutomaticInvocation"]), ("HEAL", False), "heal")
        h.expect_equal(healed["operationState"], "COMPLETED", f"{healed}")
        op = api.begin(instance, "scale", {"type": "SCALE_OUT", "aspectId": "g1"})
        h.expect_equal(api.reaches(op, "COMPLETED", "FAILED_TEMP")["operationState"], "COMPLETED", "scale")
        api.ok(422, "POST", f"/vnf_instances/{instance}/scale",
               {"type": "SCALE_OUT", "aspectId": "g1", "numberOfSteps": 9})
        op = api.begin(instance, "scale_to_level", {"scaleInfo": [{"aspectId": "g1", "scaleLevel": 1}]})
        h.expect_equal(api.reaches(op, "COMPLETED", "FAILED_TEMP")["operationState"], "COMPLETED", "level")
        for state, word_ in (("STOPPED", "STOPPED"), ("STARTED", "STARTED")):
            op = api.begin(instance, "operate", {"changeStateTo": state})
            h.expect_equal(api.reaches(op, "COMPLETED", "FAILED_TEMP")["operationState"], "COMPLETED", state)
            _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
            h.expect_equal(shown["instantiatedVnfInfo"]["vnfState"], word_, "vnfState")
        head, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
        api.ok(412, "PATCH", f"/vnf_instances/{instance}", {"vnfInstanceName": "x"}, If_Match='"old"')
        head, _ = api.ok(202, "PATCH", f"/vnf_instances/{instance}", {"vnfInstanceName": "two"},
                         If_Match=head["ETag"], Content_Type="application/merge-patch+json")
        changed = api.occurrence(head["Location"].rsplit("/", 1)[1])
        h.expect_equal(changed["changedInfo"], {"vnfInstanceName": "two"}, "changedInfo")
        for task in ("change_flavour", "change_ext_conn", "change_vnfpkg", "create_snapshot"):
            api.ok(404, "POST", f"/vnf_instances/{instance}/{task}", {})
        op = api.begin(instance, "terminate", {"terminationType": "GRACEFUL"})
        h.expect_equal(api.reaches(op, "COMPLETED", "FAILED_TEMP")["operationState"], "COMPLETED", "terminate")
        _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
        h.expect_equal(shown["instantiationState"], "NOT_INSTANTIATED", "state")
        api.ok(204, "DELETE", f"/vnf_instances/{instance}")
        api.ok(404, "GET", f"/vnf_instances/{instance}")
        query = urllib.parse.quote("(eq,operation,HEAL);(eq,operationState,COMPLETED)")
        _, found = api.ok(200, "GET", f"/vnf_lcm_op_occs?filter={query}")
        h.expect_equal([it["id"] for it in found], [healed["id"]], "filter")
        h.expect("resourceChanges" not in found[0], "left out by default")


def check_errors(server):
    """FAILED_TEMP: retry, rollback, fail; cancel; what is refused in which state."""
    with serving(server) as api:
        def failing(name):
            instance = api.create(metadata={"tenant": "ttt", "deployment": name})
            inject(server, "create-fails")
            op = api.instantiate(instance)
            failed = api.reaches(op, "FAILED_TEMP", "COMPLETED")
            h.expect_equal(failed["operationState"], "FAILED_TEMP", name)
            h.expect("no valid host" in failed["error"]["detail"], f"the VIM's words: {failed['error']}")
            h.expect("operation" in failed["error"]["detail"], f"the VIM's record: {failed['error']}")
            h.expect_equal(sorted(set(failed["_links"]) - {"self", "vnfInstance"}),
                           ["fail", "retry", "rollback"], "links")
            return instance, op

        instance, op = failing("retry")
        api.ok(409, "POST", f"/vnf_instances/{instance}/heal", {})
        # The client sends no body and no media type.
        api.ok(202, "POST", f"/vnf_lcm_op_occs/{op}/retry")
        h.expect("error" not in api.reaches(op, "COMPLETED"), "an error after a good end")
        for task in ("retry", "rollback", "fail"):
            api.ok(409, "POST", f"/vnf_lcm_op_occs/{op}/{task}")
        api.ok(409, "POST", f"/vnf_lcm_op_occs/{op}/cancel", {"cancelMode": "GRACEFUL"})

        instance, op = failing("rollback")
        api.ok(202, "POST", f"/vnf_lcm_op_occs/{op}/rollback")
        h.expect_equal(api.reaches(op, "ROLLED_BACK", "FAILED_TEMP")["operationState"], "ROLLED_BACK", "rollback")
        api.ok(204, "DELETE", f"/vnf_instances/{instance}")

        instance, op = failing("fail")
        _, failed = api.ok(200, "POST", f"/vnf_lcm_op_occs/{op}/fail")
        h.expect_equal(failed["operationState"], "FAILED", "fail")
        # It never came to be, and nothing of it stays.
        _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
        h.expect_equal(shown["instantiationState"], "NOT_INSTANTIATED", "after fail")
        api.ok(409, "POST", f"/vnf_instances/{instance}/terminate", {"terminationType": "FORCEFUL"})
        api.ok(204, "DELETE", f"/vnf_instances/{instance}")
        with server.session() as session:
            h.expect("<name>fail</name>" not in session.get_config("running").data_xml, "it is still configured")

        # A NETCONF user's clean-up is never in the way of what rests, nor that of it.
        instance, op = failing("netconf")
        with server.session() as session:
            session.edit_config(target="running", config=removal("netconf"))
        h.expect_equal(api.reaches(op, "FAILED")["operationState"], "FAILED", "given up")
        h.until(lambda: api.call("DELETE", f"/vnf_instances/{instance}")[0] == 204, "deleted")

        # Cancelled: it rests, and is taken back.
        instance = api.create(metadata={"tenant": "ttt", "deployment": "cancel"})
        op = api.instantiate(instance)
        status, _, _ = api.call("POST", f"/vnf_lcm_op_occs/{op}/cancel", {"cancelMode": "FORCEFUL"})
        h.expect(status in (202, 409), f"cancel: {status}")
        end = api.reaches(op, "FAILED_TEMP", "ROLLED_BACK", "COMPLETED")
        if status == 202:
            h.expect(end["operationState"] != "COMPLETED", f"{end}")
            h.expect_equal((end["isCancelPending"], end.get("cancelMode")), (False, None), "cancel pending")
        if end["operationState"] == "FAILED_TEMP":
            api.ok(202, "POST", f"/vnf_lcm_op_occs/{op}/rollback")
            api.reaches(op, "ROLLED_BACK")
        # A lock of NETCONF is a conflict.
        instance = api.create(metadata={"tenant": "ttt", "deployment": "locked"})
        with server.session() as session:
            session.lock("running")
            api.ok(409, "POST", f"/vnf_instances/{instance}/instantiate", {"flavourId": "default"})
            session.unlock("running")
        # What a template cannot give.
        api.ok(422, "POST", f"/vnf_instances/{instance}/instantiate", {"flavourId": "other"})
        api.ok(422, "POST", f"/vnf_instances/{instance}/instantiate",
               {"flavourId": "default", "additionalParams": {"image": ["x"]}})
        api.ok(400, "POST", f"/vnf_instances/{instance}/instantiate", {})
        api.ok(422, "POST", "/vnf_instances", {"vnfdId": "nothing"})
        api.ok(400, "POST", "/vnf_instances", {"vnfdId": 7})


def removal(name):
    return (f'<config xmlns="{h.BASE}" xmlns:nc="{h.BASE}"><esc_datamodel xmlns="{h.ESC}"><tenants><tenant>'
            f'<name>ttt</name><deployments><deployment nc:operation="delete"><name>{name}</name></deployment>'
            "</deployments></tenant></tenants></esc_datamodel></config>")


def check_http(server):
    """Versions, media types, methods, authentication, pages, and what is no filter."""
    with serving(server) as api:
        _, versions = api.ok(200, "GET", f"http://127.0.0.1:{server.http}/vnflcm/api_versions", Version=None)
        h.expect_equal([it["version"] for it in versions["apiVersions"]], ["1.3.0", "2.0.0"], "versions")
        head, _ = api.ok(200, "GET", "/vnf_instances")
        h.expect_equal(head["Version"], "2.0.0", "Version of the answer")
        for wanted, headers in (
            (400, {"Version": None}),
            (406, {"Version": "9.9.9"}),
            (406, {"Accept": "text/xml"}),
            (401, {"Authorization": None}),
            (401, {"Authorization": "Basic " + base64.b64encode(b"operator:wrong").decode()}),
            (401, {"Authorization": "Bearer nonsense"}),
            (401, {"Authorization": "Digest x"}),
        ):
            head, _ = api.ok(wanted, "GET", "/vnf_instances", **headers)
            h.expect((wanted == 401) == ("WWW-Authenticate" in head), f"{headers}")
        head, _ = api.ok(405, "PUT", "/vnf_instances", {})
        h.expect_equal(head["Allow"], "GET, POST", "Allow")
        Api(server, "v1").ok(200, "GET", "/vnf_instances", Version=None)
        api.ok(405, "GET", "/vnf_instances/x/heal")
        api.ok(404, "GET", "/no_such_thing")
        api.ok(404, "GET", "/vnf_instances/x")
        api.ok(415, "POST", "/vnf_instances", {"vnfdId": "edge"}, Content_Type="text/plain")
        for number in range(5):
            api.create(vnfInstanceName=f"n{number}")
        for query in ("filter=x", "filter=(eq,nothing,1)", "all_fields&fields=id", "nextpage_opaque_marker=!", "x=1"):
            api.ok(400, "GET", f"/vnf_instances?{query}")
        _, found = api.ok(200, "GET", "/vnf_instances?filter=" + urllib.parse.quote("(eq,vnfInstanceName,n3)"))
        h.expect_equal(len(found), 1, "filter")
        _, found = api.ok(200, "GET", "/vnf_instances?fields=vnfInstanceName")
        h.expect("vnfInstanceName" in found[0] and "vnfInstanceDescription" not in found[0], "fields")
        # A token of our own endpoint.
        url = f"http://127.0.0.1:{server.http}/oauth2/token"
        form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
        request = urllib.request.Request(url, form, {"Authorization": api.authorization})
        token = json.loads(OPENER.open(request).read())
        h.expect_equal(token["token_type"], "Bearer", "token")
        api.ok(200, "GET", "/vnf_instances", Authorization="Bearer " + token["access_token"])
        server.terminate()
        server.config = CONFIG + "page-size = 2\n"
        server.start()
        api = Api(server)
        names, url = [], "/vnf_instances?fields=vnfInstanceName"
        while url:
            head, page = api.ok(200, "GET", url)
            h.expect(len(page) <= 2, "page")
            names += [it["vnfInstanceName"] for it in page]
            url = head["Link"] and head["Link"].split(">")[0][1:]
        h.expect_equal(sorted(names), [f"n{number}" for number in range(5)], "pages")
        # Another address needs TLS; everybody is let in on loopback only.
        for arguments in (["--http", "0.0.0.0:0"], ["--http", "0.0.0.0:0", "--http-insecure"]):
            other = str(server.home / "other")
            done = server.cli("serve", "--data-dir", other, "--netconf", "127.0.0.1:0", *arguments, check=False)
            h.expect(done.returncode != 0 and "TLS" in done.stderr, f"{arguments}: {done.stderr}")


def check_tls(server):
    """HTTPS, with links that say so; a certificate alone is not enough."""
    certificate, key = server.home / "tls.pem", server.home / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )
    half = server.home / "half.toml"
    half.write_text(f'[sol003]\ntls-certificate = "{certificate}"\n')
    done = server.cli("serve", "--data-dir", str(server.home / "half"), "--netconf", "127.0.0.1:0",
                      "--http", "127.0.0.1:0", "--config", str(half), check=False)
    h.expect(done.returncode != 0 and "tls-key" in done.stderr, f"half of it: {done.stderr}")
    config = f'[sol003]\ntls-certificate = "{certificate}"\ntls-key = "{key}"\n'
    with serving(server, config) as api:
        trust = ssl.create_default_context(cafile=str(certificate))
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trust),
                                             urllib.request.ProxyHandler({}))
        url = f"https://127.0.0.1:{server.http}/vnflcm/v2/vnf_instances"
        headers = {"Version": "2.0.0", "Authorization": api.authorization, "Content-Type": "application/json"}
        body = json.dumps({"vnfdId": "edge"}).encode()
        with opener.open(urllib.request.Request(url, body, headers), timeout=20) as answer:
            h.expect(answer.headers["Location"].startswith(url), f"link: {answer.headers['Location']}")
        try:
            api.call("GET", "/vnf_instances")
        except (urllib.error.URLError, ConnectionError, http.client.HTTPException):
            pass
        else:
            raise h.Failure("plain HTTP is answered where HTTPS is served")


def check_notifications(server):
    """Callback test, 303, filters, order through an outage and a restart, nothing twice."""
    with serving(server) as api:
        receiver = Receiver()
        api.ok(422, "POST", "/subscriptions", {"callbackUri": "http://169.254.169.254/"})
        dead = Receiver()
        dead.server.shutdown()
        dead.server.server_close()
        api.ok(422, "POST", "/subscriptions", {"callbackUri": dead.uri})
        head, made = api.ok(201, "POST", "/subscriptions", {"callbackUri": receiver.uri})
        again, _ = api.ok(303, "POST", "/subscriptions", {"callbackUri": receiver.uri})
        h.expect_equal(again["Location"], head["Location"], "the same subscription")
        terse = Receiver()
        only = {"notificationTypes": ["VnfLcmOperationOccurrenceNotification"], "operationStates": ["COMPLETED"]}
        api.ok(201, "POST", "/subscriptions",
               {"callbackUri": terse.uri, "filter": only, "verbosity": "SHORT",
                "authentication": {"authType": ["BASIC"], "paramsBasic": {"userName": "u", "password": "s3cret"}}})
        _, listed = api.ok(200, "GET", "/subscriptions")
        h.expect("s3cret" not in json.dumps(listed), "a secret is given out")
        instance = api.create(metadata={"tenant": "ttt", "deployment": "n1"})
        api.reaches(api.instantiate(instance), "COMPLETED")
        life = ["Creation", "INSTANTIATE STARTING", "INSTANTIATE PROCESSING", "INSTANTIATE COMPLETED"]
        h.until(lambda: receiver.words() == life, f"{receiver.words()}")
        h.expect_equal([it.get("notificationStatus") for it in receiver.got],
                       [None, "START", "RESULT", "RESULT"], "status")
        h.expect_equal(receiver.got[-1]["affectedVnfcs"][0]["changeType"], "ADDED", "affected")
        h.until(lambda: terse.words() == ["INSTANTIATE COMPLETED"], f"{terse.words()}")
        h.expect("affectedVnfcs" not in terse.got[0], "SHORT")
        # An outage, a restart in the middle of it: delivered afterwards, in order.
        receiver.refuse = True
        op = api.begin(instance, "terminate", {"terminationType": "FORCEFUL"})
        api.reaches(op, "COMPLETED")
        h.until(lambda: receiver.refused > 2, "sent again and again")
        server.kill()
        server.start()
        api = Api(server)
        api.ok(204, "DELETE", f"/vnf_instances/{instance}")
        time.sleep(0.5)
        receiver.refuse = False
        life += ["TERMINATE STARTING", "TERMINATE PROCESSING", "TERMINATE COMPLETED", "Deletion"]
        h.until(lambda: receiver.words() == life, f"{receiver.words()}")
        ids = [it["id"] for it in receiver.got]
        h.expect_equal(len(ids), len(set(ids)), "ids")
        api.ok(204, "DELETE", f"/subscriptions/{made['id']}")
        api.ok(404, "GET", f"/subscriptions/{made['id']}")
        api.create(vnfInstanceName="after")
        time.sleep(1)
        h.expect_equal(receiver.words(), life, "after its end")


def check_faces(server):
    """One story on both faces: the same operations, under the same ids."""
    with serving(server) as api:
        recorder = h.Recorder(server, "NETCONF")
        with server.session() as session:
            body = GROUP.replace("${image}", "cirros")
            session.edit_config(target="running", config=(
                f'<config xmlns="{h.BASE}"><esc_datamodel xmlns="{h.ESC}"><tenants><tenant><name>ttt</name>'
                f"<deployments><deployment><name>both</name>{body}</deployment></deployments></tenant></tenants>"
                "</esc_datamodel></config>"))

        def of(kind):
            query = urllib.parse.quote(f"(eq,operation,{kind});(eq,operationState,COMPLETED)")
            return api.ok(200, "GET", f"/vnf_lcm_op_occs?all_fields&filter={query}")[1]

        def told(kind):
            events = [event for event in recorder.events if event.type == kind]
            return [event.node.findtext(f"{{{h.LIFELINE}}}operation-id") for event in events]

        made = h.until(lambda: of("INSTANTIATE"), "INSTANTIATE")[0]
        h.until(lambda: told("SERVICE_ALIVE") == [made["id"]], "id of the deploy")
        instance = made["vnfInstanceId"]
        _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
        h.expect_equal(shown["vnfInstanceName"], "both", "a deployment is an instance")
        vm = shown["instantiatedVnfInfo"]["vnfcResourceInfo"][0]["id"]
        inject(server, "crash", vm)
        healed = h.until(lambda: of("HEAL"), "an automatic HEAL")[0]
        h.expect_equal(healed["isAutomaticInvocation"], True, "automatic")
        h.until(lambda: told("VM_RECOVERY_COMPLETE") == [healed["id"]], "id of the recovery")
        op = api.begin(instance, "heal", {"vnfcInstanceId": [vm]})
        api.reaches(op, "COMPLETED")

        def kinds():
            return [event.type for event in recorder.events
                    if event.node.findtext(f"{{{h.LIFELINE}}}operation-id") == op]

        wanted = ["VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE"]
        h.until(lambda: kinds() == wanted, "the events of a heal")
        op = api.begin(instance, "terminate", {"terminationType": "FORCEFUL"})
        api.reaches(op, "COMPLETED")
        h.until(lambda: told("SERVICE_UNDEPLOYED") == [op], "id of the undeploy")
        _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
        h.expect_equal(shown["instantiationState"], "NOT_INSTANTIATED", "what was terminated here stays known")


def check_restart(server):
    """kill -9 while an operation starts, goes on, rests, rolls back."""
    with serving(server) as api:
        for number in range(6):
            instance = api.create(metadata={"tenant": "ttt", "deployment": f"k{number}"})
            if number % 2:
                inject(server, "create-fails")
            op = api.instantiate(instance)
            time.sleep(number * 0.15)
            server.kill()
            server.start()
            api = Api(server)
            end = api.reaches(op, "COMPLETED", "FAILED_TEMP", "ROLLED_BACK")
            if end["operationState"] == "FAILED_TEMP":
                server.kill()
                server.start()
                api = Api(server)
                h.expect_equal(api.occurrence(op)["operationState"], "FAILED_TEMP", "rests")
                api.ok(202, "POST", f"/vnf_lcm_op_occs/{op}/rollback")
                server.kill()
                server.start()
                api = Api(server)
                end = api.reaches(op, "ROLLED_BACK", "FAILED_TEMP")
                h.expect_equal(end["operationState"], "ROLLED_BACK", "rolled back after a restart")
            else:
                h.expect_equal(end["operationState"], "COMPLETED", f"{end}")


# ------------------------------------------------------------------- tacker


class Tacker:
    """python-tackerclient, as a person types it."""

    def __init__(self, server, major="2"):
        self.program = shutil.which("openstack", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
        self.environment = dict(
            os.environ, OS_AUTH_TYPE="http_basic", OS_USERNAME=server.user, OS_PASSWORD=server.password,
            OS_ENDPOINT=f"http://127.0.0.1:{server.http}", no_proxy="127.0.0.1",
        )
        self.major = major
        self.home = server.home

    def run(self, *arguments, check=True):
        command = [self.program, "--os-tacker-api-version", self.major, "vnflcm", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        if check and done.returncode != 0:
            raise h.Failure(f"{' '.join(arguments)}: {done.stdout}{done.stderr[-2000:]}")
        return done

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "-f", "json").stdout)

    def file(self, name, value):
        path = self.home / name
        path.write_text(json.dumps(value))
        return str(path)


def check_tacker(server):
    """python-tackerclient through a whole life, and an error's handling."""
    with serving(server) as api:
        tacker = Tacker(server)
        made = tacker.json("create", "edge", "--name", "typed")
        instance = made["ID"]
        parameters = tacker.file("instantiate.json", {"flavourId": "default"})
        tacker.run("instantiate", instance, parameters)
        h.until(lambda: states(api).get("INSTANTIATE") == "COMPLETED", "instantiated")
        shown = tacker.json("show", instance)
        h.expect_equal(shown["Instantiation State"], "INSTANTIATED", "show")
        tacker.run("heal", instance, "--cause", "typed")
        h.until(lambda: states(api).get("HEAL") == "COMPLETED", "healed")
        tacker.run("scale", instance, "--aspect-id", "g1", "--type", "SCALE_OUT")
        h.until(lambda: states(api).get("SCALE") == "COMPLETED", "scaled")
        listed = tacker.json("op", "list")
        h.expect_equal({it["Operation"] for it in listed}, {"INSTANTIATE", "HEAL", "SCALE"}, "op list")
        tacker.json("op", "show", listed[0]["ID"])
        tacker.run("terminate", instance)
        h.until(lambda: states(api).get("TERMINATE") == "COMPLETED", "terminated")
        tacker.run("delete", instance)
        tacker.json("versions")
        # An error's handling.
        for task in ("retry", "rollback", "fail"):
            instance = tacker.json("create", "edge", "--name", task)["ID"]
            inject(server, "create-fails")
            tacker.run("instantiate", instance, parameters)
            failed = h.until(
                lambda: [it for it in tacker.json("op", "list")
                         if it["VNF Instance ID"] == instance and it["Operation State"] == "FAILED_TEMP"], task)
            tacker.run("op", task, failed[0]["ID"])
            wanted = {"retry": "COMPLETED", "rollback": "ROLLED_BACK", "fail": "FAILED"}[task]
            api.reaches(failed[0]["ID"], wanted)
        receiver = Receiver()
        file = tacker.file("subscription.json", {"callbackUri": receiver.uri})
        made = tacker.json("subsc", "create", file)
        h.expect_equal(len(tacker.json("subsc", "list")), 1, "subsc list")
        tacker.json("subsc", "show", made["ID"])
        tacker.run("subsc", "delete", made["ID"])
        # Version 1 can cancel; what has ended cannot be.
        first = Tacker(server, "1")
        h.expect_equal(len(first.json("list")) > 0, True, "list of version 1")
        done = first.run("op", "cancel", failed[0]["ID"], check=False)
        h.expect("409" in done.stdout + done.stderr or "not under way" in done.stdout + done.stderr,
                 f"cancel: {done.stdout}{done.stderr[-500:]}")


def states(api):
    """Operation to state, the last of each."""
    return {it["operation"]: it["operationState"] for it in api.ok(200, "GET", "/vnf_lcm_op_occs")[1]}


def cases():
    """Name and check, each with a server that is not started yet."""
    return [
        ("sol003: a whole life", check_life),
        ("sol003: errors are retried, rolled back, failed, cancelled", check_errors),
        ("sol003: HTTP", check_http),
        ("sol003: TLS", check_tls),
        ("sol003: notifications", check_notifications),
        ("sol003: both faces", check_faces),
        ("sol003: kill -9 in every state", check_restart),
        ("sol003: python-tackerclient", check_tacker),
    ]

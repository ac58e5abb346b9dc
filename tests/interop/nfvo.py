"""ETSI SOL003 as its rules have it: what NFVOs and conformance suites look at beyond the good path.

Each check has a server of its own.
"""

import base64
import json
import threading
import time
import urllib.parse

import harness as h
from sol003 import GROUP, TEMPLATE, Api, Receiver, inject, serving

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"


def bodies(api):
    """Each answer with an error is a problem; `Api.ok` looks at it."""
    instance = api.create(metadata={"tenant": "ttt", "deployment": "b"})
    path = f"/vnf_instances/{instance}"
    for task, body in (
        ("instantiate", {}), ("instantiate", {"flavourId": 7}), ("terminate", {}),
        ("terminate", {"terminationType": "SOMEHOW"}), ("scale", {"type": "SCALE_OUT"}),
        ("scale", {"type": "SIDEWAYS", "aspectId": "g1"}), ("scale_to_level", {"scaleInfo": "x"}),
        ("heal", {"cause": 7}), ("operate", {"changeStateTo": "UNKNOWN"}), ("operate", {}),
    ):
        api.ok(400, "POST", f"{path}/{task}", body)
    for task in ("instantiate", "terminate", "operate"):
        api.ok(400, "POST", f"{path}/{task}")
    for body, status in (
        ({"terminationType": "FORCEFUL"}, 409), ({"terminationType": "GRACEFUL", "gracefulTerminationTimeout": 1}, 409),
    ):
        api.ok(status, "POST", f"{path}/terminate", body)
    api.ok(409, "POST", f"{path}/heal", {})
    api.ok(409, "POST", f"{path}/scale", {"type": "SCALE_OUT", "aspectId": "g1"})
    api.ok(409, "POST", f"{path}/operate", {"changeStateTo": "STOPPED", "stopType": "FORCEFUL"})
    for body in (
        {"changeStateTo": "STARTED", "stopType": "FORCEFUL"}, {"changeStateTo": "STARTED", "gracefulStopTimeout": 1},
        {"changeStateTo": "STOPPED", "stopType": "FORCEFUL", "gracefulStopTimeout": 1},
    ):
        api.ok(409, "POST", f"{path}/operate", body)
    api.reaches(api.instantiate(instance), "COMPLETED")
    for body in (
        {"changeStateTo": "STARTED", "stopType": "FORCEFUL"}, {"changeStateTo": "STARTED", "gracefulStopTimeout": 1},
        {"changeStateTo": "STOPPED", "stopType": "FORCEFUL", "gracefulStopTimeout": 1},
    ):
        api.ok(400, "POST", f"{path}/operate", body)
    # Well-formed, and nothing of it is there.
    api.ok(422, "POST", f"{path}/heal", {"vnfcInstanceId": ["nobody"]})
    api.ok(422, "POST", f"{path}/operate", {"changeStateTo": "STOPPED", "vnfcInstanceId": ["nobody"]})
    api.ok(422, "POST", f"{path}/scale", {"type": "SCALE_OUT", "aspectId": "nothing"})
    api.ok(422, "POST", f"{path}/scale", {"type": "SCALE_IN", "aspectId": "g1"})
    api.ok(422, "POST", f"{path}/scale_to_level", {"scaleInfo": [{"aspectId": "g1", "scaleLevel": 99}]})
    api.ok(400, "POST", f"{path}/scale_to_level", {"scaleInfo": [{"aspectId": "g1", "scaleLevel": -1}]})
    return instance


def check_kept(api):
    """Credentials of a request are not given out again."""
    for connections in ({"v": {"vimType": "t", "accessInfo": {"password": "s3cret"}}},
                        [{"id": "v", "vimType": "t", "accessInfo": {"password": "s3cret"}}]):
        instance = api.create()
        op = api.instantiate(instance, vimConnectionInfo=connections)
        shown = json.dumps(api.reaches(op, "COMPLETED"))
        h.expect("vimType" in shown and "s3cret" not in shown, f"operationParams: {shown}")


def check_cannot_scale(server, api):
    """Where no group may have more than one VM, there is no such task."""
    name = "<name>g1</name>"
    one = GROUP.replace("<min_active>1</min_active><max_active>3</max_active>",
                        "<min_active>1</min_active><max_active>1</max_active>")
    h.expect(one != GROUP and name in one, "the template")
    with server.session() as session:
        session.edit_config(target="running", config=TEMPLATE.replace(GROUP, one).replace("edge", "single"))
    instance = api.ok(201, "POST", "/vnf_instances", {"vnfdId": "single"})[1]["id"]
    api.reaches(api.instantiate(instance), "COMPLETED")
    _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
    h.expect("scale" not in shown["_links"] and "scaleToLevel" not in shown["_links"], f"{shown['_links']}")
    api.ok(404, "POST", f"/vnf_instances/{instance}/scale", {"type": "SCALE_OUT", "aspectId": "g1"})
    api.ok(404, "POST", f"/vnf_instances/{instance}/scale_to_level", {"scaleInfo": [{"aspectId": "g1", "scaleLevel": 1}]})


def check_rules(server):
    """Statuses, headers, links and selectors, task by task."""
    with serving(server) as api:
        instance = bodies(api)
        root = f"http://127.0.0.1:{server.http}"
        for path in ("/vnflcm/api_versions", "/vnflcm/api_versions/", "/vnflcm/v2/api_versions",
                     "/vnflcm/v2/api_versions/", "/vnflcm/v1/api_versions"):
            _, versions = api.ok(200, "GET", root + path, Version=None)
            h.expect(versions["uriPrefix"] and versions["apiVersions"], f"{path}: {versions}")
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                head, _ = api.ok(405, method, root + path, Version=None)
                h.expect_equal(head["Allow"], "GET", f"{method} {path}")
        # Links are absolute, and there exactly while their task is possible.
        head, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
        here = f"{api.root}/vnf_instances/{instance}"
        h.expect_equal({name: link["href"] for name, link in shown["_links"].items()}, {
            "self": here, "terminate": f"{here}/terminate", "scale": f"{here}/scale", "heal": f"{here}/heal",
            "scaleToLevel": f"{here}/scale_to_level", "operate": f"{here}/operate",
        }, "links of one that is instantiated")
        addresses = [
            address for vnfc in shown["instantiatedVnfInfo"]["vnfcResourceInfo"] for cp in vnfc["vnfcCpInfo"]
            for protocol in cp["cpProtocolInfo"] for address in protocol["ipOverEthernet"]["ipAddresses"]
        ]
        h.expect(addresses and all(it["isDynamic"] is True for it in addresses), f"{addresses}")
        h.expect_equal(head["Content-Type"], "application/json", "media type")
        other = api.create()
        _, shown = api.ok(200, "GET", f"/vnf_instances/{other}")
        h.expect_equal(sorted(shown["_links"]), ["instantiate", "self"], "links of one that is not")
        for path in ("/nothing", "/vnf_instances/nothing", "/vnf_instances/nothing/else/at/all"):
            head, _ = api.ok(404, "GET", path)
            h.expect_equal(head["Version"], "2.0.0", f"Version of {path}")
        check_kept(api)
        check_cannot_scale(server, api)
        # An ETag that fits, one that does not, any.
        head, _ = api.ok(200, "GET", f"/vnf_instances/{other}")
        for tag, status in (('"no"', 412), ('"no", "nor this"', 412), ("*", 202), (None, 202)):
            api.ok(status, "PATCH", f"/vnf_instances/{other}", {"vnfInstanceName": f"{tag}"}, If_Match=tag)
        api.ok(412, "PATCH", f"/vnf_instances/{other}", {"vnfInstanceName": "x"}, If_Match=head["ETag"])
        api.ok(412, "DELETE", f"/vnf_instances/{other}", If_Match=head["ETag"])
        api.ok(415, "PATCH", f"/vnf_instances/{other}", {"vnfInstanceName": "x"}, Content_Type="application/xml")
        # Every task of an operation that has ended is a conflict, of one that is not there it is not found.
        ended = api.ok(200, "GET", "/vnf_lcm_op_occs?filter=" + urllib.parse.quote("(eq,operation,INSTANTIATE)"))[1]
        mode = {"cancelMode": "FORCEFUL"}
        for task in ("retry", "rollback", "fail", "cancel"):
            body = mode if task == "cancel" else None
            api.ok(409, "POST", f"/vnf_lcm_op_occs/{ended[0]['id']}/{task}", body)
            api.ok(404, "POST", f"/vnf_lcm_op_occs/nothing/{task}", body)
            for method in ("GET", "PUT", "PATCH", "DELETE"):
                head, _ = api.ok(405, method, f"/vnf_lcm_op_occs/nothing/{task}")
                h.expect_equal(head["Allow"], "POST", task)
        for body in ({}, {"cancelMode": "PERHAPS"}, []):
            api.ok(400, "POST", f"/vnf_lcm_op_occs/{ended[0]['id']}/cancel", body)
        # Selectors go for each list, and only in combinations that there are.
        receiver = Receiver()
        api.ok(201, "POST", "/subscriptions", {"callbackUri": receiver.uri, "filter": {"operationTypes": ["HEAL"]}})
        for place, attribute in (("vnf_instances", "metadata"), ("vnf_lcm_op_occs", "operationParams"),
                                 ("subscriptions", "filter")):
            for query in ("all_fields", "exclude_default", f"fields={attribute}", f"exclude_fields={attribute}",
                          f"fields={attribute}&exclude_default"):
                _, found = api.ok(200, "GET", f"/{place}?{query}")
                wanted = query == "all_fields" or query.startswith("fields") or (
                    place == "subscriptions" and query == "exclude_default")
                h.expect_equal(any(attribute in it for it in found), wanted, f"{place}?{query}")
            for query in ("all_fields&exclude_default", "all_fields&fields=id", f"fields={attribute}&exclude_fields=x",
                          "fields=", "fields=nothing", "exclude_fields=nothing", "filter=(eq,id)", "filter=",
                          "filter=(eq,nothing,x)", "nextpage_opaque_marker=%00", "anything=x"):
                api.ok(400, "GET", f"/{place}?{query}")
            api.ok(405, "PUT", f"/{place}", {})


def check_failed_for_good(server):
    """What cannot be undone has no link for it and answers 404; a stop is undone; what fails leaves nothing."""
    with serving(server) as api:
        instance = api.create(metadata={"tenant": "ttt", "deployment": "g"})
        receiver = Receiver()
        api.ok(201, "POST", "/subscriptions", {"callbackUri": receiver.uri})
        api.reaches(api.instantiate(instance), "COMPLETED")
        _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
        vm = shown["instantiatedVnfInfo"]["vnfcResourceInfo"][0]["id"]

        def resting(task, body):
            op = api.begin(instance, task, body)
            return op, api.reaches(op, "FAILED_TEMP", "COMPLETED")

        def links(occurrence):
            return sorted(set(occurrence["_links"]) - {"self", "vnfInstance"})

        inject(server, "start-fails", vm)
        api.reaches(api.begin(instance, "operate", {"changeStateTo": "STOPPED"}), "COMPLETED")
        op, failed = resting("operate", {"changeStateTo": "STARTED"})
        h.expect_equal((failed["operationState"], links(failed)), ("FAILED_TEMP", ["fail", "retry", "rollback"]), "start")
        # Nothing was started: nothing is to be stopped.
        head, _ = api.ok(202, "POST", f"/vnf_lcm_op_occs/{op}/rollback")
        h.expect_equal(head["Location"], f"{api.root}/vnf_lcm_op_occs/{op}", "Location")
        api.reaches(op, "ROLLED_BACK")
        api.reaches(api.begin(instance, "operate", {"changeStateTo": "STARTED"}), "COMPLETED")
        for _ in range(4):
            inject(server, "reboot-fails", vm)
            inject(server, "create-fails", vm)
        op, failed = resting("heal", {"vnfcInstanceId": [vm], "cause": "tried"})
        h.expect_equal((failed["operationState"], links(failed)), ("FAILED_TEMP", ["fail", "retry"]), "heal")
        api.ok(404, "POST", f"/vnf_lcm_op_occs/{op}/rollback")
        api.ok(200, "POST", f"/vnf_lcm_op_occs/{op}/fail")
        # An error is told with the states that have one, not with the retry.
        end = api.begin(instance, "terminate", {"terminationType": "FORCEFUL"})
        api.reaches(end, "COMPLETED")
        h.until(lambda: any(it.get("vnfLcmOpOccId") == end and it["operationState"] == "COMPLETED"
                            for it in receiver.got), "the end is told")
        for it in receiver.got:
            if "operationState" in it:
                wanted = it["operationState"] in ("FAILED_TEMP", "FAILED", "ROLLED_BACK")
                h.expect_equal("error" in it, wanted, f"error in {it['operation']} {it['operationState']}")
        # Given up at its instantiation: what was made goes, told as the server's own doing; then all begins anew.
        inject(server, "create-fails")
        op, failed = resting("instantiate", {"flavourId": "default", "targetScaleLevelInfo": [
            {"aspectId": "g1", "scaleLevel": 2}]})
        h.expect_equal(failed["operationState"], "FAILED_TEMP", "instantiate")
        api.ok(200, "POST", f"/vnf_lcm_op_occs/{op}/fail")
        head, _ = api.ok(202, "POST", f"/vnf_instances/{instance}/instantiate", {"flavourId": "default"})
        api.reaches(head["Location"].rsplit("/", 1)[1], "COMPLETED")
        query = urllib.parse.quote("(eq,operation,TERMINATE);(eq,isAutomaticInvocation,true)")
        _, gone = api.ok(200, "GET", f"/vnf_lcm_op_occs?all_fields&filter={query}")
        h.expect_equal([it["operationState"] for it in gone], ["COMPLETED"], "the clean-up")
        removed = gone[0]["resourceChanges"]["affectedVnfcs"]
        h.expect({it["changeType"] for it in removed} == {"REMOVED"}, f"{removed}")
        _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
        h.expect_equal(shown["instantiationState"], "INSTANTIATED", "instantiated anew")
        # While a lock of NETCONF is there, nothing that changes the configuration begins.
        inject(server, "create-fails")
        other = api.create(metadata={"tenant": "ttt", "deployment": "locked"})
        op = api.instantiate(other)
        api.reaches(op, "FAILED_TEMP")
        with server.session() as session:
            session.lock("running")
            for task in ("fail", "rollback"):
                api.ok(409, "POST", f"/vnf_lcm_op_occs/{op}/{task}")
            session.unlock("running")
        api.ok(200, "POST", f"/vnf_lcm_op_occs/{op}/fail")
        api.ok(204, "DELETE", f"/vnf_instances/{other}")


def check_graceful(server):
    """GRACEFUL stops VMs before it removes them, FORCEFUL does not."""
    with serving(server) as api:
        for kind, stopped in (("GRACEFUL", True), ("FORCEFUL", False)):
            name = kind.lower()
            instance = api.create(metadata={"tenant": "ttt", "deployment": name})
            api.reaches(api.instantiate(instance), "COMPLETED")
            _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
            vm = shown["instantiatedVnfInfo"]["vnfcResourceInfo"][0]["id"]
            seen, done = [], threading.Event()

            def watch(instance=instance, vm=vm, seen=seen, done=done):
                while not done.is_set():
                    _, shown = api.ok(200, "GET", f"/vnf_instances/{instance}")
                    for vnfc in shown.get("instantiatedVnfInfo", {}).get("vnfcResourceInfo", []):
                        if vnfc["id"] == vm:
                            seen.append(vnfc["metadata"]["state"])

            watcher = threading.Thread(target=watch)
            watcher.start()
            body = {"terminationType": kind}
            if stopped:
                body["gracefulTerminationTimeout"] = 30
            op = api.begin(instance, "terminate", body)
            end = api.reaches(op, "COMPLETED", "FAILED_TEMP")
            done.set()
            watcher.join()
            h.expect_equal(end["operationState"], "COMPLETED", kind)
            h.expect_equal({it["changeType"] for it in end["resourceChanges"]["affectedVnfcs"]}, {"REMOVED"}, kind)
            h.expect_equal("VM_STOPPING_STATE" in seen, stopped, f"{kind}: {sorted(set(seen))}")


RULES = f"""<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><nacm xmlns="{NACM}">
<groups><group><name>watchers</name><user-name>watcher</user-name></group>
<group><name>half</name><user-name>half</user-name></group></groups>
<rule-list><name>watchers</name><group>watchers</group>
<rule><name>not-hidden</name><module-name>*</module-name>
<path xmlns:e="{h.ESC}">/e:esc_datamodel/e:opdata/e:tenants/e:tenant[e:name='hidden']</path>
<access-operations>read</access-operations><action>deny</action></rule>
<rule><name>no-actions</name><module-name>*</module-name><rpc-name>*</rpc-name>
<access-operations>exec</access-operations><action>deny</action></rule></rule-list>
<rule-list><name>half</name><group>half</group>
<rule><name>own</name><module-name>*</module-name>
<path xmlns:e="{h.ESC}">/e:esc_datamodel/e:tenants/e:tenant[e:name='ttt']</path>
<access-operations>*</access-operations><action>permit</action></rule></rule-list>
</nacm></config>"""


def as_user(server, user, password="correct horse 8"):
    """The interface as that user sees it."""
    api = Api(server)
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    api.authorization = f"Basic {word}"
    return api


def check_restricted(server):
    """Who may read a part reads that part, is told of it alone, and changes nothing."""
    with serving(server) as api:
        for user in ("watcher", "half"):
            server.cli("user", "add", user, "--data-dir", str(server.data), "--password-stdin",
                       stdin="correct horse 8\n")
        with server.session() as session:
            session.edit_config(target="running", config=RULES)
        watcher, half = as_user(server, "watcher"), as_user(server, "half")
        told, all_told = Receiver(), Receiver()
        _, own = watcher.ok(201, "POST", "/subscriptions", {"callbackUri": told.uri})
        _, others = api.ok(201, "POST", "/subscriptions", {"callbackUri": all_told.uri})
        seen = api.create(metadata={"tenant": "ttt", "deployment": "seen"})
        hidden = api.create(metadata={"tenant": "hidden", "deployment": "unseen"})
        ops = {it: api.instantiate(it) for it in (seen, hidden)}
        for op in ops.values():
            api.reaches(op, "COMPLETED", "FAILED_TEMP")
        # Reads are filtered.
        h.expect_equal([it["id"] for it in watcher.ok(200, "GET", "/vnf_instances")[1]], [seen], "instances")
        h.expect_equal([it["id"] for it in watcher.ok(200, "GET", "/vnf_lcm_op_occs")[1]], [ops[seen]], "operations")
        watcher.ok(200, "GET", f"/vnf_instances/{seen}")
        watcher.ok(404, "GET", f"/vnf_instances/{hidden}")
        watcher.ok(404, "GET", f"/vnf_lcm_op_occs/{ops[hidden]}")
        # Writes are refused: of what it sees as forbidden, of what it does not see as not there.
        for path, body in (
            ("terminate", {"terminationType": "FORCEFUL"}), ("heal", {}), ("operate", {"changeStateTo": "STOPPED"}),
            ("scale", {"type": "SCALE_OUT", "aspectId": "g1"}),
            ("scale_to_level", {"scaleInfo": [{"aspectId": "g1", "scaleLevel": 2}]}),
        ):
            watcher.ok(403, "POST", f"/vnf_instances/{seen}/{path}", body)
            watcher.ok(404, "POST", f"/vnf_instances/{hidden}/{path}", body)
        watcher.ok(403, "PATCH", f"/vnf_instances/{seen}", {"vnfInstanceName": "mine"})
        watcher.ok(403, "DELETE", f"/vnf_instances/{seen}")
        watcher.ok(403, "POST", "/vnf_instances", {"vnfdId": "edge"})
        # Others' subscriptions are not its business; its own are those of whoever makes the rules, too.
        h.expect_equal([it["id"] for it in watcher.ok(200, "GET", "/subscriptions")[1]], [own["id"]], "subscriptions")
        watcher.ok(404, "GET", f"/subscriptions/{others['id']}")
        watcher.ok(404, "DELETE", f"/subscriptions/{others['id']}")
        h.expect_equal(len(api.ok(200, "GET", "/subscriptions")[1]), 2, "all subscriptions")
        # It is told what it may see.
        h.until(lambda: len(all_told.got) >= 8, f"{all_told.words()}")
        h.until(lambda: len(told.got) >= 4, f"{told.words()}")
        time.sleep(0.5)
        h.expect_equal({it["vnfInstanceId"] for it in told.got}, {seen}, "what it was told of")
        # A right to one tenant is a right to its instances.
        mine = half.create(metadata={"tenant": "ttt", "deployment": "mine"})
        half.reaches(half.instantiate(mine), "COMPLETED")
        half.ok(403, "POST", "/vnf_instances", {"vnfdId": "edge", "metadata": {"tenant": "hidden"}})
        half.ok(403, "PATCH", f"/vnf_instances/{hidden}", {"vnfInstanceName": "mine"})
        half.reaches(half.begin(mine, "terminate", {"terminationType": "FORCEFUL"}), "COMPLETED")
        half.ok(204, "DELETE", f"/vnf_instances/{mine}")
        # Its rights go, its notifications with them.
        with server.session() as session:
            session.edit_config(target="running", config=RULES.replace("[e:name='hidden']", ""))
        count = len(told.got)
        api.ok(202, "PATCH", f"/vnf_instances/{seen}", {"vnfInstanceName": "renamed"})
        h.until(lambda: any(it.get("operation") == "MODIFY_INFO" for it in all_told.got), "told to the other")
        time.sleep(0.5)
        h.expect_equal(len(told.got), count, "told after its right was taken")


class Guarded(Receiver):
    """An endpoint that asks who comes: HTTP Basic, or a token of its own endpoint."""

    def __init__(self):
        super().__init__()
        self.tokens, self.asked, self.refused_logins, self.accepted = [], [], [], []
        self.serial = 0
        outer, inner = self, self.server.RequestHandlerClass

        class Handler(inner):
            def do_POST(self):
                word = self.headers.get("Authorization", "")
                if self.path == "/token":
                    body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                    outer.asked.append((word, body, self.headers["Content-Type"]))
                    return self.token(word)
                if not self.known(word):
                    self.rfile.read(int(self.headers["Content-Length"]))
                    return self.no(word)
                outer.accepted.append(word)
                super().do_POST()

            def do_GET(self):
                word = self.headers.get("Authorization", "")
                if self.known(word):
                    super().do_GET()
                else:
                    self.no(word)

            def known(self, word):
                return word in [f"Bearer {it}" for it in outer.tokens] or word == login("u", "s3cret")

            def no(self, word):
                outer.refused_logins.append(word)
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Bearer")
                self.end_headers()

            def token(self, word):
                if word != login("client", "word:with colon"):
                    return self.no(word)
                outer.serial += 1
                outer.tokens.append(f"t{outer.serial}")
                raw = json.dumps({"access_token": outer.tokens[-1], "token_type": "Bearer", "expires_in": 3600}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        self.server.RequestHandlerClass = Handler

    @property
    def token_endpoint(self):
        return f"http://127.0.0.1:{self.port}/token"


def login(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def check_credentials(server):
    """Callbacks with HTTP Basic and with OAuth 2.0 client credentials; a token that is refused is replaced."""
    with serving(server) as api:
        basic, oauth = Guarded(), Guarded()

        def subscribe(status, receiver, kind, **params):
            authentication = {"authType": [kind], **params}
            return api.ok(status, "POST", "/subscriptions",
                          {"callbackUri": receiver.uri, "authentication": authentication})[1]

        def client(password, endpoint=oauth.token_endpoint):
            return {"clientId": "client", "clientPassword": password, "tokenEndpoint": endpoint}

        # What the callback's test does not get through is not subscribed.
        api.ok(422, "POST", "/subscriptions", {"callbackUri": basic.uri})
        subscribe(422, basic, "BASIC", paramsBasic={"userName": "u", "password": "wrong"})
        subscribe(422, oauth, "OAUTH2_CLIENT_CREDENTIALS", paramsOauth2ClientCredentials=client("wrong"))
        subscribe(422, oauth, "OAUTH2_CLIENT_CREDENTIALS",
                  paramsOauth2ClientCredentials=client("x", "http://169.254.169.254/token"))
        subscribe(422, basic, "BASIC")
        subscribe(422, oauth, "OAUTH2_CLIENT_CREDENTIALS")
        subscribe(422, oauth, "TLS_CERT")
        subscribe(400, oauth, "MAGIC")
        subscribe(201, basic, "BASIC", paramsBasic={"userName": "u", "password": "s3cret"})
        subscribe(201, oauth, "OAUTH2_CLIENT_CREDENTIALS", paramsOauth2ClientCredentials=client("word:with colon"))
        word, body, kind = oauth.asked[-1]
        h.expect_equal((word, body, kind), (login("client", "word:with colon"), "grant_type=client_credentials",
                                            "application/x-www-form-urlencoded"), "RFC 6749 section 4.4.2")
        _, listed = api.ok(200, "GET", "/subscriptions")
        h.expect("s3cret" not in json.dumps(listed) and "colon" not in json.dumps(listed), "a secret is given out")
        instance = api.create()
        for receiver in (basic, oauth):
            h.until(lambda receiver=receiver: receiver.words() == ["Creation"], f"{receiver.words()}")
        h.expect_equal(basic.accepted, [login("u", "s3cret")], "Basic")
        first = oauth.accepted[-1]
        h.expect(first.startswith("Bearer t"), f"{first}")
        # One token serves until it is refused; then another is asked for, and nothing is lost.
        asked = len(oauth.asked)
        oauth.tokens.clear()
        api.ok(204, "DELETE", f"/vnf_instances/{instance}")
        h.until(lambda: oauth.words() == ["Creation", "Deletion"], f"{oauth.words()}")
        h.expect_equal(len(oauth.asked), asked + 1, "tokens asked for")
        h.expect(oauth.accepted[-1] != first, "the old token again")
        # A restart asks anew.
        server.terminate()
        server.start()
        api = Api(server)
        api.create()
        h.until(lambda: oauth.words() == ["Creation", "Deletion", "Creation"], f"{oauth.words()}")


def check_insecure(server):
    """--http-insecure: a whole life without a word of who asks."""
    server.arguments = ["--http-insecure"]
    with serving(server) as api:
        api.authorization = None
        instance = api.create(metadata={"tenant": "ttt", "deployment": "open"})
        end = api.reaches(api.instantiate(instance), "COMPLETED", "FAILED_TEMP", "ROLLED_BACK")
        h.expect_equal(end["operationState"], "COMPLETED", f"{end.get('error')}")
        for task, body in (("scale", {"type": "SCALE_OUT", "aspectId": "g1"}), ("heal", {}),
                           ("terminate", {"terminationType": "FORCEFUL"})):
            end = api.reaches(api.begin(instance, task, body), "COMPLETED", "FAILED_TEMP", "ROLLED_BACK")
            h.expect_equal(end["operationState"], "COMPLETED", f"{task}: {end.get('error')}")
        receiver = Receiver()
        api.ok(201, "POST", "/subscriptions", {"callbackUri": receiver.uri})
        api.ok(204, "DELETE", f"/vnf_instances/{instance}")
        h.until(lambda: receiver.words() == ["Deletion"], f"{receiver.words()}")


def cases():
    """Name and check, each with a server that is not started yet."""
    return [
        ("sol003: statuses, headers, links, selectors", check_rules),
        ("sol003: failed for good, and undone", check_failed_for_good),
        ("sol003: graceful and forceful", check_graceful),
        ("sol003: a restricted user", check_restricted),
        ("sol003: callbacks with credentials", check_credentials),
        ("sol003: nobody has to authenticate", check_insecure),
    ]

"""Real clients of clouds against the simulated cloud's faces: a VM's whole life with each of them.

One `lifeline sim` serves all; each case has VMs of its own and leaves none behind.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import harness as h

CASES = []

SETTINGS = """
[cloud.latency]
create-ms = 150
boot-ms = 50
reboot-ms = 150
delete-ms = 100
start-ms = 100
stop-ms = 100
resize-ms = 150
"""


def check(function):
    CASES.append(("face: " + function.__doc__.rstrip("."), function))
    return function


def cases():
    return CASES


class Cloud:
    """One `lifeline sim`."""

    def __init__(self, binary, faces=("nova", "vcloud", "cloudstack", "control"), settings=SETTINGS):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="lifeline-sim-"))
        self.log = self.home / "sim.log"
        (self.home / "sim.toml").write_text(settings)
        command = [os.path.abspath(binary), "sim", "--config", str(self.home / "sim.toml"), "--log", "warn"]
        for face in faces:
            command += [f"--{face}", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log.open("w"), text=True
        )
        self.address = {}
        for face in faces:
            words = self.process.stdout.readline().split()
            h.expect(words[:2] == ["listening", face], f"ready line of {face}: {words}; {self.tail()}")
            self.address[face] = words[2]

    def control(self, method, path, document=None):
        """Asks the control endpoint."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"http://{self.address['control']}/-/{path}", data=body, method=method)
        with urllib.request.urlopen(request, timeout=h.PATIENCE) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def inject(self, fault, **more):
        """Makes something go wrong."""
        self.control("POST", "faults", {"fault": fault, **{key.replace("_", "-"): value for key, value in more.items()}})

    def clear(self):
        self.control("DELETE", "faults")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        self.process.stdout.close()
        return code

    @property
    def ended(self):
        """How it ended, if it did."""
        return self.process.poll()

    def tail(self, lines=25):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def dispose(self, keep=False):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
        if not keep:
            import shutil

            shutil.rmtree(self.home, ignore_errors=True)


def openstack(cloud):
    """How clients of OpenStack are told where to go."""
    return {
        "auth_url": f"http://{cloud.address['nova']}/identity/v3",
        "username": "admin",
        "password": "lifeline",
        "project_name": "admin",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }


class Shell:
    """python-openstackclient, command after command."""

    def __init__(self, cloud):
        variables = {f"OS_{key.upper()}": value for key, value in openstack(cloud).items()}
        self.process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("osc.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables, "OS_REGION_NAME": "RegionOne", "OS_IDENTITY_API_VERSION": "3"},
        )

    def run(self, command, *more):
        """Runs one command and returns what it printed."""
        arguments = command.split() + list(more)
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        h.expect(line, f"openstack {command}: the client is gone")
        done = json.loads(line)
        h.expect(done["code"] in (0, None), f"openstack {command}: {done['code']}: {done['err'].strip()}")
        return done["out"]

    def show(self, command, *more):
        return json.loads(self.run(command, *more, "-f", "json"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(20)


@check
def command_line(cloud):
    """python-openstackclient: a server's life, its events, its end."""
    with Shell(cloud) as shell:

        def status():
            return shell.show("server show osc", "-c", "status")["status"]

        def becomes(wanted):
            h.until(lambda: status() == wanted, f"osc is {wanted}, not {status()}")

        def events(action):
            """Names and results of the newest action of a name, oldest first."""
            listed = shell.show("server event list osc")
            record = next(event for event in listed if event["Action"] == action)
            shown = shell.show("server event show osc", record["Request ID"])
            return [(event["event"], event["result"]) for event in reversed(shown["events"])]

        shell.run("server create --image cirros --flavor m1.tiny --network esc-net --property a=b osc")
        becomes("ACTIVE")
        steps = [
            ("server reboot osc", "ACTIVE", "reboot"),
            ("server reboot --hard osc", "ACTIVE", "reboot"),
            ("server stop osc", "SHUTOFF", "stop"),
            ("server start osc", "ACTIVE", "start"),
            ("server rebuild --image debian-12 osc", "ACTIVE", "rebuild"),
            ("server resize --flavor m1.small osc", "VERIFY_RESIZE", "resize"),
            ("server resize revert osc", "ACTIVE", "revertResize"),
            ("server resize --flavor m1.large osc", "VERIFY_RESIZE", "resize"),
            ("server resize confirm osc", "ACTIVE", "confirmResize"),
            ("server shelve osc", "SHELVED_OFFLOADED", "shelve"),
            ("server unshelve osc", "ACTIVE", "unshelve"),
        ]
        for command, end, action in steps:
            shell.run(command)
            becomes(end)
            seen = events(action)
            h.expect(seen and all(result == "Success" for _, result in seen), f"{command}: {seen}")
        server = shell.show("server show osc")
        h.expect("debian-12" in server["image"], f"image {server['image']}")
        h.expect("m1.large" in json.dumps(server["flavor"]), f"flavor {server['flavor']}")
        h.expect_equal(server["properties"], {"a": "b"}, "properties")
        h.expect("esc-net" in server["addresses"], f"addresses {server['addresses']}")
        h.expect_equal(len(shell.show("server event list osc")), len(steps) + 1, "number of actions")
        shell.run("server delete osc")
        h.until(lambda: not shell.show("server list --name ^osc$"), "osc is gone")


@check
def command_line_failure(cloud):
    """python-openstackclient: a reboot that fails, seen in status and events."""
    with Shell(cloud) as shell:
        shell.run("server create --image cirros --flavor m1.tiny --nic none broken")

        def server():
            return shell.show("server show broken")

        h.until(lambda: server()["status"] == "ACTIVE", "broken is ACTIVE")
        cloud.inject("reboot-fails", vm="broken", messages=["the hypervisor lost its power"])
        shell.run("server reboot --hard broken")
        h.until(lambda: server()["status"] == "ERROR", "broken is in ERROR")
        h.expect("lost its power" in json.dumps(server()["fault"]), f"fault: {server().get('fault')}")
        listed = shell.show("server event list --long broken")
        h.expect_equal((listed[0]["Action"], listed[0]["Message"]), ("reboot", "Error"), "the action")
        shown = shell.show("--os-compute-api-version 2.84 server event show broken", listed[0]["Request ID"])
        h.expect_equal(shown["events"][0]["result"], "Error", "the event")
        h.expect("lost its power" in shown["events"][0]["details"], f"details: {shown['events'][0]}")
        shell.run("server delete broken")


@check
def sdk(cloud):
    """openstacksdk: a server's life on a network and a port of its own."""
    import openstack as library

    connection = library.connect(**openstack(cloud), region_name="RegionOne", compute_default_microversion="2.90")
    compute, network = connection.compute, connection.network
    net = network.create_network(name="sdk-net")
    subnet = network.create_subnet(network_id=net.id, ip_version=4, cidr="10.66.0.0/24")
    port = network.create_port(network_id=net.id, fixed_ips=[{"ip_address": "10.66.0.7"}], name="sdk-port")
    image = connection.image.find_image("cirros")
    small, large = compute.find_flavor("m1.small"), compute.find_flavor("m1.large")
    server = compute.create_server(
        name="sdk", image_id=image.id, flavor_id=small.id, networks=[{"port": port.id}], metadata={"who": "sdk"}
    )

    def wait(status):
        def there():
            seen = compute.get_server(server.id)
            return seen.status == status and seen.task_state is None

        h.until(there, f"sdk is {status}")

    wait("ACTIVE")
    h.expect_equal(compute.get_server(server).addresses["sdk-net"][0]["addr"], "10.66.0.7", "address")
    compute.reboot_server(server, "SOFT")
    wait("ACTIVE")
    compute.reboot_server(server, "HARD")
    wait("ACTIVE")
    compute.stop_server(server)
    wait("SHUTOFF")
    compute.start_server(server)
    wait("ACTIVE")
    compute.rebuild_server(server, image=image.id, name="sdk")
    wait("ACTIVE")
    compute.resize_server(server, large.id)
    wait("VERIFY_RESIZE")
    compute.revert_server_resize(server)
    wait("ACTIVE")
    compute.resize_server(server, large.id)
    wait("VERIFY_RESIZE")
    compute.confirm_server_resize(server)
    wait("ACTIVE")
    compute.shelve_server(server)
    wait("SHELVED_OFFLOADED")
    compute.unshelve_server(server)
    wait("ACTIVE")
    compute.pause_server(server)
    wait("PAUSED")
    compute.unpause_server(server)
    wait("ACTIVE")
    compute.suspend_server(server)
    wait("SUSPENDED")
    compute.resume_server(server)
    wait("ACTIVE")
    names = [action.action for action in compute.server_actions(server)]
    h.expect_equal(
        names,
        "resume suspend unpause pause unshelve shelve confirmResize resize revertResize resize rebuild start stop "
        "reboot reboot create".split(),
        "actions, newest first",
    )
    action = compute.get_server_action(next(iter(compute.server_actions(server))).request_id, server)
    h.expect_equal([event["result"] for event in action.events], ["Success"], "events of the newest")
    compute.delete_server(server)
    compute.wait_for_delete(server, interval=0.05, wait=h.PATIENCE)
    h.expect_equal(network.get_port(port).device_id, "", "the port's server")
    network.delete_port(port)
    network.delete_subnet(subnet)
    network.delete_network(net)
    h.expect_equal(list(network.networks(name="sdk-net")), [], "networks left")


@check
def sdk_expired(cloud):
    """openstacksdk: a token that ended is replaced, unseen."""
    import openstack as library

    connection = library.connect(**openstack(cloud), region_name="RegionOne")
    before = list(connection.compute.flavors())
    cloud.inject("tokens-expired")
    h.expect_equal(len(list(connection.compute.flavors())), len(before), "flavors with another token")


@check
def libcloud_openstack(cloud):
    """apache-libcloud, OpenStack driver: a node's life."""
    from libcloud.compute.providers import get_driver
    from libcloud.compute.types import NodeState, Provider

    told = openstack(cloud)
    driver = get_driver(Provider.OPENSTACK)(
        told["username"],
        told["password"],
        ex_force_auth_url=told["auth_url"].removesuffix("/v3"),
        ex_force_auth_version="3.x_password",
        ex_tenant_name=told["project_name"],
        ex_force_service_region="RegionOne",
        api_version="2.2",
    )
    size = next(size for size in driver.list_sizes() if size.name == "m1.tiny")
    larger = next(size for size in driver.list_sizes() if size.name == "m1.large")
    image = next(image for image in driver.list_images() if image.name == "cirros")
    net = next(net for net in driver.ex_list_networks() if net.name == "esc-net")
    node = driver.create_node(name="libcloud", size=size, image=image, networks=[net])

    def becomes(state):
        h.until(lambda: driver.ex_get_node_details(node.id).state == state, f"libcloud is {state}")

    becomes(NodeState.RUNNING)
    h.expect(driver.reboot_node(node), "reboot")
    becomes(NodeState.RUNNING)
    h.expect(driver.ex_hard_reboot_node(node), "hard reboot")
    becomes(NodeState.RUNNING)
    h.expect(driver.ex_stop_node(node), "stop")
    becomes(NodeState.STOPPED)
    h.expect(driver.ex_start_node(node), "start")
    becomes(NodeState.RUNNING)
    h.expect(driver.ex_resize(node, larger), "resize")
    h.until(lambda: driver.ex_get_node_details(node.id).extra["vm_state"] == "resized", "libcloud is resized")
    h.expect(driver.ex_confirm_resize(node), "confirm")
    h.until(lambda: driver.ex_get_node_details(node.id).extra["vm_state"] == "active", "the resize is confirmed")
    h.expect(driver.ex_rebuild(node, image), "rebuild")
    h.until(lambda: driver.ex_get_node_details(node.id).extra["task_state"] is None, "libcloud is rebuilt")
    h.expect("libcloud" in [known.name for known in driver.list_nodes()], "list_nodes")
    h.expect(driver.destroy_node(node), "destroy")
    h.until(lambda: "libcloud" not in [known.name for known in driver.list_nodes()], "libcloud is gone")


@check
def libcloud_cloudstack(cloud):
    """apache-libcloud, CloudStack driver: a node's life."""
    from libcloud.compute.providers import get_driver
    from libcloud.compute.types import NodeState, Provider

    host, port = cloud.address["cloudstack"].split(":")
    driver = get_driver(Provider.CLOUDSTACK)(
        key="admin-key", secret="admin-secret", secure=False, host=host, port=int(port), path="/client/api"
    )
    # What a poll waits between two questions.
    driver.connection.poll_interval = 0.05
    zone = driver.list_locations()[0]
    size = next(size for size in driver.list_sizes() if size.name == "m1.tiny")
    image = next(image for image in driver.list_images(location=zone) if image.name == "cirros")
    node = driver.create_node(name="libcloud-cs", size=size, image=image, location=zone)

    def state():
        return next((known.state for known in driver.list_nodes() if known.id == node.id), None)

    h.expect_equal(state(), NodeState.RUNNING, "state after the create")
    h.expect(node.private_ips or node.public_ips, f"addresses of {node}")
    h.expect(driver.reboot_node(node), "reboot")
    h.expect_equal(state(), NodeState.RUNNING, "state after the reboot")
    driver.ex_stop(node)
    h.expect_equal(state(), NodeState.STOPPED, "state after the stop")
    driver.ex_start(node)
    h.expect_equal(state(), NodeState.RUNNING, "state after the start")
    cloud.inject("reboot-fails", vm="libcloud-cs", messages=["no power"])
    try:
        driver.reboot_node(node)
        raise h.Failure("a reboot that fails did not")
    except h.Failure:
        raise
    except Exception as error:
        h.expect("no power" in str(error), f"error {error!r}")
    driver.ex_start(node)
    h.expect(driver.destroy_node(node), "destroy")
    h.expect_equal(state(), None, "state after the destroy")


@check
def cs(cloud):
    """cs: a VM's life through signed commands that expire, and one signed with another key."""
    from cs import CloudStack, CloudStackException

    told = {"endpoint": f"http://{cloud.address['cloudstack']}/client/api", "key": "admin-key", "poll_interval": 0.05}
    api = CloudStack(secret="admin-secret", **told)
    zone = api.listZones(fetch_list=True)[0]
    size = api.listServiceOfferings(name="m1.tiny", fetch_list=True)[0]
    image = api.listTemplates(templatefilter="executable", name="cirros", fetch_list=True)[0]
    net = api.listNetworks(name="my-network", fetch_list=True)[0]
    made = api.deployVirtualMachine(
        zoneid=zone["id"],
        serviceofferingid=size["id"],
        templateid=image["id"],
        networkids=net["id"],
        name="cs-vm",
        displayname="a b*~(x)+/&=",
        fetch_result=True,
    )["virtualmachine"]
    h.expect_equal((made["state"], made["displayname"]), ("Running", "a b*~(x)+/&="), "the VM made")
    h.expect_equal(made["nic"][0]["networkname"], "my-network", "its network")
    for command, state in [
        ("rebootVirtualMachine", "Running"),
        ("stopVirtualMachine", "Stopped"),
        ("startVirtualMachine", "Running"),
        ("destroyVirtualMachine", "Destroyed"),
    ]:
        done = getattr(api, command)(id=made["id"], fetch_result=True)
        h.expect_equal(done["virtualmachine"]["state"], state, command)
    h.expect_equal(api.listVirtualMachines(name="cs-vm", fetch_list=True), [], "VMs left")
    try:
        CloudStack(secret="another", **told).listZones()
        raise h.Failure("a request signed with another key was answered")
    except CloudStackException as error:
        h.expect("401" in str(error), f"error {error!r}")


def vcloud_driver(cloud, version, org):
    """libcloud's driver of a version, which looks at its tasks more often than every five seconds."""
    from libcloud.compute.drivers import vcloud
    from libcloud.compute.providers import get_driver
    from libcloud.compute.types import Provider

    class Time:
        time = staticmethod(time.time)

        @staticmethod
        def sleep(_):
            time.sleep(0.05)

    vcloud.time = Time
    host, port = cloud.address["vcloud"].split(":")
    return get_driver(Provider.VCLOUD)(
        f"{org}@{org}", "lifeline", secure=False, host=host, port=int(port), api_version=version
    )


def absent(look):
    """Whether a node is not found; one that goes between the list and the look at it is not there yet."""
    from libcloud.common.exceptions import BaseHTTPError

    try:
        return look() is None
    except (BaseHTTPError, AttributeError):
        return False


@check
def libcloud_vcloud_0_8(cloud):
    """apache-libcloud, vCloud driver 0.8: a node's life on the API of 1.0."""
    from libcloud.compute.types import NodeState

    driver = vcloud_driver(cloud, "0.8", "demo")
    image = next(image for image in driver.list_images() if image.name == "cirros")
    size = next(size for size in driver.list_sizes() if size.ram == 512)
    net = next(net for net in driver.networks if net.get("name") == "esc-net")
    node = driver.create_node(name="libcloud-08", size=size, image=image, ex_network=net.get("href"), ex_cpus=1)

    def seen():
        return next((known for known in driver.list_nodes() if known.name == "libcloud-08"), None)

    h.expect_equal(seen().state, NodeState.RUNNING, "state after the create")
    h.expect(seen().public_ips[0].startswith("10.20."), f"addresses {seen().public_ips}")
    h.expect(driver.reboot_node(node), "reboot")
    h.until(lambda: seen().state == NodeState.RUNNING, "libcloud-08 runs again")
    h.until(lambda: driver.connection.request(urllib.parse.urlparse(node.id).path).object.find("{*}Tasks") is None, "the reset ends")
    h.expect(driver.destroy_node(node), "destroy")
    h.until(lambda: absent(seen), "libcloud-08 is gone")


def vcloud_life(cloud, version):
    from libcloud.compute.types import NodeState

    name = f"libcloud-{version}"
    driver = vcloud_driver(cloud, version, "admin")
    image = next(image for image in driver.list_images() if image.name == "cirros")
    node = driver.create_node(
        name=name, image=image, ex_network="my-network", ex_vm_fence="bridged", ex_vm_names=["vm-15"],
        ex_vm_cpu=2, ex_vm_memory=1024, ex_vm_script_text="echo hello", ex_vm_ipmode="POOL", ex_description="words",
    )
    h.expect_equal(node.state, NodeState.RUNNING, "state after the create")
    h.expect_equal(node.extra["description"], "words", "description")
    h.expect(node.public_ips[0].startswith("10.30."), f"addresses {node.public_ips}")
    name = node.name
    h.expect(driver.reboot_node(node), "reboot")
    h.expect_equal(driver.ex_find_node(name).state, NodeState.RUNNING, "state after the reboot")
    h.expect_equal(driver.ex_power_off_node(node).state, NodeState.STOPPED, "state after the power off")
    h.expect_equal(driver.ex_power_on_node(node).state, NodeState.RUNNING, "state after the power on")
    h.expect_equal(driver.ex_suspend_node(node).state, NodeState.PENDING, "state after the suspend")
    h.expect_equal(driver.ex_power_on_node(node).state, NodeState.RUNNING, "state after the next power on")
    h.expect_equal(driver.ex_undeploy_node(node).state, NodeState.STOPPED, "state after the undeploy")
    h.expect_equal(driver.ex_deploy_node(node).state, NodeState.RUNNING, "state after the deploy")
    driver.ex_set_metadata_entry(node, "who", "libcloud")
    h.expect_equal(driver.ex_get_metadata(node), {"who": "libcloud"}, "metadata")
    cloud.inject("reboot-fails", vm=f"libcloud-{version}", messages=["no power"])
    try:
        driver.reboot_node(node)
        raise h.Failure("a reset that fails did not")
    except h.Failure:
        raise
    except Exception as error:
        h.expect("no power" in str(error), f"error {error!r}")
    h.expect_equal(driver.ex_find_node(name).state, NodeState.STOPPED, "state after the reset that failed")
    h.expect(driver.destroy_node(node), "destroy")
    h.until(lambda: absent(lambda: driver.ex_find_node(name)), f"{name} is gone")


@check
def libcloud_vcloud_1_5(cloud):
    """apache-libcloud, vCloud driver 1.5: a node's life."""
    vcloud_life(cloud, "1.5")


@check
def libcloud_vcloud_5_5(cloud):
    """apache-libcloud, vCloud driver 5.5: a node's life."""
    vcloud_life(cloud, "5.5")


@check
def orderly_end(cloud):
    """SIGTERM ends the simulated cloud with 0."""
    own = Cloud(cloud.process.args[0])
    try:
        h.expect_equal(own.terminate(), 0, "exit code")
    finally:
        own.dispose()

"""What python-openstackclient asks of the faces beside a server's life. Adds its cases to those of faces.py."""

import json
import pathlib
import tempfile

import harness as h
from faces import Shell, check


@check
def command_line_beside(cloud):
    """python-openstackclient: images, flavors, networks, groups, quotas, usage, roles."""
    with Shell(cloud) as shell, tempfile.TemporaryDirectory() as folder:
        content = pathlib.Path(folder, "content")
        content.write_bytes(b"not much of an image")
        shell.run(f"image create --disk-format raw --min-ram 64 --property os_type=linux --file {content} osc-image")
        shell.run("image set --name osc-renamed --property color=red --protected osc-image")
        image = shell.show("image show osc-renamed")
        h.expect_equal((image["min_ram"], image["protected"], image["status"]), (64, True, "active"), "the image")
        h.expect_equal(image["properties"]["color"], "red", "a property")
        h.expect_equal(len(shell.show("image list --property color=red")), 1, "images of the property")
        shell.run(f"image save --file {content}.back osc-renamed")
        h.expect_equal(pathlib.Path(f"{content}.back").read_bytes(), content.read_bytes(), "its content")
        shell.run("image set --unprotected osc-renamed")
        shell.run("image delete osc-renamed")

        shell.run("flavor create --ram 128 --disk 1 --vcpus 1 --private --property hw:a=b osc-flavor")
        shell.run("flavor set --description small --project demo osc-flavor")
        flavor = shell.show("flavor show osc-flavor")
        h.expect_equal(flavor["properties"], {"hw:a": "b"}, "extra specs")
        h.expect_equal((flavor["os-flavor-access:is_public"], flavor["description"]), (False, "small"), "the flavor")
        h.expect_equal(len(flavor["access_project_ids"]), 1, "projects with access")
        names = [flavor["Name"] for flavor in shell.show("flavor list")]
        h.expect("osc-flavor" not in names, f"a private flavor among the public ones: {names}")
        shell.run("flavor delete osc-flavor")

        shell.run("network create --mtu 1400 --provider-network-type vlan --provider-segment 100 osc-net")
        shell.run(
            "subnet create --network osc-net --subnet-range 192.0.2.0/28 --dns-nameserver 192.0.2.14 "
            "--allocation-pool start=192.0.2.9,end=192.0.2.10 osc-subnet"
        )
        shell.run("port create --network osc-net osc-port")
        port = shell.show("port show osc-port")
        h.expect_equal(port["fixed_ips"][0]["ip_address"], "192.0.2.9", "the pool's first address")
        shell.run("port set --name osc-port-2 osc-port")
        shell.run("subnet set --name osc-subnet-2 osc-subnet")
        shell.run("network set --name osc-net-2 osc-net")
        subnet = shell.show("subnet show osc-subnet-2")
        h.expect_equal(subnet["dns_nameservers"], ["192.0.2.14"], "name servers")
        h.expect(shell.show("subnet list --long"), "no subnet is listed")
        shell.run("port delete osc-port-2")
        shell.run("network delete osc-net-2")
        group = shell.show("security group list --project demo")[0]["ID"]
        h.expect_equal(len(shell.show("security group show", group)["rules"]), 4, "rules of the default group")

        shell.run("server group create --policy anti-affinity osc-group")
        group = shell.show("server group show osc-group")["id"]
        hosts = set()
        for name in ["osc-1", "osc-2"]:
            shell.run(f"server create --image cirros --flavor m1.tiny --nic none --hint group={group} --wait {name}")
            hosts.add(shell.show(f"server show {name}")["OS-EXT-SRV-ATTR:host"])
        h.expect_equal(len(hosts), 2, "hosts of servers that shall be apart")
        here = shell.show("server create --image cirros --flavor m1.tiny --nic none --host sim-host-2 --wait osc-3")
        h.expect_equal(here["OS-EXT-SRV-ATTR:host"], "sim-host-2", "the host asked for")
        shell.run("server lock osc-3")
        locked = [server["Name"] for server in shell.show("server list --locked --name osc-")]
        h.expect_equal(locked, ["osc-3"], "locked servers")
        h.expect(shell.show("usage list"), "no usage is listed")
        shell.run("server delete --wait osc-1 osc-2 osc-3")
        shell.run("server group delete osc-group")

        h.expect("BEGIN OPENSSH PRIVATE KEY" in shell.run("keypair create osc-key"), "no private key")
        shell.run("keypair delete osc-key")
        quota = json.dumps(shell.show("quota show"))
        h.expect("instances" in quota and "networks" in quota, f"quota: {quota}")
        for command in ["endpoint list", "role assignment list --names", "hypervisor list --long", "host list"]:
            h.expect(shell.show(command), f"openstack {command}: nothing")

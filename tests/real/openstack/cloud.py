#!/usr/bin/python3
"""A real Nova on loopback, from Debian's packages: Keystone, Placement, Glance, Nova with its fake hypervisor.

    cloud.py install          Debian packages (300 of them, about five minutes)
    cloud.py prepare DIR      makes and fetches what is missing in DIR
    cloud.py up DIR           prepares DIR and starts everything; prints how to log in
    cloud.py compute DIR up|down|kill   the compute service alone
    cloud.py fault DIR JSON   what the hypervisor does wrong next: {"reboot": ["down", 1]}; see hypervisor.py
    cloud.py down DIR         stops everything

Nothing is installed as a service, and nothing listens beyond 127.0.0.1. Neutron is a stand-in (neutron.py).
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = ["/usr/bin/python3", "-W", "ignore"]
PACKAGES = "python3-keystone python3-placement python3-glance python3-nova rabbitmq-server mariadb-server".split()
PORTS = {"keystone": 25000, "nova": 28774, "placement": 28778, "glance": 29292, "neutron": 29696, "mysql": 23306, "rabbit": 25672}
PASSWORD = "a-password-for-tests"
AT = {name: f"http://127.0.0.1:{port}" for name, port in PORTS.items()}


def database(name):
    return f"mysql+pymysql://cloud:cloud@127.0.0.1:{PORTS['mysql']}/{name}?charset=utf8"


def login():
    """The section by which a service logs in."""
    return {
        "www_authenticate_uri": AT["keystone"], "auth_url": AT["keystone"], "auth_type": "password",
        "project_domain_id": "default", "user_domain_id": "default", "project_name": "admin", "username": "admin",
        "password": PASSWORD, "region_name": "RegionOne",
    }


def files(root):
    """Every configuration file: sections of keys."""
    nova = {
        "DEFAULT": {
            "transport_url": f"rabbit://guest:guest@127.0.0.1:{PORTS['rabbit']}/", "my_ip": "127.0.0.1", "host": "host-1",
            "state_path": root / "nova", "osapi_compute_listen": "127.0.0.1", "osapi_compute_listen_port": PORTS["nova"],
            "osapi_compute_workers": 1, "enabled_apis": "osapi_compute", "compute_driver": "fake.FakeDriver",
            "rpc_response_timeout": 20, "report_interval": 2, "service_down_time": 7, "vif_plugging_is_fatal": False,
            "vif_plugging_timeout": 0,
        },
        "api": {"auth_strategy": "keystone"},
        "wsgi": {"api_paste_config": root / "etc/api-paste.ini"},
        "api_database": {"connection": database("nova_api")},
        "database": {"connection": database("nova")},
        "glance": {"api_servers": AT["glance"]},
        "oslo_concurrency": {"lock_path": root / "run"},
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1},
        "neutron": login(),
        "placement": login(),
        "keystone_authtoken": login(),
    }
    return {
        "keystone.conf": {
            "DEFAULT": {"log_file": root / "log/keystone.log"},
            "database": {"connection": database("keystone")},
            "token": {"provider": "fernet"},
            "fernet_tokens": {"key_repository": root / "keys/tokens"},
            "fernet_receipts": {"key_repository": root / "keys/receipts"},
            "credential": {"key_repository": root / "keys/credentials"},
            "identity": {"password_hash_rounds": 4},
        },
        "placement.conf": {
            "DEFAULT": {"log_file": root / "log/placement.log"},
            "api": {"auth_strategy": "keystone"},
            "placement_database": {"connection": database("placement")},
            "keystone_authtoken": login(),
        },
        "glance-api.conf": {
            "DEFAULT": {
                "log_file": root / "log/glance.log", "bind_host": "127.0.0.1", "bind_port": PORTS["glance"], "workers": 0,
                "enabled_backends": "disk:file", "node_staging_uri": f"file://{root}/staging",
            },
            "glance_store": {"default_backend": "disk"},
            "disk": {"filesystem_store_datadir": root / "images"},
            "os_glance_staging_store": {"filesystem_store_datadir": root / "staging"},
            "os_glance_tasks_store": {"filesystem_store_datadir": root / "tasks"},
            "database": {"connection": database("glance")},
            "paste_deploy": {"flavor": "keystone", "config_file": root / "etc/glance-api-paste.ini"},
            "keystone_authtoken": login(),
        },
        "nova.conf": nova,
        "compute.conf": {
            "DEFAULT": {"host": "host-1", "compute_driver": "hypervisor.FaultyDriver", "state_path": root / "nova/host-1"},
            "oslo_concurrency": {"lock_path": root / "run/host-1"},
        },
        "my.cnf": {
            "mysqld": {
                "datadir": root / "mysql", "socket": root / "run/mysql.sock", "pid-file": root / "run/mysqld.pid",
                "port": PORTS["mysql"], "bind-address": "127.0.0.1", "innodb_buffer_pool_size": "64M",
                "performance_schema": "OFF", "max_connections": 300, "innodb_flush_log_at_trx_commit": 0,
                "log-error": root / "log/mysql.err", "user": "root",
            },
        },
    }


def written(sections):
    lines = []
    for section, keys in sections.items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in keys.items()), ""]
    return "\n".join(lines)


def run(command, log, **more):
    """Runs a command to its end; shows its output when it fails."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    with open(log, "a", encoding="utf-8") as out:
        out.write(done.stdout)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def main_of(module, name, path=None):
    """The command that runs the main function of a module of Debian's packages."""
    first = f"import nova.virt; nova.virt.__path__.append({str(path)!r}); " if path else ""
    return [*PYTHON, "-c", f"{first}import sys; sys.argv[0] = {name!r}; from {module} import main; sys.exit(main())"]


class Cloud:
    """Everything below one folder."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.log = self.root / "log/setup.log"

    def start(self, name, command, **environment):
        """Starts a process, unless it runs already."""
        file = self.root / f"run/{name}.pid"
        if file.exists() and pathlib.Path(f"/proc/{file.read_text()}").exists():
            return
        out = open(self.root / f"log/{name}.out", "ab")
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            cwd=self.root, env={**os.environ, **environment},
        )
        file.write_text(str(process.pid))

    def stop(self, name, how=signal.SIGTERM):
        file = self.root / f"run/{name}.pid"
        if not file.exists():
            return
        pid = int(file.read_text())
        for wait, kill in ((5 if how == signal.SIGTERM else 0, how), (5, signal.SIGKILL)):
            try:
                os.killpg(pid, kill)
            except ProcessLookupError:
                break
            for _ in range(int(wait * 10)):
                time.sleep(0.1)
                if not pathlib.Path(f"/proc/{pid}").exists() or "Z" in pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2]:
                    break
        file.unlink()

    def listens(self, port, what):
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.2)
        sys.exit(f"{what} does not listen on {port}; see {self.root}/log")

    def prepare(self):
        for folder in "etc log run mysql rabbit images staging tasks nova/host-1 keys/tokens keys/receipts keys/credentials".split():
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name, sections in files(self.root).items():
            (self.root / "etc" / name).write_text(written(sections))
        paste = {"nova-common": "usr/share/nova-common/api-paste.ini", "glance-common": "usr/share/glance-common/glance-api-paste.ini"}
        for package, path in paste.items():
            target = self.root / "etc" / pathlib.Path(path).name
            if not target.exists():
                with tempfile.TemporaryDirectory() as folder:
                    # Only their files: as packages they would want a database of their own.
                    run(["apt-get", "download", "-q", package], self.log, cwd=folder)
                    run(["dpkg", "-x", *pathlib.Path(folder).glob("*.deb"), f"{folder}/x"], self.log)
                    shutil.copy(f"{folder}/x/{path}", target)

    def databases(self):
        root = self.root
        if not (root / "mysql/mysql").exists():
            run(["mariadb-install-db", f"--defaults-file={root}/etc/my.cnf", "--user=root",
                 "--auth-root-authentication-method=normal", "--skip-test-db"], self.log)
        self.start("mysql", ["mariadbd", f"--defaults-file={root}/etc/my.cnf"])
        self.start("rabbit", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], HOME=str(root / "rabbit"),
                   RABBITMQ_NODENAME="lifeline-test@localhost", RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
                   RABBITMQ_NODE_PORT=str(PORTS["rabbit"]), RABBITMQ_DIST_PORT=str(PORTS["rabbit"] + 10000),
                   RABBITMQ_MNESIA_BASE=str(root / "rabbit"), RABBITMQ_LOG_BASE=str(root / "log"),
                   RABBITMQ_PID_FILE=str(root / "run/rabbit-server.pid"), ERL_EPMD_ADDRESS="127.0.0.1",
                   RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 +sbwt none")
        self.listens(PORTS["mysql"], "MariaDB")
        names = "keystone placement glance nova_api nova nova_cell0".split()
        sql = [f"create database if not exists {name} character set utf8;" for name in names]
        for host in ("127.0.0.1", "localhost"):
            sql += [f"create user if not exists 'cloud'@'{host}' identified by 'cloud';", f"grant all on *.* to 'cloud'@'{host}';"]
        run(["mariadb", "-S", root / "run/mysql.sock"], self.log, input="\n".join(sql))
        self.listens(PORTS["rabbit"], "RabbitMQ")

    def tables(self):
        done, etc = self.root / "run/tables", self.root / "etc"
        if done.exists():
            return
        keystone = lambda *words: run([*main_of("keystone.cmd.manage", "keystone-manage"), "--config-file", etc / "keystone.conf", *words], self.log)
        nova = lambda *words: run([*main_of("nova.cmd.manage", "nova-manage"), "--config-file", etc / "nova.conf", *words], self.log)
        keystone("db_sync")
        for kind in ("fernet_setup", "credential_setup"):
            keystone(kind, "--keystone-user", "root", "--keystone-group", "root")
        address = f"{AT['keystone']}/v3"
        keystone("bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", "RegionOne", "--bootstrap-admin-url", address,
                 "--bootstrap-internal-url", address, "--bootstrap-public-url", address)
        run([*main_of("glance.cmd.manage", "glance-manage"), "--config-file", etc / "glance-api.conf", "db_sync"], self.log)
        run([*main_of("placement.cmd.manage", "placement-manage"), "--config-file", etc / "placement.conf", "db", "sync"], self.log)
        nova("api_db", "sync")
        nova("cell_v2", "map_cell0", "--database_connection", database("nova_cell0"))
        nova("cell_v2", "create_cell", "--name", "cell1")
        nova("db", "sync")
        done.touch()

    def up(self):
        self.prepare()
        if os.environ.get("ALONE"):
            # Numbers of processes that ended with another run of ../alone.sh.
            for file in (self.root / "run").glob("*.pid"):
                file.unlink()
        self.databases()
        self.tables()
        etc = self.root / "etc"
        serve = [*PYTHON, HERE / "serve.py"]
        self.start("keystone", [*serve, "keystone", PORTS["keystone"]], OS_KEYSTONE_CONFIG_DIR=str(etc))
        self.start("placement", [*serve, "placement", PORTS["placement"]], OS_PLACEMENT_CONFIG_DIR=str(etc))
        self.start("neutron", [*serve, "neutron", PORTS["neutron"]])
        self.start("glance", [*main_of("glance.cmd.api", "glance-api"), "--config-file", etc / "glance-api.conf"])
        for name in ("keystone", "placement", "glance"):
            self.listens(PORTS[name], name)
        self.catalog()
        for service in ("conductor", "scheduler"):
            self.start(f"nova-{service}", [*main_of(f"nova.cmd.{service}", f"nova-{service}"), "--config-file", etc / "nova.conf",
                                           "--log-file", self.root / f"log/nova-{service}.log"])
        self.start("nova-api", [*main_of("nova.cmd.api_os_compute", "nova-api-os-compute"), "--config-file", etc / "nova.conf",
                                "--log-file", self.root / "log/nova-api.log"])
        self.listens(PORTS["nova"], "Nova")
        self.compute("up")
        for _ in range(120):
            nodes = run(["mariadb", "-S", self.root / "run/mysql.sock", "-N", "-e", "select count(*) from nova.compute_nodes"], self.log)
            if nodes.strip() != "0":
                break
            time.sleep(0.5)
        run([*main_of("nova.cmd.manage", "nova-manage"), "--config-file", etc / "nova.conf", "cell_v2", "discover_hosts"], self.log)

    def compute(self, what):
        if what == "up":
            etc = self.root / "etc"
            self.start("nova-compute", [*main_of("nova.cmd.compute", "nova-compute", HERE), "--config-file", etc / "nova.conf",
                                        "--config-file", etc / "compute.conf", "--log-file", self.root / "log/nova-compute.log"],
                       HYPERVISOR_FAULTS=str(self.root / "run/faults.json"))
        else:
            self.stop("nova-compute", signal.SIGKILL if what == "kill" else signal.SIGTERM)

    def catalog(self):
        """Registers services and their addresses."""
        from keystoneauth1.identity.v3 import Password
        from keystoneauth1.session import Session
        auth = Password(f"{AT['keystone']}/v3", username="admin", password=PASSWORD, project_name="admin",
                        user_domain_id="default", project_domain_id="default")
        session = Session(auth)
        keystone = {"service_type": "identity", "interface": "public"}
        known = {service["type"] for service in session.get("/services", endpoint_filter=keystone).json()["services"]}
        addresses = {"compute": f"{AT['nova']}/v2.1", "image": AT["glance"], "placement": AT["placement"], "network": AT["neutron"]}
        for kind, address in addresses.items():
            if kind in known:
                continue
            made = session.post("/services", json={"service": {"type": kind, "name": kind}}, endpoint_filter=keystone).json()
            for interface in ("public", "internal", "admin"):
                endpoint = {"service_id": made["service"]["id"], "interface": interface, "url": address, "region_id": "RegionOne"}
                session.post("/endpoints", json={"endpoint": endpoint}, endpoint_filter=keystone)

    def fault(self, text):
        json.loads(text)
        file = self.root / "run/faults.json"
        file.with_suffix(".new").write_text(text)
        file.with_suffix(".new").rename(file)

    def down(self):
        names = [file.stem for file in (self.root / "run").glob("*.pid")]
        for name in sorted(names, key=lambda name: name in ("mysql", "rabbit")):
            if name not in ("mysqld", "rabbit-server"):
                self.stop(name)
        # RabbitMQ leaves its port mapper behind; told to go, it does so only when nobody uses it.
        subprocess.run(["epmd", "-kill"], capture_output=True, check=False)


def install():
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    missing = [name for name in PACKAGES if subprocess.run(["dpkg", "-s", name], capture_output=True, check=False).returncode]
    if not missing:
        return
    get = ["apt-get", "-q", "install", "-y", "--no-install-recommends", *missing]
    if subprocess.run(get, env=environment, check=False).returncode:
        subprocess.run(["apt-get", "-q", "update"], env=environment, check=True)
        subprocess.run(get, env=environment, check=True)


def main():
    match sys.argv[1:]:
        case ["install"]:
            install()
        case ["prepare", root]:
            Cloud(root).prepare()
        case ["up", root]:
            began = time.monotonic()
            Cloud(root).up()
            print(f"up after {time.monotonic() - began:.0f} s: {AT['keystone']}/v3, user and project admin, password {PASSWORD}")
        case ["compute", root, ("up" | "down" | "kill") as what]:
            Cloud(root).compute(what)
        case ["fault", root, text]:
            Cloud(root).fault(text)
        case ["down", root]:
            Cloud(root).down()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()

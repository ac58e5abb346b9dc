//! The real binary, as a person uses it: serve, user, get, edit, action, watch, and what goes wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may stop"
)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{DEPZZ, PASSWORD, PATIENCE, key_pair};

const LIFELINE: &str = env!("CARGO_BIN_EXE_lifeline");

/// Latencies under which a deployment is alive in a second or two.
const CONFIG: &str = "
[probe]
spread-ms = 0
[cloudsim.latency]
create-ms = 10
boot-ms = 10
reboot-ms = 10
delete-ms = 10
";

/// The element an edit is for.
const AT: &str = "--at=/esc_datamodel/tenants/tenant/deployments/deployment";

/// A command that sees nothing of the caller's environment that could change it.
fn lifeline(args: &[&str]) -> Command {
    let mut command = Command::new(LIFELINE);
    command
        .args(args)
        .env_remove("LIFELINE_PASSWORD")
        .env_remove("LIFELINE_KEY_PASSPHRASE")
        .stdin(Stdio::null());
    command
}

fn with_input(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn run(args: &[&str]) -> Output {
    lifeline(args).output().unwrap()
}

#[track_caller]
fn good(output: &Output) -> String {
    let (out, err) = texts(output);
    assert!(output.status.success(), "{}: {out}{err}", output.status);
    out
}

/// It failed, and said why in one line on standard error.
#[track_caller]
fn one_line(output: &Output) -> String {
    let (out, err) = texts(output);
    assert!(!output.status.success(), "{out}");
    assert_eq!(err.trim_end().lines().count(), 1, "{err}");
    assert!(err.starts_with("lifeline: "), "{err}");
    assert_eq!(out, "");
    err
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// A serving process; killed when dropped.
struct Serving {
    child: Child,
    port: String,
    stderr: Option<ChildStderr>,
}

impl Serving {
    fn start(dir: &Path, config: &Path) -> Self {
        let mut child = lifeline(&["serve", "--netconf", "127.0.0.1:0", "--log", "warn"])
            .arg("--data-dir")
            .arg(dir)
            .arg("--config")
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("listening netconf ")
            .and_then(|rest| rest.strip_suffix('\n'))
            .unwrap_or_else(|| panic!("not the line of a ready server: {line:?}"));
        let (host, port) = address.rsplit_once(':').unwrap();
        assert_eq!(host, "127.0.0.1");
        Self {
            port: port.to_owned(),
            stderr: child.stderr.take(),
            child,
        }
    }

    /// Sends a signal; returns the exit code and what was logged.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let start = Instant::now();
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut log = String::new();
        self.stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (self.child.wait().unwrap().code(), log)
    }

    fn ask(&self, args: &[&str]) -> Command {
        let mut command = lifeline(args);
        command
            .args(["--port", &self.port, "--user", "ann"])
            .env("LIFELINE_PASSWORD", PASSWORD);
        command
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Desk {
    root: tempfile::TempDir,
    data: String,
}

impl Desk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("lifeline.toml"), CONFIG).unwrap();
        let data = root.path().join("data").to_str().unwrap().to_owned();
        Self { root, data }
    }

    fn user(&self, args: &[&str]) -> Output {
        let mut all = vec!["user"];
        all.extend(args);
        all.extend(["--data-dir", &self.data]);
        with_input(lifeline(&all), &format!("{PASSWORD}\n"))
    }

    fn serve(&self) -> Serving {
        Serving::start(
            Path::new(&self.data),
            &self.root.path().join("lifeline.toml"),
        )
    }

    fn file(&self, name: &str, text: &str) -> String {
        let file = self.root.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

#[test]
fn users_are_managed_without_and_with_a_server() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let (_, public) = key_pair(desk.root.path());
    let key_file = desk.file("bob.pub", &public);
    let no_credentials = one_line(&desk.user(&["add", "ann"]));
    assert!(
        no_credentials.contains("--password-stdin"),
        "{no_credentials}"
    );
    good(&desk.user(&["add", "ann", "--password-stdin"]));
    let mode = std::fs::metadata(&desk.data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "a missing directory is made private");
    good(&desk.user(&["add", "bob", "--authorized-key", &key_file]));
    let list = good(&desk.user(&["list"]));
    assert!(list.contains("ann") && list.contains("bob"), "{list}");
    assert!(!list.contains(PASSWORD));

    let server = desk.serve();
    good(&desk.user(&["add", "carol", "--password-stdin"]));
    let list = good(&desk.user(&["list"]));
    assert!(
        ["ann", "bob", "carol"]
            .iter()
            .all(|name| list.contains(name)),
        "{list}"
    );
    // A user added while serving logs in at once, a removed one no more.
    let as_carol = |server: &Serving| {
        lifeline(&[
            "get",
            "--xpath",
            "//status",
            "--user",
            "carol",
            "--port",
            &server.port,
        ])
        .env("LIFELINE_PASSWORD", PASSWORD)
        .output()
        .unwrap()
    };
    good(&as_carol(&server));
    good(&desk.user(&["remove", "carol"]));
    one_line(&as_carol(&server));
    let unknown = one_line(&desk.user(&["remove", "carol"]));
    assert!(unknown.contains("carol"), "{unknown}");
    // By key.
    let key = desk.root.path().join("id_ed25519");
    let by_key = lifeline(&[
        "get",
        "--xpath",
        "//status",
        "--user",
        "bob",
        "--port",
        &server.port,
    ])
    .arg("--key")
    .arg(&key)
    .output()
    .unwrap();
    assert!(good(&by_key).contains("OPER_UP"));
    assert_eq!(server.end("-TERM").0, Some(0));
    let list = good(&desk.user(&["list"]));
    assert!(list.contains("ann") && !list.contains("carol"), "{list}");
}

#[test]
fn an_operator_deploys_looks_acts_and_watches() {
    let desk = Desk::new();
    good(&desk.user(&["add", "ann", "--password-stdin"]));
    let server = desk.serve();
    let document = desk.file("depzz.xml", DEPZZ);

    good(
        &server
            .ask(&["edit", "--test-only", &document])
            .output()
            .unwrap(),
    );
    good(&server.ask(&["edit", &document]).output().unwrap());
    let config = server
        .ask(&["get", "--config", "--xpath", "//deployment/name"])
        .output()
        .unwrap();
    assert!(good(&config).contains("depzz"));
    let watched = server
        .ask(&["watch", "--since", "1h", "--count", "6"])
        .output()
        .unwrap();
    let watched = good(&watched);
    for kind in ["CREATE_TENANT", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"] {
        assert!(watched.contains(kind), "{watched}");
    }

    let opdata = server
        .ask(&["get", "--xpath", "//opdata//vm_instance/name"])
        .output()
        .unwrap();
    let opdata = good(&opdata);
    let (_, rest) = opdata.split_once("<name>depzz_g1_0_").expect(&opdata);
    let vm = format!("depzz_g1_0_{}", rest.split('<').next().unwrap());
    let unknown = one_line(
        &server
            .ask(&["action", "vm", "reboot", "nobody"])
            .output()
            .unwrap(),
    );
    assert!(unknown.contains("nobody"), "{unknown}");
    good(
        &server
            .ask(&["action", "vm", "reboot", &vm])
            .output()
            .unwrap(),
    );
    let events = server
        .ask(&["watch", "--since", "1h", "--count", "8", "--xml"])
        .output()
        .unwrap();
    let events = good(&events);
    let lines: Vec<&str> = events.lines().collect();
    assert_eq!(lines.len(), 8, "one notification per line: {events}");
    assert!(
        lines[6].contains("VM_REBOOTED") && lines[7].contains("VM_ALIVE"),
        "{events}"
    );

    let refused = server
        .ask(&["edit", &document, "--operation", "create", AT])
        .output()
        .unwrap();
    let text = one_line(&refused);
    assert!(text.contains("data-exists"), "{text}");
    let remove = server
        .ask(&["edit", &document, "--operation", "remove", AT])
        .output()
        .unwrap();
    good(&remove);

    // Wrong password, wrong port, no server.
    let wrong = server
        .ask(&["get"])
        .env("LIFELINE_PASSWORD", "wrong")
        .output()
        .unwrap();
    one_line(&wrong);
    let (code, log) = server.end("-INT");
    assert_eq!(code, Some(0));
    assert!(!log.contains(PASSWORD), "{log}");
    let nobody = lifeline(&["get", "--port", "1", "--user", "ann"])
        .env("LIFELINE_PASSWORD", PASSWORD)
        .output()
        .unwrap();
    let text = one_line(&nobody);
    assert!(text.contains("127.0.0.1:1"), "{text}");
}

#[test]
fn what_goes_wrong_at_the_start_is_one_clear_line() {
    let desk = Desk::new();
    good(&desk.user(&["add", "ann", "--password-stdin"]));
    let table = [
        ("[limits]\nsession = 3\n", "session"),
        ("[nothing]\n", "nothing"),
        ("[limits]\nsessions = \"many\"\n", "sessions"),
        ("[limits\n", "line 1"),
    ];
    for (text, named) in table {
        let file = desk.file("bad.toml", text);
        let args = ["serve", "--data-dir", &desk.data, "--config", &file];
        let line = one_line(&run(&args));
        assert!(line.contains(named) && line.contains("bad.toml"), "{line}");
    }
    let missing = desk.root.path().join("none.toml");
    let args = [
        "serve",
        "--data-dir",
        &desk.data,
        "--config",
        missing.to_str().unwrap(),
    ];
    assert!(one_line(&run(&args)).contains("none.toml"));

    // Unknown options and values: clap's own words, exit code 2.
    for args in [
        vec!["serve", "--data-dir", &desk.data, "--prot", "1"],
        vec!["serve"],
        vec!["serve", "--data-dir", &desk.data, "--netconf", "nowhere"],
        vec!["fly"],
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(texts(&output).1.starts_with("error: "), "{args:?}");
    }
    let help = good(&run(&["--help"]));
    assert!(help.contains("serve") && help.contains("demo"), "{help}");

    // A second server, and a port that is taken.
    let server = desk.serve();
    let second = run(&[
        "serve",
        "--data-dir",
        &desk.data,
        "--netconf",
        "127.0.0.1:0",
    ]);
    let line = one_line(&second);
    assert!(
        line.contains("in use") && line.contains(&server.child.id().to_string()),
        "{line}"
    );
    let other = desk.root.path().join("other");
    let address = format!("127.0.0.1:{}", server.port);
    let taken = run(&[
        "serve",
        "--data-dir",
        other.to_str().unwrap(),
        "--netconf",
        &address,
    ]);
    assert!(one_line(&taken).contains(&address));
    assert_eq!(server.end("-TERM").0, Some(0));

    // A log filter that is none.
    let filter = run(&["serve", "--data-dir", &desk.data, "--log", "a=b=c"]);
    assert!(one_line(&filter).contains("a=b=c"));
}

#[test]
fn a_server_with_open_sessions_drains_and_exits_0() {
    let desk = Desk::new();
    good(&desk.user(&["add", "ann", "--password-stdin"]));
    let server = desk.serve();
    let mut watching = server
        .ask(&["watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut header = String::new();
    BufReader::new(watching.stdout.take().unwrap())
        .read_line(&mut header)
        .unwrap();
    // A peer of the control socket that says nothing.
    let socket = std::fs::read_dir(&desk.data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ext| ext == "sock"))
        .expect("a control socket");
    let silent = std::os::unix::net::UnixStream::connect(socket).unwrap();
    let start = Instant::now();
    let (code, log) = server.end("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(
        start.elapsed() < Duration::from_secs(9),
        "{:?}",
        start.elapsed()
    );
    drop(silent);
    drop(watching.kill());
    drop(watching.wait());
    // Nothing is left that keeps the next one from starting.
    assert_eq!(desk.serve().end("-TERM").0, Some(0));
}

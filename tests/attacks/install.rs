//! What a fresh installation holds and lets out.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::peer::{ESC, Host, PASSWORD};
use crate::sample::{candidate, running, tenant};

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all
}

/// CVE-2017-6684, -6688, -6689 (ESC): static keys. Each installation makes its own at its first start.
#[test]
fn two_installations_share_no_key() {
    let keys = |host: &Host| -> BTreeSet<Vec<u8>> {
        let found: BTreeSet<Vec<u8>> = files(host.data())
            .into_iter()
            .filter(|path| path.to_string_lossy().contains("host") || path.ends_with("store.key"))
            .map(|path| std::fs::read(path).unwrap())
            .collect();
        assert!(found.len() >= 4, "ed25519, ecdsa, rsa, that of the store");
        found
    };
    let (one, two) = (Host::process(), Host::process());
    assert!(keys(&one).is_disjoint(&keys(&two)));
}

/// CVE-2017-6696 (ESC): what is on disk is for its owner, and no password or secret is in it.
#[test]
fn files_are_their_owner_s_and_hold_no_password() {
    let host = Host::process();
    let mut peer = host.peer();
    peer.ok(&running(&tenant("t", "")));
    const SECRET: &[u8] = b"of-a-cloud-s3cret";
    // Written, kept for a confirmed commit to be taken back, and in the candidate.
    for value in ["", "2"] {
        let secret = String::from_utf8_lossy(SECRET);
        peer.ok(&candidate(&format!(
            "<esc_datamodel xmlns=\"{ESC}\"><vim_connectors><vim_connector><id>v</id><type>OPENSTACK</type><properties>\
             <property><name>os_password</name><value>{secret}{value}</value></property></properties></vim_connector>\
             </vim_connectors></esc_datamodel>"
        )));
        peer.ok("<commit><confirmed/></commit>");
    }
    peer.ok("<commit/>");
    let mut seen = 0;
    for path in files(host.data()) {
        if path.ends_with("test.toml") {
            continue;
        }
        let meta = std::fs::metadata(&path).unwrap();
        let mode = meta.permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
        if meta.is_file() {
            let octets = std::fs::read(&path).unwrap();
            let holds = |what: &[u8]| octets.windows(what.len()).any(|seen| seen == what);
            assert!(!holds(PASSWORD.as_bytes()), "{}", path.display());
            assert!(!holds(SECRET), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} files");
    let mode = std::fs::metadata(host.data()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// A directory that others can read is closed to them before anything is put into it.
#[test]
fn a_directory_open_to_others_is_closed_to_them() {
    use std::io::BufRead;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_lifeline"))
        .args(["serve", "--netconf", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let mode = std::fs::metadata(dir.path()).unwrap().permissions().mode();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("listening netconf"), "{line}");
    assert_eq!(mode & 0o777, 0o700);
}

/// CVE-2026-44673 (libyang): its binary format is read from nowhere, not even from our own store; and no
/// YANG comes from outside: every module is in the binary (CVE-2021-28902 and its kin).
#[test]
fn libyang_reads_neither_binary_data_nor_foreign_modules() {
    fn sources(dir: &Path, all: &mut Vec<(String, String)>) {
        for path in std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                all.push((
                    path.display().to_string(),
                    std::fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    assert!(
        all.iter()
            .any(|(_, text)| text.contains("lyd_parse_data_mem"))
    );
    for (path, text) in &all {
        for call in ["LYD_LYB", "lys_parse", "ly_ctx_set_searchdir", "LYS_IN_YIN"] {
            assert!(!text.contains(call), "{call} in {path}");
        }
    }
    // Only the schema room talks to libyang at all.
    for (path, text) in &all {
        assert!(
            !text.contains("yang5::") || path.contains("/schema/"),
            "{path}"
        );
    }
}

/// CVE-2017-6683 (ESC): names of scripts in a policy are names. Nothing is ever executed, no file of
/// somebody else opened, no connection made (the XXE cases are in there too).
#[test]
fn nothing_is_executed_and_nothing_opened_on_request() {
    if std::process::Command::new("strace")
        .arg("-V")
        .output()
        .is_err()
    {
        eprintln!("skipped: no strace on this machine");
        return;
    }
    let trace = tempfile::NamedTempFile::new().unwrap();
    let out = trace.path().to_str().unwrap();
    let host = Host::process_with(
        "",
        &[
            "strace",
            "-D",
            "-f",
            "-qq",
            "-o",
            out,
            "-e",
            "trace=execve,execveat,openat,open,connect",
        ],
    );
    host.lives();
    let seen = || std::fs::read_to_string(trace.path()).unwrap();
    let started = seen().len();
    for entity in crate::messages::ENTITIES {
        let mut peer = host.peer();
        let before = crate::messages::rpc("<get/>");
        peer.send_message(&format!("{entity}{before}"));
        let _ = peer.next(std::time::Duration::from_secs(5));
    }
    let mut peer = host.peer();
    let group = format!(
        "{}{}<rules><admin_rules><rule><event_name>VM_ALIVE</event_name><action>ALWAYS log</action><action>TRUE $(touch /tmp/pwned); touch /tmp/pwned</action><action>FALSE recover autohealing</action></rule></admin_rules></rules>",
        crate::sample::GROUP,
        crate::sample::NO_VMS
    );
    let _ = peer.rpc(&running(&crate::sample::deployment("t", "d", &group)));
    host.lives();
    let whole = seen();
    let after = &whole[started..];
    for call in ["execve", "connect(", "/etc/passwd", "attacker", "pwned"] {
        let found: Vec<&str> = after.lines().filter(|line| line.contains(call)).collect();
        assert!(found.is_empty(), "{call}: {found:?}");
    }
    let data = host.data().to_string_lossy().into_owned();
    for line in after.lines().filter(|line| line.contains("open")) {
        let allowed = line.contains(&data)
            || line.contains("\"/proc/")
            || line.contains("\"/sys/")
            || line.contains("\"/dev/")
            || line.contains("/lib/")
            || line.contains("/gconv")
            || line.contains("/usr/share/zoneinfo")
            || line.contains("/etc/localtime")
            || line.contains("resumed");
        assert!(allowed, "opened: {line}");
    }
}

//! What clients may do and what they may not.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, ssh_key};

use super::harness::{Server, line, netconf, quick};

struct AnyHost;

impl russh::client::Handler for AnyHost {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// An RSA key made for these tests; making one takes long in a debug build.
const RSA: &str = include_str!("rsa_key.pem");

#[test]
fn a_password_opens_a_session_and_the_close_is_in_order() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut channel = netconf(&session);
    channel.write_all(b"one\ntwo\nbye\n").unwrap();
    let mut rest = String::new();
    channel.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "one\ntwo\nbye\n");
    assert!(channel.eof());
    channel.wait_close().unwrap();
    assert_eq!(channel.exit_status().unwrap(), 0);
}

#[test]
fn ed25519_ecdsa_and_rsa_keys_log_in_and_unknown_keys_do_not() {
    let server = Server::start(quick());
    let random = |algorithm| PrivateKey::random(&mut rand::rng(), algorithm).unwrap();
    let keys = [
        random(ssh_key::Algorithm::Ed25519),
        random(ssh_key::Algorithm::Ecdsa {
            curve: ssh_key::EcdsaCurve::NistP256,
        }),
        russh::keys::decode_secret_key(RSA, None).unwrap(),
    ];
    for key in keys {
        let blob = key.public_key().to_bytes().unwrap();
        for known in [false, true] {
            if known {
                server.users.keys.lock().unwrap().push(blob.clone());
            }
            let key = Arc::new(key.clone());
            let accepted = server.runtime.block_on(async {
                let mut client = russh::client::connect(Arc::default(), server.address, AnyHost)
                    .await
                    .unwrap();
                let hash = key.algorithm().is_rsa().then_some(ssh_key::HashAlg::Sha512);
                client
                    .authenticate_publickey("ann", PrivateKeyWithHashAlg::new(key.clone(), hash))
                    .await
                    .unwrap()
                    .success()
            });
            assert_eq!(accepted, known, "{:?}", key.algorithm());
        }
        let pem = key.to_openssh(ssh_key::LineEnding::LF).unwrap();
        let session = server.connect();
        session
            .userauth_pubkey_memory("ann", None, &pem, None)
            .unwrap_or_else(|error| panic!("libssh2 with {:?}: {error}", key.algorithm()));
        netconf(&session);
    }
}

#[test]
fn rsa_with_sha1_is_refused_although_the_key_is_known() {
    let server = Server::start(quick());
    let key = russh::keys::decode_secret_key(RSA, None).unwrap();
    let blob = key.public_key().to_bytes().unwrap();
    server.users.keys.lock().unwrap().push(blob);
    let accepted = server.runtime.block_on(async {
        let mut client = russh::client::connect(Arc::default(), server.address, AnyHost)
            .await
            .unwrap();
        client
            .authenticate_publickey("ann", PrivateKeyWithHashAlg::new(Arc::new(key), None))
            .await
            .is_ok_and(|answer| answer.success())
    });
    assert!(!accepted);
}

#[test]
fn only_the_subsystem_netconf_is_served() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    assert!(session.channel_session().unwrap().exec("id").is_err());
    assert!(session.channel_session().unwrap().shell().is_err());
    let mut other = session.channel_session().unwrap();
    assert!(other.subsystem("sftp").is_err());
    assert!(other.setenv("LANG", "C").is_err());
    drop(other);
    assert!(session.channel_direct_tcpip("127.0.0.1", 22, None).is_err());
    assert!(session.channel_forward_listen(0, None, None).is_err());
    netconf(&session);
}

#[test]
fn a_terminal_is_granted_and_echoes_nothing() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut channel = session.channel_session().unwrap();
    channel.request_pty("xterm", None, None).unwrap();
    channel.subsystem("netconf").unwrap();
    assert_eq!(line(&mut channel), "hello");
    channel.write_all(b"once\nbye\n").unwrap();
    let mut rest = String::new();
    channel.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "once\nbye\n");
}

#[test]
fn a_channel_carries_one_session_only() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut channel = netconf(&session);
    assert!(channel.subsystem("netconf").is_err());
    channel.write_all(b"still\n").unwrap();
    assert_eq!(line(&mut channel), "still");
}

#[test]
fn end_of_input_still_delivers_the_pending_replies() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut channel = session.channel_session().unwrap();
    channel.subsystem("netconf").unwrap();
    channel.write_all(b"late\nbig 3000000\nlast\n").unwrap();
    channel.send_eof().unwrap();
    let mut all = Vec::new();
    channel.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), "hello\nlate\n\nlast\n".len() + 3_000_000);
    assert!(all.ends_with(b"x\nlast\n"));
    channel.wait_close().unwrap();
    assert_eq!(channel.exit_status().unwrap(), 0);
}

#[test]
fn openssh_with_a_file_as_input_gets_its_replies() {
    if Command::new("ssh").arg("-V").output().is_err() {
        eprintln!("skipped: no ssh command on this machine");
        return;
    }
    let server = Server::start(quick());
    let dir = tempfile::tempdir().unwrap();
    let key = PrivateKey::random(&mut rand::rng(), ssh_key::Algorithm::Ed25519).unwrap();
    let file = dir.path().join("key");
    key.write_openssh_file(&file, ssh_key::LineEnding::LF)
        .unwrap();
    let blob = key.public_key().to_bytes().unwrap();
    server.users.keys.lock().unwrap().push(blob);
    for terminal in ["-T", "-tt"] {
        let mut child = Command::new("ssh")
            .args(["-F", "none", "-o", "StrictHostKeyChecking=no"])
            .args([
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-o",
                "IdentityAgent=none",
            ])
            .args([
                "-o",
                "BatchMode=yes",
                "-o",
                "LogLevel=ERROR",
                terminal,
                "-i",
            ])
            .arg(&file)
            .args(["-p", &server.address.port().to_string()])
            .args(["-s", "ann@127.0.0.1", "netconf"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"late\nbig 100000\nlast\n").unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{terminal}: {:?}", output.status);
        assert_eq!(output.stdout.len(), "hello\nlate\n\nlast\n".len() + 100_000);
    }
}

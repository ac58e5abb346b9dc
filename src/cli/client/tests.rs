use std::time::Duration;

use super::scripted::{Script, Server};
use super::*;

#[test]
fn both_framings_carry_requests_and_replies() {
    for old in [false, true] {
        let server = Server::start(Script {
            old,
            ..Script::default()
        });
        let mut client = Client::connect(&server.target("secret")).unwrap();
        assert_eq!(client.capabilities().len(), if old { 1 } else { 2 });
        let reply = client.rpc("<get/>").unwrap();
        let data = reply.element.child(names::BASE, "data").unwrap();
        assert_eq!(
            data.elements()
                .next()
                .unwrap()
                .elements()
                .next()
                .unwrap()
                .text(),
            "ä"
        );
        client.close();
    }
}

#[test]
fn errors_are_one_clear_line() {
    let server = Server::start(Script::default());
    let port = server.address.port();
    let error = Client::connect(&server.target("wrong")).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("127.0.0.1:{port} refused the login of admin: wrong user or password")
    );
    assert!(!error.is_transient());

    let mut client = Client::connect(&server.target("secret")).unwrap();
    let error = client.rpc("<bad/>").err().unwrap();
    assert_eq!(error.to_string(), "data-missing: no such VM (at /a/b)");
    let error = client.rpc("<leave/>").err().unwrap();
    assert_eq!(
        error.to_string(),
        "connection lost: the server closed the session"
    );

    let mut target = server.target("secret");
    target.port = 1;
    let error = Client::connect(&target).err().unwrap();
    assert!(
        error
            .to_string()
            .starts_with("cannot connect to 127.0.0.1:1: ")
    );
    assert!(error.is_transient());
}

#[test]
fn a_silent_server_is_waited_for_no_longer_than_told() {
    let server = Server::start(Script::default());
    let mut target = server.target("secret");
    target.timeout = Duration::from_secs(1);
    let mut client = Client::connect(&target).unwrap();
    let error = client.rpc("<silence/>").err().unwrap();
    assert_eq!(error.to_string(), "no answer from the server within 1 s");
}

#[test]
fn notifications_that_come_before_a_reply_are_kept_and_warnings_are_no_errors() {
    let server = Server::start(Script::default());
    let mut client = Client::connect(&server.target("secret")).unwrap();
    let reply = client.rpc("<chatter/>").unwrap();
    assert_eq!(
        reply.warnings[0].to_string(),
        "operation-failed: mind the gap"
    );
    let kept = client.notification(Some(Duration::from_secs(1))).unwrap();
    assert!(kept.unwrap().contains("VM_ALIVE"));
    let none = client.notification(Some(Duration::from_millis(50)));
    assert!(none.unwrap().is_none());
}

#[test]
fn the_host_key_must_be_known_when_it_is_asked_for() {
    let server = Server::start(Script::default());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("known_hosts");
    let mut target = server.target("secret");
    target.host_key = HostKeyCheck::KnownHosts(file.clone());
    let error = Client::connect(&target).err().unwrap().to_string();
    assert!(error.contains("is not known"), "{error}");

    let port = server.address.port();
    let learn = |server: &Server| {
        let tcp = std::net::TcpStream::connect(server.address).unwrap();
        let mut ssh = ssh2::Session::new().unwrap();
        ssh.set_tcp_stream(tcp);
        ssh.handshake().unwrap();
        let mut known = ssh.known_hosts().unwrap();
        let (key, kind) = ssh.host_key().unwrap();
        known
            .add(&format!("[127.0.0.1]:{port}"), key, "", kind.into())
            .unwrap();
        known.write_file(&file, KnownHostFileKind::OpenSSH).unwrap();
    };
    learn(&server);
    Client::connect(&target).unwrap().close();

    learn(&Server::start(Script::default()));
    let error = Client::connect(&target).err().unwrap().to_string();
    assert!(error.contains("is not the known one"), "{error}");
}

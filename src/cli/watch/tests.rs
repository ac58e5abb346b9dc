use super::*;

const REBOOT: &str = r#"<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">
  <eventTime>2016-06-23T18:30:09.115+00:00</eventTime>
  <escEvent xmlns="http://www.cisco.com/esc/esc">
    <status>FAILURE</status><status_code>500</status_code>
    <status_message>Error Messages: VM [v] failed to be
rebooted.</status_message>
    <depname>depzz</depname><tenant>ttt</tenant><vm_group>g1</vm_group>
    <vm_source><vmid>1dd943b9-93a4-4987-b26b-1b8fd264774d</vmid></vm_source>
    <vm_target/>
    <event><type>VM_RECOVERY_REBOOT</type></event>
  </escEvent>
</notification>"#;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

#[test]
fn an_event_is_one_line_under_its_header() {
    assert_eq!(
        header() + &Event::parse(REBOOT).unwrap().row(),
        "\
TIME                      TYPE                      STATUS   DEPLOYMENT        VM                    MESSAGE
2016-06-23T18:30:09.115Z  VM_RECOVERY_REBOOT        FAILURE  depzz             g1/1dd943b9           Error Messages: VM [v] failed to be rebooted.
"
    );
}

#[test]
fn a_replaced_vm_shows_old_and_new_and_a_rebooted_one_only_itself() {
    let vm = |source: &str, target: &str| {
        let side = |name: &str, id: &str| format!("<{name}><vmid>{id}</vmid></{name}>");
        let text = format!(
            "<escEvent>{}{}</escEvent>",
            side("vm_source", source),
            side("vm_target", target)
        );
        super::vm(&xml::parse_str(&text).unwrap())
    };
    assert_eq!(vm("aa-1", "bb-2"), "aa>bb");
    assert_eq!(vm("aa-1", "aa-1"), "aa");
    assert_eq!(vm("", "bb-2"), "bb");
    assert_eq!(vm("", ""), "");
}

#[test]
fn other_events_show_their_leaves() {
    let text = r#"<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><eventTime>2026-01-01T00:00:00Z</eventTime><netconf-session-end xmlns="urn:x"><username>ann</username><session-id>3</session-id><termination-reason>closed</termination-reason></netconf-session-end></notification>"#;
    let row = Event::parse(text).unwrap().row();
    assert!(row.contains("netconf-session-end"), "{row}");
    assert!(
        row.ends_with("username=ann session-id=3 termination-reason=closed\n"),
        "{row}"
    );
}

#[test]
fn what_was_seen_is_not_shown_again_after_a_reconnect() {
    let mut place = Place {
        start: at(100),
        last: None,
        priming: false,
    };
    assert_eq!(place.start(), at(100));
    assert!(place.is_new(at(110)));
    assert!(place.is_new(at(120)));
    // The connection breaks; the replay starts with the last event, that one included.
    assert_eq!(place.start(), at(120));
    assert!(!place.is_new(at(120)));
    assert!(place.is_new(at(121)));
}

#[test]
fn a_watch_from_now_on_remembers_its_place_before_the_first_event_it_shows() {
    let mut place = Place {
        start: at(100),
        last: None,
        priming: true,
    };
    assert!(!place.is_new(at(110)));
    place.priming = false;
    assert_eq!(place.start(), at(110));
    assert!(!place.is_new(at(110)));
    assert!(place.is_new(at(111)));
}

#[test]
fn since_takes_a_time_or_a_duration_ago() {
    assert_eq!(since("90s", at(100)).unwrap(), at(10));
    assert_eq!(since("1d", at(86_400)).unwrap(), at(0));
    assert_eq!(since("1970-01-01T00:01:00Z", at(100)).unwrap(), at(60));
    assert_eq!(since("1970-01-01T01:01:00+01:00", at(0)).unwrap(), at(60));
    for text in ["yesterday", "", "m", "10x", "ä"] {
        let error = since(text, at(0)).unwrap_err().to_string();
        assert!(error.starts_with("--since"), "{error}");
    }
}

mod live {
    use clap::Parser;

    use super::super::super::client::scripted::{Script, Server};
    use super::super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        watch: WatchArgs,
    }

    /// Runs a watch with a printer that sees every line.
    fn watch(server: &Server, args: &[&str], mut seen: impl FnMut(&str)) {
        let port = server.address.port().to_string();
        let common = ["watch", "--port", &port, "--xml"];
        let cli = Cli::try_parse_from([&common, args].concat()).unwrap();
        let target = server.target("secret");
        cli.watch
            .watch_target(&target, &mut |line| {
                seen(line);
                Ok(true)
            })
            .unwrap();
    }

    fn time(line: &str) -> Timestamp {
        Event::parse(line).unwrap().time
    }

    #[test]
    fn broken_connections_lose_and_double_nothing() {
        let now = SystemClock::new().wall();
        let event = |n: u64| now + Duration::from_millis(n);
        let server = Server::start(Script {
            events: (1..=20).map(event).collect(),
            breaks: vec![3, 1, 2, 7],
            ..Script::default()
        });
        let mut seen = Vec::new();
        let since = now.to_string();
        watch(&server, &["--since", &since, "--count", "20"], |line| {
            seen.push(time(line));
        });
        assert_eq!(seen, (1..=20).map(event).collect::<Vec<_>>());
    }

    #[test]
    fn a_watch_from_now_on_shows_nothing_old_and_misses_nothing_new() {
        let now = SystemClock::new().wall();
        let old = now - Duration::from_secs(10);
        // The connection breaks right after the unseen replay, before any event was shown.
        let server = Server::start(Script {
            events: vec![old],
            breaks: vec![1],
            ..Script::default()
        });
        let script = std::sync::Arc::clone(&server.script);
        let later = std::thread::spawn(move || {
            for n in 1..=5 {
                std::thread::sleep(Duration::from_millis(150));
                let mut script = script.lock().unwrap();
                script.events.push(now + Duration::from_secs(n));
            }
        });
        let mut seen = Vec::new();
        watch(&server, &["--count", "5"], |line| seen.push(time(line)));
        later.join().unwrap();
        let expected: Vec<_> = (1..=5).map(|n| now + Duration::from_secs(n)).collect();
        assert_eq!(seen, expected);
    }
}

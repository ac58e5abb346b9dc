//! The documented replies parse, each format says the same, and a signature is checked.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::clock::Timestamp;

const DEPLOY: &str = include_str!("fixtures/deploy.xml");
const PENDING: &str = include_str!("fixtures/pending.xml");
const FAILED: &str = include_str!("fixtures/failed.xml");
const SUCCEEDED: &str = include_str!("fixtures/succeeded.xml");

fn reply(text: &str) -> Reply {
    Reply::decode(text.as_bytes()).unwrap()
}

fn job(text: &str) -> AsyncJob {
    AsyncJob::of_reply(&reply(text)).unwrap()
}

#[test]
fn a_deploy_is_answered_with_a_job_and_an_id() {
    let started: Started = reply(DEPLOY).read().unwrap();
    assert_eq!(
        (started.jobid, started.id),
        (Id::new("1"), Some(Id::new("100")))
    );
}

#[test]
fn a_job_is_pending_failed_or_has_succeeded_under_either_name() {
    let pending = job(PENDING);
    assert_eq!(
        (pending.jobstatus, pending.jobprocstatus, pending.jobresult),
        (JobStatus::Pending, Some(1), None)
    );
    let failed = job(FAILED);
    assert_eq!(
        (failed.jobstatus, failed.jobresultcode),
        (JobStatus::Failed, Some(551))
    );
    let words = "Unable to deploy virtual machine id = 100 due to not enough capacity";
    assert_eq!(failed.failure().as_deref(), Some(words));
    let done = job(SUCCEEDED);
    let Some(JobResult::VirtualMachine(vm)) = done.jobresult.clone() else {
        panic!("{done:?}");
    };
    assert_eq!(
        (vm.id.as_str(), vm.state, vm.memory),
        ("450", VmState::Running, Some(512))
    );
    assert_eq!(vm.nic.len(), 1, "one nic is a list of one");
    assert_eq!(vm.nic[0].ipaddress.as_deref(), Some("10.1.1.225"));
    assert!(vm.nic[0].isdefault);
    assert_eq!(done.failure(), None);
    let other = Reply::new("listzonesresponse", &json!({})).unwrap();
    assert!(AsyncJob::of_reply(&other).is_err());
}

#[test]
fn what_is_read_is_written_back_in_both_formats() {
    for text in [PENDING, FAILED, SUCCEEDED] {
        let read = job(text);
        let again = Reply::new(AsyncJob::REPLY, &read).unwrap();
        for format in [Format::Json, Format::Xml] {
            let text = again.encode(format, "4.18.0.0");
            assert_eq!(Format::of_text(text.as_bytes()), format);
            assert_eq!(job(&text), read, "{text}");
        }
    }
    let json = Reply::new(AsyncJob::REPLY, &job(PENDING))
        .unwrap()
        .encode(Format::Json, "");
    assert_eq!(
        json,
        r#"{"queryasyncjobresultresponse":{"jobid":1,"jobprocstatus":1,"jobstatus":0}}"#
    );
    let xml = Reply::new(AsyncJob::REPLY, &job(PENDING))
        .unwrap()
        .encode(Format::Xml, "4.18.0.0");
    assert!(
        xml.ends_with(
            "<queryasyncjobresultresponse cloud-stack-version=\"4.18.0.0\"><jobid>1</jobid>\
             <jobprocstatus>1</jobprocstatus><jobstatus>0</jobstatus></queryasyncjobresultresponse>"
        ),
        "{xml}"
    );
}

#[test]
fn ids_are_numbers_or_uuids() {
    let uuid = "0c3cdd6b-0b84-41a7-b6a3-5f1fe7c77d6d";
    for (id, written) in [
        ("7", "7".to_owned()),
        ("007", "\"007\"".to_owned()),
        (uuid, format!("\"{uuid}\"")),
    ] {
        let text = serde_json::to_string(&Id::new(id)).unwrap();
        assert_eq!(text, written);
        assert_eq!(serde_json::from_str::<Id>(&text).unwrap(), Id::new(id));
    }
}

#[test]
fn lists_are_read_whatever_their_length() {
    for count in 0..3 {
        let page: Vec<Zone> = (0..count)
            .map(|n| Zone {
                id: Id::new(n.to_string()),
                name: format!("z{n}"),
                ..Zone::default()
            })
            .collect();
        let listed = Listed {
            kind: "zone",
            count,
            page: page.clone(),
        };
        let written = Reply::new("listzonesresponse", &listed).unwrap();
        for format in [Format::Json, Format::Xml] {
            let text = written.encode(format, "4");
            let read: Vec<Zone> = reply(&text).list("zone").unwrap();
            assert_eq!(read, page, "{text}");
        }
    }
}

#[test]
fn errors_are_told_apart_from_replies() {
    let no = Reply::new(
        "deployvirtualmachineresponse",
        &ApiError::new(431, "Unable to find zone"),
    );
    let text = no.unwrap().encode(Format::Json, "4");
    let error = reply(&text).error().unwrap();
    assert_eq!((error.errorcode, error.cserrorcode), (431, Some(4350)));
    assert_eq!(reply(DEPLOY).error(), None);
    for bad in ["", "{}", "[1]", "<a", "{\"a\":1}", "{\"a\":{},\"b\":{}}"] {
        assert!(Reply::decode(bad.as_bytes()).is_err(), "{bad}");
    }
}

fn signed() -> Command {
    Command::new("listUsers").with("response", "json").with(
        "apiKey",
        "plgWJfZK4gyS3mOMTVmjUVg-X-jlWlnfaUJ9GAbBbf9EdM-kAYMmAiLqzzq1ElZLYq_u38zCm0bewzGUdP66mg",
    )
}

/// The example of the developer's guide.
#[test]
fn a_signature_is_that_of_the_guide() {
    let secret = Secret::new(
        "VDaACYb0LV9eNjTetIOElcVQkvJck_J_QljX_FcHRj87ZKiy0z0ty0ZsYBkoXkY9b7eq1EhwJaw7FF3akA3KBQ",
    );
    let signature = secret.sign(&signed());
    assert_eq!(signature, "TTpdDq/7j/J58XCRHomKoQXEQds=");
    let query = signed().query(&secret);
    assert!(
        query.ends_with("&signature=TTpdDq%2F7j%2FJ58XCRHomKoQXEQds%3D"),
        "{query}"
    );
}

#[test]
fn a_signature_is_checked_and_ends() {
    let secret = Secret::new("secret");
    let now: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
    let plain = signed().with("name", "a b*~(x)+/");
    assert_eq!(secret.verify(&plain, now), Err(SignatureError::Missing));
    let good = plain.clone().with("signature", secret.sign(&plain));
    assert_eq!(secret.verify(&good, now), Ok(()));
    assert_eq!(
        secret.verify(&good.clone().with("more", "1"), now),
        Err(SignatureError::Wrong)
    );
    assert_eq!(
        Secret::new("other").verify(&good, now),
        Err(SignatureError::Wrong)
    );
    let bad = plain.clone().with("signature", "no base64!");
    assert_eq!(secret.verify(&bad, now), Err(SignatureError::Wrong));
    for (expires, end) in [
        ("2026-11-22T06:00:01+0000", Ok(())),
        ("2026-11-22T08:00:01+0200", Ok(())),
        ("2026-11-22T05:59:59+0000", Err(SignatureError::Expired)),
        ("soon", Err(SignatureError::Expired)),
    ] {
        let command = plain
            .clone()
            .with("signatureVersion", "3")
            .with("expires", expires);
        let command = command.clone().with("signature", secret.sign(&command));
        assert_eq!(secret.verify(&command, now), end, "{expires}");
    }
}

#[test]
fn times_are_read_with_any_zone_and_written_in_utc() {
    for text in [
        "2011-03-10T18:20:25-0800",
        "2011-03-11T02:20:25+0000",
        "2011-03-11T02:20:25Z",
        "2011-03-10T18:20:25-08:00",
    ] {
        let time = parse_time(text).unwrap();
        assert_eq!(time_text(time), "2011-03-11T02:20:25+0000", "{text}");
    }
    for bad in ["", "x", "é", "2011-03-10"] {
        assert_eq!(parse_time(bad), None, "{bad}");
    }
}

#[test]
fn maps_are_gathered_by_their_numbers() {
    let command = Command::new("deployVirtualMachine")
        .with("details[1].b", "2")
        .with("iptonetworklist[0].ip", "10.0.0.1")
        .with("details[0].a", "1")
        .with("iptonetworklist[0].networkid", "n")
        .with("other[x].y", "z");
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        command.maps("details"),
        [vec![pair("a", "1")], vec![pair("b", "2")]]
    );
    assert_eq!(
        command.maps("ipToNetworkList"),
        [vec![pair("ip", "10.0.0.1"), pair("networkid", "n")]]
    );
    assert_eq!(command.reply_name(), "deployvirtualmachineresponse");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(reply) = Reply::decode(&bytes) {
            let _ = (reply.error(), AsyncJob::of_reply(&reply), reply.list::<VirtualMachine>("virtualmachine"));
        }
    }

    #[test]
    fn every_cut_of_a_document_is_read_or_refused(cut in 0..SUCCEEDED.trim().len()) {
        if let Some(text) = SUCCEEDED.get(..cut) {
            prop_assert!(Reply::decode(text.as_bytes()).is_err());
        }
    }

    #[test]
    fn a_signed_command_is_good_whatever_it_says(key in "[a-zA-Z]{1,8}", value in "\\PC{0,40}") {
        let secret = Secret::new("secret");
        let command = Command::new("x").with(&key, value);
        let command = command.clone().with("signature", secret.sign(&command));
        prop_assert!(secret.verify(&command, Timestamp::from_micros(0)).is_ok() || key.eq_ignore_ascii_case("signature"));
    }
}

//! The driver against a scripted cloud: lost replies, outages, hangs, expired tokens, and what a 404 is worth.

mod script;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use self::script::{Answer, Asked, Cloud};
use super::*;
use crate::clock::{ManualClock, SystemClock, Timestamp};
use crate::engine::port::{CreateVm, PowerState, Vim};
use crate::ids::VmName;
use crate::model::connector::{ConnectorSpec, SecretRef};

/// What the environment of every test has; stands for a password.
const VARIABLE: &str = "CARGO_MANIFEST_DIR";

fn password() -> String {
    std::env::var(VARIABLE).unwrap()
}

fn quick() -> Settings {
    Settings {
        connect_timeout_ms: 500,
        request_timeout_ms: 300,
        call_timeout_ms: 5_000,
        backoff_base_ms: 2,
        backoff_max_ms: 5,
        down_pause_ms: 0,
        long_poll_ms: 200,
        poll_ms: 20,
        ..Settings::default()
    }
}

fn connector(address: &str, properties: &[(&str, &str)]) -> Connector {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Connector::new(ConnectorSpec {
        id: "cloud".to_owned(),
        kind: "OPENSTACK".to_owned(),
        url: Some(format!("http://{address}")),
        user: Some("admin".to_owned()),
        tenant: Some("admin".to_owned()),
        secret: Some(SecretRef::Environment(VARIABLE.to_owned())),
        properties: properties.iter().map(owned).collect::<BTreeMap<_, _>>(),
    })
    .unwrap()
}

fn driver_with(cloud: &Cloud, settings: Settings, properties: &[(&str, &str)]) -> OpenstackVim {
    let connector = connector(&cloud.address, properties);
    OpenstackVim::new(connector, settings, Arc::new(SystemClock::new()), 7).unwrap()
}

fn driver(cloud: &Cloud) -> OpenstackVim {
    driver_with(cloud, quick(), &[])
}

fn server(status: &str, task: Option<&str>, power: i64) -> Value {
    json!({"server": {"id": "s1", "name": "d_g_0_1", "status": status, "OS-EXT-STS:task_state": task,
        "OS-EXT-STS:power_state": power, "metadata": {"lifeline.token": "d_g_0_1.1"}, "hostId": "digest",
        "OS-EXT-SRV-ATTR:host": "vm1", "host_status": "UP", "flavor": {"original_name": "small"}}})
}

fn services(state: &str, forced: bool) -> Value {
    json!({"services": [{"id": "x", "binary": "nova-compute", "host": "vm1", "state": state, "status": "enabled",
        "forced_down": forced}]})
}

fn create() -> VimCall {
    VimCall::CreateVm(CreateVm {
        name: VmName::new("d_g_0_1"),
        token: CreateToken::new("d_g_0_1.1"),
        tenant: None,
        image: "img".to_owned(),
        flavor: "small".to_owned(),
        interfaces: Vec::new(),
        volumes: Vec::new(),
        config_data: Vec::new(),
    })
}

/// Image and flavor of a create.
fn things(asked: &Asked) -> Option<Answer> {
    match asked.line().as_str() {
        "GET /image/v2/images/img" => Some(Answer::Json(
            200,
            json!({"id": "img", "name": "img", "status": "active"}),
        )),
        "GET /v2.1/flavors/small" => Some(Answer::Json(
            200,
            json!({"flavor": {"id": "small", "name": "small"}}),
        )),
        _ => None,
    }
}

fn accepted(request: &str) -> Answer {
    Answer::With(
        202,
        vec![("x-compute-request-id", request.to_owned())],
        Value::Null,
    )
}

#[tokio::test]
async fn a_server_is_made_followed_and_seen() {
    let cloud = Cloud::start(|asked| {
        if asked.line() == "POST /v2.1/servers" {
            let header = vec![("x-compute-request-id", "req-create".to_owned())];
            return Some(Answer::With(
                202,
                header,
                json!({"server": {"id": "s1", "links": []}}),
            ));
        }
        if asked.line() == "GET /v2.1/servers/s1" {
            return Some(Answer::Json(200, server("ACTIVE", None, 1)));
        }
        things(asked)
    })
    .await;
    let vim = driver(&cloud);
    let made = vim.call(create(), "k".to_owned()).await.unwrap();
    assert_eq!((&*made.op.vim, &*made.op.id), ("cloud", "req-create"));
    assert_eq!(made.id.as_deref(), Some("s1"));
    assert_eq!(
        vim.status(made.op.clone()).await.unwrap(),
        VimOpStatus::Succeeded
    );
    let seen = vim.describe(VmId::new("s1")).await.unwrap().unwrap();
    assert_eq!((seen.power, &*seen.host_name), (PowerState::Running, "vm1"));
    assert_eq!(seen.token, Some(CreateToken::new("d_g_0_1.1")));
    let asked = cloud.last("POST /v2.1/servers");
    assert_eq!(asked.header("openstack-api-version"), Some("compute 2.93"));
    assert_eq!(asked.header("x-auth-token"), Some("token-1"));
    assert_eq!(asked.body["server"]["networks"], "none");
    assert_eq!(
        asked.body["server"]["metadata"]["lifeline.token"],
        "d_g_0_1.1"
    );
    // the same call again, as after an answer that the engine lost: not a second server
    assert_eq!(vim.call(create(), "k".to_owned()).await.unwrap(), made);
    assert_eq!(cloud.count("POST /v2.1/servers"), 1);
    // after a restart the reference alone is enough
    assert_eq!(
        driver(&cloud).status(made.op).await.unwrap(),
        VimOpStatus::Succeeded
    );
}

#[tokio::test]
async fn a_lost_reply_to_a_create_is_unknown_and_found_by_its_token() {
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "POST /v2.1/servers" => Some(Answer::Lost),
        "GET /v2.1/servers/detail" => {
            let mine = server("ACTIVE", None, 1)["server"].clone();
            let mut other = mine.clone();
            other["id"] = json!("s2");
            other["metadata"] = json!({"lifeline.token": "d_g_0_1.2"});
            let next = json!([{"rel": "next", "href": "http://x"}]);
            Some(match asked.target.contains("marker=s2") {
                false => Answer::Json(200, json!({"servers": [other], "servers_links": next})),
                true => Answer::Json(200, json!({"servers": [mine]})),
            })
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let lost = vim.call(create(), "k".to_owned()).await.unwrap_err();
    assert!(matches!(lost, VimError::Unknown(_)), "{lost:?}");
    assert_eq!(cloud.count("POST /v2.1/servers"), 1, "never sent twice");
    let found = vim
        .find_by_token(CreateToken::new("d_g_0_1.1"))
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id.as_str(), "s1", "on the second page");
    let query = cloud.last("GET /v2.1/servers/detail").target;
    assert!(query.contains("all_tenants=1"), "{query}");
    assert_eq!(
        vim.find_by_token(CreateToken::new("other")).await.unwrap(),
        []
    );
}

/// A request sent again on its way to Nova finds its own port in use: the server is there.
#[tokio::test]
async fn a_conflict_with_the_same_create_is_unknown_and_any_other_a_refusal() {
    for there in [true, false] {
        let cloud = Cloud::start(move |asked| match asked.line().as_str() {
            "POST /v2.1/servers" => Some(Answer::Json(
                409,
                json!({"conflictingRequest": {"code": 409, "message": "Port p is still in use."}}),
            )),
            "GET /v2.1/servers/detail" => {
                let mine = server("BUILD", Some("spawning"), 0)["server"].clone();
                let servers = if there { vec![mine] } else { Vec::new() };
                Some(Answer::Json(200, json!({ "servers": servers })))
            }
            _ => things(asked),
        })
        .await;
        let answer = driver(&cloud).call(create(), "k".to_owned()).await;
        match there {
            true => assert!(matches!(answer, Err(VimError::Unknown(_))), "{answer:?}"),
            false => assert!(matches!(answer, Err(VimError::Refused(_))), "{answer:?}"),
        }
    }
}

#[tokio::test]
async fn an_error_behind_the_point_of_no_return_is_unknown_and_before_it_down() {
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "POST /v2.1/servers" => Some(Answer::Page(503, "<html>busy</html>")),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let error = vim.call(create(), "k".to_owned()).await.unwrap_err();
    assert!(matches!(error, VimError::Unknown(_)), "{error:?}");
    cloud.play(|asked| match asked.line().as_str() {
        "GET /v2.1/flavors/small" | "GET /image/v2/images/img" => Some(Answer::Lost),
        _ => None,
    });
    let vim = driver(&cloud);
    let error = vim.call(create(), "k2".to_owned()).await.unwrap_err();
    assert!(matches!(error, VimError::Down(_)), "{error:?}");
    assert_eq!(cloud.count("POST /v2.1/servers"), 1);
    cloud.play(|asked| match asked.line().as_str() {
        "POST /v2.1/servers" => {
            let words =
                json!({"forbidden": {"code": 403, "message": "Quota exceeded for instances"}});
            Some(Answer::Json(403, words))
        }
        _ => things(asked),
    });
    let error = driver(&cloud)
        .call(create(), "k3".to_owned())
        .await
        .unwrap_err();
    let VimError::Refused(lines) = error else {
        panic!("{error:?}")
    };
    assert_eq!(lines, ["Nova: Quota exceeded for instances (HTTP 403)"]);
}

#[tokio::test]
async fn reads_are_asked_again_and_a_cloud_that_stays_broken_is_down() {
    let mut left = 2;
    let cloud = Cloud::start(move |asked| {
        (asked.line() == "GET /v2.1/servers/s1").then(|| {
            left -= 1;
            match left {
                1 => Answer::Page(502, "bad gateway"),
                0 => Answer::Lost,
                _ => Answer::Json(200, server("SHUTOFF", None, 4)),
            }
        })
    })
    .await;
    let vim = driver(&cloud);
    let seen = vim.describe(VmId::new("s1")).await.unwrap().unwrap();
    assert_eq!(seen.power, PowerState::Stopped);
    assert_eq!(cloud.count("GET /v2.1/servers/s1"), 3);
    cloud.play(|asked| {
        asked
            .line()
            .starts_with("GET /v2.1/servers")
            .then_some(Answer::Page(503, ""))
    });
    let error = vim.describe(VmId::new("s1")).await.unwrap_err();
    assert!(matches!(error, VimError::Down(_)), "{error:?}");
}

#[tokio::test]
async fn a_cloud_that_is_down_gets_one_request_a_second() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
    let settings = Settings {
        down_pause_ms: 1_000,
        ..quick()
    };
    let vim = OpenstackVim::new(connector(&address, &[]), settings, clock.clone(), 7).unwrap();
    let error = vim.describe(VmId::new("s1")).await.unwrap_err();
    assert!(matches!(error, VimError::Down(_)), "{error:?}");
    assert!(!format!("{error:?}").contains(&password()));
    // it comes up, but its next second has not come
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    for _ in 0..20 {
        assert!(matches!(
            vim.describe(VmId::new("s1")).await,
            Err(VimError::Down(_))
        ));
    }
    let came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(
        came.is_err(),
        "a request to a cloud that is down, before its second"
    );
    clock.advance(Duration::from_secs(1));
    let (asked, came) = tokio::join!(vim.describe(VmId::new("s1")), listener.accept());
    assert!(came.is_ok() && asked.is_err());
}

#[tokio::test]
async fn a_cloud_that_hangs_is_not_waited_for() {
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "POST /v2.1/servers" | "GET /v2.1/servers/s1" => Some(Answer::Hang),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let clock = SystemClock::new();
    let began = clock.mono();
    let error = vim.call(create(), "k".to_owned()).await.unwrap_err();
    assert!(matches!(error, VimError::Unknown(_)), "{error:?}");
    let error = vim.describe(VmId::new("s1")).await.unwrap_err();
    assert!(matches!(error, VimError::Down(_)), "{error:?}");
    assert!(clock.mono() - began < Duration::from_secs(5));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let cloud = Cloud::start(|asked| {
        let old = asked.header("x-auth-token") == Some("token-1");
        match asked.line().as_str() {
            "GET /v2.1/servers/s1" if old => {
                let words = json!({"error": {"code": 401, "message": "The request you have made requires authentication."}});
                Some(Answer::Json(401, words))
            }
            "GET /v2.1/servers/s1" => Some(Answer::Json(200, server("ACTIVE", None, 1))),
            _ => None,
        }
    })
    .await;
    let vim = driver(&cloud);
    let id = || VmId::new("s1");
    let (a, b, c) = tokio::join!(vim.describe(id()), vim.describe(id()), vim.describe(id()));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(
        cloud.count("POST /v3/auth/tokens"),
        2,
        "one login, and one more"
    );
    // a cloud that refuses every token is not asked for ever
    cloud.play(|asked| {
        (asked.line() == "GET /v2.1/servers/s1").then(|| Answer::Json(401, json!({})))
    });
    let error = vim.describe(id()).await.unwrap_err();
    assert!(matches!(error, VimError::Refused(_)), "{error:?}");
    assert_eq!(cloud.count("POST /v3/auth/tokens"), 3);
}

#[tokio::test]
async fn a_token_is_replaced_before_it_ends() {
    let cloud = Cloud::start(|asked| {
        (asked.line() == "GET /v2.1/servers/s1")
            .then(|| Answer::Json(200, server("ACTIVE", None, 1)))
    })
    .await;
    cloud.face.lock().unwrap().token_seconds = 600;
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
    let vim = OpenstackVim::new(connector(&cloud.address, &[]), quick(), clock.clone(), 7).unwrap();
    for (minutes, logins) in [(0, 1), (8, 1), (1, 2), (8, 2), (1, 3)] {
        clock.advance(Duration::from_secs(minutes * 60));
        vim.describe(VmId::new("s1")).await.unwrap();
        assert_eq!(
            cloud.count("POST /v3/auth/tokens"),
            logins,
            "after {minutes} more minutes"
        );
    }
}

#[tokio::test]
async fn refused_credentials_are_told_in_keystones_words_without_the_secret() {
    let cloud = Cloud::start(|asked| {
        let words = json!({"error": {"code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"}});
        (asked.line() == "POST /v3/auth/tokens").then_some(Answer::Json(401, words))
    })
    .await;
    let error = driver(&cloud)
        .call(create(), "k".to_owned())
        .await
        .unwrap_err();
    assert_eq!(
        error,
        VimError::Refused(vec![
            "Keystone: The request you have made requires authentication. (HTTP 401)".to_owned()
        ])
    );
    assert!(!format!("{error:?}").contains(&password()));
}

#[tokio::test]
async fn too_many_requests_are_asked_again_when_the_cloud_says() {
    let mut first = true;
    let cloud = Cloud::start(move |asked| {
        (asked.line() == "POST /v2.1/servers/s1/action")
            .then(|| match std::mem::take(&mut first) {
                true => Answer::With(429, vec![("retry-after", "0".to_owned())], json!({})),
                false => accepted("req-stop"),
            })
            .or_else(|| {
                (asked.line() == "GET /v2.1/servers/s1")
                    .then(|| Answer::Json(200, server("ACTIVE", None, 1)))
            })
    })
    .await;
    let stopped = driver(&cloud)
        .call(VimCall::StopVm(VmId::new("s1")), "k".to_owned())
        .await
        .unwrap();
    assert_eq!(stopped.op.id, "req-stop");
    assert_eq!(
        cloud.last("POST /v2.1/servers/s1/action").body,
        json!({"os-stop": null})
    );
}

#[tokio::test]
async fn what_is_there_already_is_success_and_what_is_busy_is_asked_again() {
    let cloud = Cloud::start(|asked| {
        (asked.line() == "GET /v2.1/servers/s1")
            .then(|| Answer::Json(200, server("SHUTOFF", None, 4)))
    })
    .await;
    let vim = driver(&cloud);
    let stop = |key: &str| vim.call(VimCall::StopVm(VmId::new("s1")), key.to_owned());
    let done = stop("k").await.unwrap();
    assert_eq!(vim.status(done.op).await.unwrap(), VimOpStatus::Succeeded);
    assert_eq!(cloud.count("POST /v2.1/servers/s1/action"), 0);
    let conflict = || {
        Answer::Json(
            409,
            json!({"conflictingRequest": {"code": 409, "message": "Cannot 'stop' instance"}}),
        )
    };
    cloud.play(move |asked| match asked.line().as_str() {
        "GET /v2.1/servers/s1" => Some(Answer::Json(200, server("REBUILD", Some("rebuilding"), 1))),
        "POST /v2.1/servers/s1/action" => Some(conflict()),
        _ => None,
    });
    assert!(
        matches!(stop("k2").await, Err(VimError::Unknown(_))),
        "busy"
    );
    cloud.play(move |asked| match asked.line().as_str() {
        "GET /v2.1/servers/s1" => Some(Answer::Json(200, server("ACTIVE", Some("powering-off"), 1))),
        "POST /v2.1/servers/s1/action" => Some(conflict()),
        "GET /v2.1/servers/s1/os-instance-actions" => Some(Answer::Json(
            200,
            json!({"instanceActions": [{"action": "stop", "request_id": "req-theirs"}, {"action": "create", "request_id": "req-0"}]}),
        )),
        _ => None,
    });
    assert_eq!(
        stop("k3").await.unwrap().op.id,
        "req-theirs",
        "under way already"
    );
    cloud.play(move |asked| match asked.line().as_str() {
        "GET /v2.1/servers/s1" => Some(Answer::Json(200, server("VERIFY_RESIZE", None, 1))),
        "POST /v2.1/servers/s1/action" => Some(conflict()),
        _ => None,
    });
    assert!(
        matches!(stop("k4").await, Err(VimError::Refused(_))),
        "impossible"
    );
    cloud.play(|_| None);
    assert!(
        matches!(stop("k5").await, Err(VimError::Refused(_))),
        "there is none"
    );
}

#[tokio::test]
async fn a_reboot_whose_answer_was_lost_is_not_done_twice() {
    let rebooted = Arc::new(std::sync::Mutex::new(vec!["req-earlier".to_owned()]));
    let records = rebooted.clone();
    let cloud = Cloud::start(move |asked| match asked.line().as_str() {
        "GET /v2.1/servers/s1" => Some(Answer::Json(200, server("ACTIVE", None, 1))),
        "GET /v2.1/servers/s1/os-instance-actions" => {
            let records = records.lock().unwrap();
            let listed: Vec<Value> = records
                .iter()
                .rev()
                .map(|id| json!({"action": "reboot", "request_id": id}))
                .collect();
            Some(Answer::Json(200, json!({ "instanceActions": listed })))
        }
        "POST /v2.1/servers/s1/action" => {
            let mut records = records.lock().unwrap();
            let id = format!("req-{}", records.len());
            records.push(id);
            Some(Answer::Lost)
        }
        _ => None,
    })
    .await;
    let vim = driver(&cloud);
    let reboot = |key: &str| {
        let vm = VmId::new("s1");
        vim.call(VimCall::RebootVm { vm, hard: true }, key.to_owned())
    };
    assert!(matches!(reboot("k").await, Err(VimError::Unknown(_))));
    assert_eq!(reboot("k").await.unwrap().op.id, "req-1");
    assert_eq!(cloud.count("POST /v2.1/servers/s1/action"), 1);
    assert_eq!(
        cloud.last("POST /v2.1/servers/s1/action").body,
        json!({"reboot": {"type": "HARD"}})
    );
    // another call is another reboot
    assert!(matches!(reboot("k2").await, Err(VimError::Unknown(_))));
    assert_eq!(rebooted.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_failed_reboot_is_told_in_novas_words() {
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "GET /v2.1/servers/s1" => {
            let mut broken = server("ERROR", None, 4);
            broken["server"]["fault"] = json!({"message": "RuntimeError", "code": 500, "created": "x"});
            Some(Answer::Json(200, broken))
        }
        "POST /v2.1/servers/s1/action" => Some(accepted("req-b")),
        "GET /v2.1/servers/s1/os-instance-actions" => Some(Answer::Json(200, json!({"instanceActions": []}))),
        "GET /v2.1/servers/s1/os-instance-actions/req-b" => Some(Answer::Json(200, json!({"instanceAction": {
            "action": "reboot", "request_id": "req-b", "message": "Error", "events": [
                {"event": "compute_reboot_instance", "result": "Error", "details": "lab: reboot failed, VM is down"}]}}))),
        _ => None,
    })
    .await;
    let vim = driver(&cloud);
    let call = VimCall::RebootVm {
        vm: VmId::new("s1"),
        hard: false,
    };
    let op = vim.call(call, "k".to_owned()).await.unwrap().op;
    assert_eq!(op.id, "req-b");
    let VimOpStatus::Failed(lines) = vim.status(op).await.unwrap() else {
        panic!("not failed");
    };
    assert_eq!(
        lines,
        [
            "RuntimeError",
            "lab: reboot failed, VM is down",
            "Nova: reboot req-b: compute_reboot_instance Error"
        ]
    );
}

#[tokio::test]
async fn a_server_on_a_silent_host_is_not_removed() {
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "GET /v2.1/servers/s1" => Some(Answer::Json(200, server("ACTIVE", None, 1))),
        "GET /v2.1/os-services" => Some(Answer::Json(200, services("down", false))),
        "DELETE /v2.1/servers/s1" => Some(Answer::Json(204, Value::Null)),
        _ => None,
    })
    .await;
    let vim = driver(&cloud);
    let delete = |key: &str| vim.call(VimCall::DeleteVm(VmId::new("s1")), key.to_owned());
    let VimError::Refused(lines) = delete("k").await.unwrap_err() else {
        panic!("removed behind its host's back");
    };
    assert!(lines[0].contains("host vm1 does not answer"), "{lines:?}");
    assert_eq!(cloud.count("DELETE /v2.1/servers/s1"), 0);
    // an operator says that the host is fenced
    cloud.play(|asked| match asked.line().as_str() {
        "GET /v2.1/servers/s1" => Some(Answer::Json(200, server("ACTIVE", None, 1))),
        "GET /v2.1/os-services" => Some(Answer::Json(200, services("down", true))),
        "DELETE /v2.1/servers/s1" => Some(Answer::Json(204, Value::Null)),
        _ => None,
    });
    delete("k").await.unwrap();
    assert_eq!(cloud.count("DELETE /v2.1/servers/s1"), 1);
    cloud.play(|_| None);
    assert_eq!(
        vim.describe(VmId::new("s1")).await.unwrap(),
        None,
        "fenced, so gone"
    );
}

/// Removes `s1`, which Nova does not know afterwards, and describes it.
async fn removed(
    cloud: &Cloud,
    vim: &OpenstackVim,
    services_say: Option<[&'static str; 2]>,
    after: impl Fn(&Asked) -> Option<Answer> + Send + 'static,
) -> Result<Option<VimVm>, VimError> {
    let gone = std::sync::atomic::AtomicBool::new(false);
    cloud.play(move |asked| {
        use std::sync::atomic::Ordering::SeqCst;
        match asked.line().as_str() {
            "GET /v2.1/servers/s1" if !gone.load(SeqCst) => {
                let mut shown = server("ACTIVE", None, 1);
                if services_say.is_none() {
                    let shown = shown["server"].as_object_mut().unwrap();
                    shown.remove("host_status");
                    shown.remove("OS-EXT-SRV-ATTR:host");
                }
                Some(Answer::Json(200, shown))
            }
            "DELETE /v2.1/servers/s1" => {
                gone.store(true, SeqCst);
                Some(Answer::Json(204, Value::Null))
            }
            "GET /v2.1/os-services" => Some(match services_say {
                Some(states) => {
                    Answer::Json(200, services(states[usize::from(gone.load(SeqCst))], false))
                }
                None => Answer::Json(
                    403,
                    json!({"forbidden": {"code": 403, "message": "Policy"}}),
                ),
            }),
            "GET /v3/auth/projects" => Some(Answer::Json(200, json!({"projects": []}))),
            _ => after(asked),
        }
    });
    let op = vim
        .call(VimCall::DeleteVm(VmId::new("s1")), "k".to_owned())
        .await
        .unwrap()
        .op;
    assert_eq!(vim.status(op).await.unwrap(), VimOpStatus::Succeeded);
    vim.describe(VmId::new("s1")).await
}

fn deletion(events: Value) -> impl Fn(&Asked) -> Option<Answer> {
    move |asked| match asked.line().as_str() {
        "GET /v2.1/servers/s1/os-instance-actions" => Some(Answer::Json(
            200,
            json!({"instanceActions": [{"action": "delete", "request_id": "req-d"}]}),
        )),
        "GET /v2.1/servers/s1/os-instance-actions/req-d" => Some(Answer::Json(
            200,
            json!({"instanceAction": {"action": "delete", "request_id": "req-d", "message": null, "events": events}}),
        )),
        _ => None,
    }
}

#[tokio::test]
async fn a_404_is_proof_only_with_a_host_that_answered_or_a_record_of_the_end() {
    let cloud = Cloud::start(|_| None).await;
    let ended = json!([{"event": "compute_terminate_instance", "result": "Success", "start_time": "x", "finish_time": "y"}]);
    // the compute service went down between the look and the removal: Nova dropped its record, the guest runs
    let error = removed(
        &cloud,
        &driver(&cloud),
        Some(["up", "down"]),
        deletion(json!([])),
    )
    .await
    .unwrap_err();
    assert!(
        matches!(&error, VimError::Unknown(why) if why.contains("may still run")),
        "{error:?}"
    );
    // it was up all the time
    assert_eq!(
        removed(
            &cloud,
            &driver(&cloud),
            Some(["up", "up"]),
            deletion(json!([]))
        )
        .await,
        Ok(None)
    );
    // a user without rights, and the record of the end
    cloud.face.lock().unwrap().role = "member";
    assert_eq!(
        removed(&cloud, &driver(&cloud), None, deletion(ended.clone())).await,
        Ok(None)
    );
    // a user without rights, and nothing
    let vim = driver(&cloud);
    let error = removed(&cloud, &vim, None, deletion(json!([])))
        .await
        .unwrap_err();
    assert!(matches!(error, VimError::Unknown(_)), "{error:?}");
    // ... until the host is back and has ended it
    let back = deletion(ended);
    cloud.play(move |asked| match asked.line().as_str() {
        "GET /v3/auth/projects" => Some(Answer::Json(200, json!({"projects": []}))),
        _ => back(asked),
    });
    assert_eq!(vim.describe(VmId::new("s1")).await, Ok(None));
    // ... or the connector is set so
    let vim = driver_with(&cloud, quick(), &[("unproven_gone", "trust")]);
    assert_eq!(
        removed(&cloud, &vim, None, deletion(json!([]))).await,
        Ok(None)
    );
}

#[tokio::test]
async fn an_old_cloud_is_spoken_to_as_it_understands() {
    let cloud = Cloud::start(|asked| {
        asked
            .line()
            .ends_with("/servers/s1")
            .then(|| Answer::Json(200, server("ACTIVE", None, 1)))
    })
    .await;
    cloud.face.lock().unwrap().highest = "2.53";
    driver(&cloud).describe(VmId::new("s1")).await.unwrap();
    let asked = cloud.last("GET /v2.1/servers/s1");
    assert_eq!(asked.header("openstack-api-version"), Some("compute 2.53"));
    cloud.face.lock().unwrap().compute = "/v2/bb46ff7286ed4e418958c2a5e06cd4a2";
    driver(&cloud).describe(VmId::new("s1")).await.unwrap();
    let asked = cloud.last("GET /v2/bb46ff7286ed4e418958c2a5e06cd4a2/servers/s1");
    assert_eq!(asked.header("openstack-api-version"), None);
}

#[tokio::test]
async fn a_resize_is_confirmed() {
    let mut looks = 0;
    let cloud = Cloud::start(move |asked| match asked.line().as_str() {
        "GET /v2.1/flavors/big" => Some(Answer::Json(
            200,
            json!({"flavor": {"id": "9", "name": "big"}}),
        )),
        "POST /v2.1/servers/s1/action" => Some(accepted("req-r")),
        "GET /v2.1/servers/s1" => {
            looks += 1;
            Some(Answer::Json(
                200,
                match looks {
                    1 => server("ACTIVE", None, 1),
                    2 => server("RESIZE", Some("resize_migrating"), 1),
                    3 => server("VERIFY_RESIZE", None, 1),
                    _ => server("ACTIVE", None, 1),
                },
            ))
        }
        _ => None,
    })
    .await;
    let vim = driver(&cloud);
    let call = VimCall::ResizeVm {
        vm: VmId::new("s1"),
        flavor: "big".to_owned(),
    };
    let op = vim.call(call, "k".to_owned()).await.unwrap().op;
    assert_eq!(vim.status(op).await.unwrap(), VimOpStatus::Succeeded);
    assert_eq!(
        cloud.last("POST /v2.1/servers/s1/action").body,
        json!({"confirmResize": null})
    );
    assert_eq!(cloud.count("POST /v2.1/servers/s1/action"), 2);
}

#[tokio::test]
async fn a_tenant_of_another_project_is_worked_in_with_its_own_token() {
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "POST /v3/projects" => Some(Answer::Json(
            201,
            json!({"project": {"id": "p2", "name": "red"}}),
        )),
        "PUT /v3/projects/p2/users/u/roles/r" => Some(Answer::Json(204, Value::Null)),
        "GET /v3/auth/projects" => Some(Answer::Json(200, json!({"projects": []}))),
        "GET /v3/projects" => Some(Answer::Json(
            200,
            json!({"projects": [{"id": "p2", "name": "red"}]}),
        )),
        "POST /v2.1/servers" => Some(Answer::Json(202, json!({"server": {"id": "s1"}}))),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let made = vim
        .call(
            VimCall::CreateTenant {
                name: "red".to_owned(),
            },
            "k".to_owned(),
        )
        .await
        .unwrap();
    assert_eq!(made.id.as_deref(), Some("p2"));
    assert_eq!(cloud.count("PUT /v3/projects/p2/users/u/roles/r"), 1);
    let own = vim
        .find(Find::Tenant("admin".to_owned()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(own.id, "own");
    let red = vim
        .find(Find::Tenant("red".to_owned()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(red.id, "p2");
    let VimCall::CreateVm(new) = create() else {
        return;
    };
    let new = CreateVm {
        tenant: Some(TenantId::new("p2")),
        ..new
    };
    vim.call(VimCall::CreateVm(new), "k2".to_owned())
        .await
        .unwrap();
    let login = cloud.last("POST /v3/auth/tokens").body;
    assert_eq!(
        login.pointer("/auth/scope/project"),
        Some(&json!({"id": "p2"}))
    );
    assert_eq!(
        cloud.last("POST /v2.1/servers").header("x-auth-token"),
        Some("token-2")
    );
}

#[tokio::test]
async fn a_foreign_record_is_unknown() {
    let cloud = Cloud::start(|_| None).await;
    let vim = driver(&cloud);
    for (vim_id, about) in [("other", ""), ("cloud", ""), ("cloud", "{}")] {
        let op = VimOpRef {
            vim: vim_id.to_owned(),
            id: "req-1".to_owned(),
            about: about.to_owned(),
        };
        assert_eq!(vim.status(op).await.unwrap(), VimOpStatus::Unknown);
    }
}

//! Reboots, resizes, and what is busy.

use super::*;

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

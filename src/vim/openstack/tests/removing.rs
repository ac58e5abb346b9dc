//! What is removed, and what a 404 is worth.

use super::*;

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

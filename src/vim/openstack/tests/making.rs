//! Servers are made, followed and found again; outages.

use super::*;

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
    let settings = Settings {
        down_pause_ms: 1_000,
        ..quick()
    };
    let make = |address: &str, clock: Arc<ManualClock>| {
        OpenstackVim::new(connector(address, &[]), settings, clock, 7).unwrap()
    };
    let error = scripted::asks_once_a_second(make, "s1").await;
    assert!(!format!("{error:?}").contains(&scripted::secret()));
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

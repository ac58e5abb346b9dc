//! Tokens, credentials and projects.

use super::*;

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
    assert!(!format!("{error:?}").contains(&scripted::secret()));
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

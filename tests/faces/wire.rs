//! Over real sockets: faults of the wire, the control endpoint, ports that close.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lifeline::clock::SystemClock;
use lifeline::cloudsim_faces::{Addresses, Serving, Settings, Sim, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Site {
    _serving: Serving,
    nova: SocketAddr,
    control: SocketAddr,
}

async fn site() -> Site {
    let any = "127.0.0.1:0".parse().ok();
    let sim = Sim::new(Settings::default(), Arc::new(SystemClock::new())).unwrap();
    let addresses = Addresses {
        nova: any,
        control: any,
        ..Addresses::default()
    };
    let serving = serve(&sim, addresses).await.unwrap();
    let of = |name: &str| {
        serving
            .ready
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1
    };
    Site {
        nova: of("nova"),
        control: of("control"),
        _serving: serving,
    }
}

/// Status and body; `Err` when the connection was refused or cut.
async fn ask(
    to: SocketAddr,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<(u16, String), String> {
    let mut stream = TcpStream::connect(to)
        .await
        .map_err(|error| error.to_string())?;
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(|error| error.to_string())?;
    let mut reply = String::new();
    stream
        .read_to_string(&mut reply)
        .await
        .map_err(|error| error.to_string())?;
    let status = reply
        .split(' ')
        .nth(1)
        .ok_or("cut")?
        .parse()
        .map_err(|_| "no status")?;
    let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

impl Site {
    async fn inject(&self, fault: Value) {
        let (status, words) = ask(self.control, "POST", "/-/faults", &fault)
            .await
            .unwrap();
        assert_eq!(status, 201, "{words}");
    }

    async fn clear(&self) {
        let (status, _) = ask(self.control, "DELETE", "/-/faults", &Value::Null)
            .await
            .unwrap();
        assert_eq!(status, 204);
    }

    async fn get(&self) -> Result<u16, String> {
        ask(self.nova, "GET", "/", &Value::Null)
            .await
            .map(|(status, _)| status)
    }
}

#[tokio::test]
async fn requests_fail_hang_or_are_cut_as_told() {
    let site = site().await;
    assert_eq!(site.get().await, Ok(200));
    site.inject(json!({ "fault": "http-error", "status": 503, "times": 2, "body": "no" }))
        .await;
    assert_eq!(site.get().await, Ok(503));
    let elsewhere = ask(site.nova, "GET", "/-/", &Value::Null).await.unwrap();
    assert_eq!(elsewhere.0, 200, "the control endpoint is not hit");
    assert_eq!(site.get().await, Ok(503));
    assert_eq!(site.get().await, Ok(200), "used up");
    site.inject(json!({ "fault": "http-error", "method": "POST", "path": "/servers" }))
        .await;
    assert_eq!(site.get().await, Ok(200), "another method");
    let hit = ask(site.nova, "POST", "/v2.1/servers", &Value::Null)
        .await
        .unwrap();
    assert_eq!(hit.0, 500);
    site.clear().await;
    for fault in ["cut", "cut-after"] {
        site.inject(json!({ "fault": fault, "times": 1 })).await;
        assert!(site.get().await.is_err(), "{fault}");
        assert_eq!(site.get().await, Ok(200));
    }
    site.inject(json!({ "fault": "hang", "times": 1, "face": "nova" }))
        .await;
    let hung = tokio::time::timeout(Duration::from_millis(300), site.get()).await;
    assert!(hung.is_err(), "it hangs");
    assert_eq!(site.get().await, Ok(200), "one request only");
    site.inject(json!({ "fault": "hang", "duration-ms": 200 }))
        .await;
    assert!(site.get().await.is_err(), "cut at the end of its time");
    assert_eq!(site.get().await, Ok(200));
}

#[tokio::test]
async fn a_face_that_is_down_refuses_connections_until_it_is_up() {
    let site = site().await;
    for fault in ["face-down", "api-down"] {
        site.inject(json!({ "fault": fault })).await;
        let refused = async {
            while TcpStream::connect(site.nova).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), refused)
            .await
            .expect(fault);
        site.clear().await;
        let back = async {
            while site.get().await != Ok(200) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), back)
            .await
            .expect(fault);
    }
}

#[tokio::test]
async fn faults_are_listed_and_nonsense_is_refused() {
    let site = site().await;
    for bad in [
        json!({ "fault": "melt" }),
        json!({ "fault": "crash", "vm": "nobody" }),
        json!({ "fault": "crash", "vm": "a", "host": "b" }),
        json!({ "fault": "hang", "vm": "a" }),
        json!({ "fault": "hang", "times": 0 }),
        json!({ "fault": "http-error", "status": 99 }),
        json!({ "fault": "hang", "colour": "red" }),
    ] {
        let (status, words) = ask(site.control, "POST", "/-/faults", &bad).await.unwrap();
        assert_eq!(status, 400, "{bad}");
        assert!(words.contains("error"), "{words}");
    }
    site.inject(json!({ "fault": "host-down", "host": "sim-host-2" }))
        .await;
    site.inject(json!({ "fault": "create-fails", "times": 3, "messages": ["no"] }))
        .await;
    site.inject(json!({ "fault": "late", "face": "nova", "delay-ms": 1, "times": 5 }))
        .await;
    let (_, list) = ask(site.control, "GET", "/-/faults", &Value::Null)
        .await
        .unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    let named: Vec<&str> = list["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["fault"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["create-fails", "host-down", "late"]);
    let (status, _) = ask(site.control, "POST", "/-/time", &json!({ "advance-ms": 5 }))
        .await
        .unwrap();
    assert_eq!(status, 409, "time passes by itself");
    let (_, seen) = ask(site.control, "GET", "/-/", &Value::Null).await.unwrap();
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!((&seen["breaches"], &seen["vms"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let any = "127.0.0.1:0".parse().ok();
    let settings = Settings {
        body_bytes: 100,
        ..Settings::default()
    };
    let sim = Sim::new(settings, Arc::new(SystemClock::new())).unwrap();
    let serving = serve(
        &sim,
        Addresses {
            nova: any,
            ..Addresses::default()
        },
    )
    .await
    .unwrap();
    let big = json!({ "x": "x".repeat(200) });
    let (status, _) = ask(serving.ready[0].1, "POST", "/v2.1/servers", &big)
        .await
        .unwrap();
    assert_eq!(status, 413);
}

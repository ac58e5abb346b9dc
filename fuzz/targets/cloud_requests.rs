//! What strangers ask of the simulated cloud, logged in. Requests are divided by an octet 255; each begins
//! with the face (n, v or c), method and target, its body after the first line. For CloudStack the target is the query of a command,
//! which is signed here.

use std::time::Duration;

use lifeline::clock::Timestamp;
use lifeline::cloudsim_faces::{
    Reply, Request, Settings, Time, World, answer_cloudstack, answer_nova, answer_vcloud,
};
use lifeline::proto::cloudstack::{Command, Secret};

const LOGIN: &str = r#"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","domain":{"id":"default"},"password":"lifeline"}}},"scope":{"project":{"name":"admin","domain":{"id":"default"}}}}}"#;

pub fn run(data: &[u8]) {
    let settings = Settings {
        time: Time::Explicit,
        ..Settings::default()
    };
    let epoch = Timestamp::from_micros(1_700_000_000_000_000);
    let mut world = World::new(settings, epoch).expect("the default settings");
    let token = log_in(&mut world);
    let session = session(&mut world);
    for part in data.split(|octet| *octet == 0xff).take(20) {
        let (head, body) = match part.iter().position(|octet| *octet == b'\n') {
            Some(at) => (&part[..at], &part[at + 1..]),
            None => (part, &part[..0]),
        };
        let head = String::from_utf8_lossy(head);
        let mut words = head.splitn(3, ' ');
        let (Some(face), Some(method), Some(target)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let reply = match face {
            "n" => {
                let headers = vec![
                    ("x-auth-token".to_owned(), token.clone()),
                    (
                        "openstack-api-version".to_owned(),
                        "compute latest".to_owned(),
                    ),
                ];
                answer_nova(&mut world, &request(method, target, headers, body))
            }
            "v" => {
                let headers = vec![
                    ("x-vcloud-authorization".to_owned(), session.clone()),
                    (
                        "accept".to_owned(),
                        "application/*+xml;version=5.5".to_owned(),
                    ),
                ];
                answer_vcloud(&mut world, &request(method, target, headers, body))
            }
            _ => answer_cloudstack(&mut world, &signed(target)),
        };
        assert!(
            reply.lost || (200..600).contains(&reply.status),
            "{}",
            reply.status
        );
        let now = world.cloud.now() + Duration::from_millis(150);
        world.cloud.advance(now);
    }
}

fn request(method: &str, target: &str, headers: Vec<(String, String)>, body: &[u8]) -> Request {
    Request::new(method, target, headers, body.to_vec(), "cloud:1")
}

fn header(reply: &Reply, name: &str) -> String {
    reply.header(name).expect("logged in").to_owned()
}

fn log_in(world: &mut World) -> String {
    let login = request("POST", "/v3/auth/tokens", Vec::new(), LOGIN.as_bytes());
    header(&answer_nova(world, &login), "x-subject-token")
}

fn session(world: &mut World) -> String {
    let basic = "Basic YWRtaW5AYWRtaW46bGlmZWxpbmU=".to_owned();
    let headers = vec![("authorization".to_owned(), basic)];
    let login = request("POST", "/api/v1.0/login", headers, &[]);
    header(&answer_vcloud(world, &login), "x-vcloud-authorization")
}

fn signed(query: &str) -> Request {
    let plain = Request::new(
        "GET",
        &format!("/?{query}"),
        Vec::new(),
        Vec::new(),
        "cloud:1",
    );
    let command = Command {
        params: plain.query,
    };
    let command = command.with("apiKey", "admin-key");
    let query = command.query(&Secret::new("admin-secret"));
    let target = format!("/client/api?{query}");
    Request::new("GET", &target, Vec::new(), Vec::new(), "cloud:1")
}

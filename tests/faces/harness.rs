//! A world, and somebody who asks it.

use std::time::Duration;

use lifeline::clock::Timestamp;
use lifeline::cloudsim::{Fault, Injection, Target};
use lifeline::cloudsim_faces::{Reply, Request, Settings, Time, World, answer_nova};
use serde_json::{Value, json};

pub struct Lab {
    pub world: World,
    pub token: String,
    pub project: String,
    pub version: Option<&'static str>,
}

/// Whoever asks as that user.
pub fn lab(user: &str) -> Lab {
    let settings = Settings {
        time: Time::Explicit,
        ..Settings::default()
    };
    let epoch: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
    let mut lab = Lab {
        world: World::new(settings, epoch).unwrap(),
        token: String::new(),
        project: String::new(),
        version: None,
    };
    lab.log_in(user);
    lab
}

pub fn admin() -> Lab {
    lab("admin")
}

impl Lab {
    pub fn log_in(&mut self, user: &str) -> Value {
        let domain = json!({ "name": "Default" });
        let body = json!({ "auth": {
            "identity": { "methods": ["password"], "password": {
                "user": { "name": user, "domain": domain, "password": "lifeline" } } },
            "scope": { "project": { "name": user, "domain": domain } },
        }});
        let reply = self.send("POST", "/identity/v3/auth/tokens", &body);
        assert_eq!(reply.status, 201, "{}", text(&reply));
        self.token = reply.header("x-subject-token").unwrap().to_owned();
        let token = document(&reply);
        self.project = token["token"]["project"]["id"].as_str().unwrap().to_owned();
        token
    }

    pub fn send(&mut self, method: &str, target: &str, body: &Value) -> Reply {
        let mut headers = vec![
            ("host".to_owned(), "cloud.example:8774".to_owned()),
            ("x-auth-token".to_owned(), self.token.clone()),
        ];
        if let Some(version) = self.version {
            headers.push((
                "openstack-api-version".to_owned(),
                format!("compute {version}"),
            ));
        }
        let body = match body {
            Value::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        };
        let request = Request::new(method, target, headers, body, "127.0.0.1:1");
        answer_nova(&mut self.world, &request)
    }

    pub fn get(&mut self, target: &str) -> Value {
        let reply = self.send("GET", target, &Value::Null);
        assert_eq!(reply.status, 200, "{target}: {}", text(&reply));
        document(&reply)
    }

    /// What a refused request is answered with.
    pub fn refused(&mut self, method: &str, target: &str, body: &Value) -> (u16, String) {
        let reply = self.send(method, target, body);
        assert!(reply.status >= 400, "{target}: {}", reply.status);
        (reply.status, text(&reply))
    }

    pub fn pass(&mut self, millis: u64) {
        let now = self.world.cloud.now() + Duration::from_millis(millis);
        self.world.cloud.advance(now);
    }

    pub fn image(&self, name: &str) -> String {
        self.world.cloud.image(name).unwrap().id
    }

    pub fn flavor(&self, name: &str) -> String {
        self.world.cloud.flavor(name).unwrap().id
    }

    pub fn network(&self, name: &str) -> String {
        let mut all = self.world.cloud.networks().into_iter();
        all.find(|network| network.name == name).unwrap().id
    }

    pub fn new_server(&self, name: &str) -> Value {
        json!({ "server": {
            "name": name,
            "imageRef": self.image("cirros"),
            "flavorRef": self.flavor("m1.tiny"),
            "networks": [{ "uuid": self.network("esc-net") }],
        }})
    }

    /// A server that runs; its id and the create's record.
    pub fn up(&mut self, name: &str) -> (String, String) {
        let made = self.create(name);
        self.pass(1000);
        assert_eq!(self.server(&made.0)["status"], "ACTIVE");
        made
    }

    pub fn create(&mut self, name: &str) -> (String, String) {
        let body = self.new_server(name);
        let reply = self.send("POST", "/v2.1/servers", &body);
        assert_eq!(reply.status, 202, "{}", text(&reply));
        let id = document(&reply)["server"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        (id, record_of(&reply))
    }

    pub fn server(&mut self, id: &str) -> Value {
        self.get(&format!("/v2.1/servers/{id}"))["server"].clone()
    }

    /// status, vm_state, task_state, power_state.
    pub fn states(&mut self, id: &str) -> (String, String, String, i64) {
        let server = self.server(id);
        let word = |key: &str| server[key].as_str().unwrap_or("-").to_owned();
        (
            word("status"),
            word("OS-EXT-STS:vm_state"),
            word("OS-EXT-STS:task_state"),
            server["OS-EXT-STS:power_state"].as_i64().unwrap(),
        )
    }

    pub fn act(&mut self, id: &str, action: &Value) -> Reply {
        self.send("POST", &format!("/v2.1/servers/{id}/action"), action)
    }

    /// An accepted action's record.
    pub fn accepted(&mut self, id: &str, action: &Value) -> String {
        let reply = self.act(id, action);
        assert!(
            matches!(reply.status, 202 | 204),
            "{action}: {}",
            text(&reply)
        );
        record_of(&reply)
    }

    pub fn action(&mut self, id: &str, record: &str) -> Value {
        let target = format!("/v2.1/servers/{id}/os-instance-actions/{record}");
        self.get(&target)["instanceAction"].clone()
    }

    /// Names and results of a record's events, oldest first.
    pub fn events(&mut self, id: &str, record: &str) -> Vec<(String, String)> {
        let action = self.action(id, record);
        let events = action["events"].as_array().unwrap().iter().rev();
        let word = |event: &Value, key: &str| event[key].as_str().unwrap_or("-").to_owned();
        events
            .map(|event| (word(event, "event"), word(event, "result")))
            .collect()
    }

    pub fn inject(&mut self, fault: Fault, target: Target, words: &[&str]) {
        let injection = Injection {
            target,
            fault,
            times: 1,
            messages: words.iter().map(|word| (*word).to_owned()).collect(),
            duration: None,
        };
        self.world.cloud.inject(injection).unwrap();
    }

    pub fn inject_vm(&mut self, fault: Fault, vm: &str) {
        self.inject(fault, Target::Vm(vm.to_owned()), &["RuntimeError"]);
    }
}

pub fn record_of(reply: &Reply) -> String {
    let id = reply.header("x-openstack-request-id").unwrap();
    assert_eq!(reply.header("x-compute-request-id"), Some(id));
    id.to_owned()
}

pub fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

pub fn document(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

pub fn reboot(kind: &str) -> Value {
    json!({ "reboot": { "type": kind } })
}

/// Pairs as `events` gives them.
pub fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = all.iter();
    all.map(|(name, result)| ((*name).to_owned(), (*result).to_owned()))
        .collect()
}

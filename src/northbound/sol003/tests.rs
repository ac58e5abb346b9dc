use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method};
use serde_json::{Map, json};
use tokio_util::sync::CancellationToken;

use super::notify::{Callbacks, wanted};
use super::openapi;
use super::resource::Resource;
use super::settings::Settings;
use super::target::Places;
use super::tls::Connections;
use crate::clock::Timestamp;
use crate::ids::*;
use crate::model::instance::{Happened, InstanceRecord, JournalEntry};
use crate::proto::sol003::*;

#[test]
fn the_document_lists_exactly_what_is_routed() {
    for major in Major::ALL {
        let document = openapi::document(major);
        let listed = document["paths"].as_object().unwrap();
        assert_eq!(listed.len(), openapi::paths(major).len());
        for (path, item) in listed {
            let there = path.replace("{id}", "some%2Fid");
            let found = Resource::find(&there).unwrap_or_else(|| panic!("{path} is not routed"));
            let mut documented: Vec<String> = item
                .as_object()
                .unwrap()
                .keys()
                .map(|method| method.to_ascii_uppercase())
                .collect();
            documented.sort();
            let mut routed: Vec<String> = found.methods().iter().map(Method::to_string).collect();
            routed.sort();
            assert_eq!(documented, routed, "{path}");
            for operation in item.as_object().unwrap().values() {
                for used in references(operation) {
                    assert!(document.pointer(&used).is_some(), "{path}: {used}");
                }
            }
        }
    }
    for nowhere in [
        "/",
        "/vnflcm",
        "/vnflcm/v3/vnf_instances",
        "/vnflcm/v2/vnf_instances/",
        "/x",
    ] {
        assert_eq!(Resource::find(nowhere), None, "{nowhere}");
    }
}

fn references(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(map) => map
            .iter()
            .flat_map(|(name, below)| match (name.as_str(), below.as_str()) {
                ("$ref", Some(to)) => vec![to.trim_start_matches('#').to_owned()],
                _ => references(below),
            })
            .collect(),
        serde_json::Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn callbacks_go_where_the_list_lets_them_and_nowhere_else() {
    let settings = Settings {
        callbacks: [
            "nfvo.example",
            "other.example:8443",
            "*.trusted.example",
            "10.1.0.0/16",
            "127.0.0.1",
            "fd00::/8",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Settings::default()
    };
    let callbacks = Callbacks::new(&settings).unwrap();
    for good in [
        "http://nfvo.example/x",
        "https://NFVO.example:9/x",
        "https://other.example:8443/x",
        "https://a.b.trusted.example/",
        "http://10.1.255.3:80/",
        "http://127.0.0.1:1/",
        "http://[fd00::1]/",
    ] {
        assert!(callbacks.allowed(good).is_ok(), "{good}");
    }
    for bad in [
        "http://other.example/",
        "http://trusted.example/",
        "http://nfvo.example.evil/",
        "http://10.2.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/",
        "http://127.0.0.2/",
        "http://[::1]/",
        "http://[::ffff:10.1.0.1]/",
        "http://2130706433/x/../@10.2.0.1",
        "file:///etc/passwd",
        "ftp://nfvo.example/",
        "http://user:secret@nfvo.example/",
        "nfvo.example",
    ] {
        let allowed = callbacks.allowed(bad);
        // A number is an address, and that one is on the list.
        let is_loopback = bad.contains("2130706433");
        assert_eq!(allowed.is_ok(), is_loopback, "{bad}: {allowed:?}");
    }
    let nowhere = Callbacks::new(&Settings::default()).unwrap();
    assert!(nowhere.allowed("http://127.0.0.1/").is_err());
    for wrong in ["10.0.0.0/33", "x/8", "host:port", ""] {
        let settings = Settings {
            callbacks: vec![wrong.to_owned()],
            ..Settings::default()
        };
        assert!(Callbacks::new(&settings).is_err(), "{wrong}");
    }
}

#[test]
fn links_begin_with_the_configured_root_or_with_what_the_client_called_us() {
    let mut headers = HeaderMap::new();
    let of =
        |headers: &HeaderMap, root| Places::of(root, "https", headers, "127.0.0.1:1", Major::V2);
    assert_eq!(
        of(&headers, None).instances(),
        "https://127.0.0.1:1/vnflcm/v2/vnf_instances"
    );
    headers.insert("host", HeaderValue::from_static("vnfm.example:8443"));
    assert_eq!(
        of(&headers, None).instance("x"),
        "https://vnfm.example:8443/vnflcm/v2/vnf_instances/x"
    );
    assert_eq!(
        of(&headers, Some("https://front/")).subscriptions(),
        "https://front/vnflcm/v2/subscriptions"
    );
    headers.insert("host", HeaderValue::from_static("evil\"><x"));
    assert!(
        of(&headers, None)
            .instances()
            .starts_with("https://127.0.0.1:1/")
    );
}

fn entry() -> JournalEntry {
    JournalEntry {
        instance: InstanceRecord {
            id: DeploymentId::new("i"),
            key: DeploymentKey::new("t", "d"),
            name: Some("n".into()),
            description: None,
            vnfd_id: "v".into(),
            provider: "p".into(),
            product: "q".into(),
            software_version: "1".into(),
            vnfd_version: "2".into(),
            metadata: Map::new(),
            extensions: Map::new(),
            properties: Map::new(),
            flavour: None,
            created: Timestamp::default(),
            modified: Timestamp::default(),
        },
        what: Happened::Created,
    }
}

#[test]
fn a_filter_of_notifications_fits_any_value_of_every_attribute() {
    let table = [
        (json!({}), true),
        (
            json!({"notificationTypes": ["VnfIdentifierCreationNotification"]}),
            true,
        ),
        (
            json!({"notificationTypes": ["VnfLcmOperationOccurrenceNotification"]}),
            false,
        ),
        // Of operations only.
        (json!({"operationTypes": ["HEAL"]}), true),
        (
            json!({"vnfInstanceSubscriptionFilter": {"vnfdIds": ["x", "v"]}}),
            true,
        ),
        (
            json!({"vnfInstanceSubscriptionFilter": {"vnfdIds": ["x"]}}),
            false,
        ),
        (
            json!({"vnfInstanceSubscriptionFilter": {"vnfdIds": ["v"], "vnfInstanceNames": ["m"]}}),
            false,
        ),
        (
            json!({"vnfInstanceSubscriptionFilter": {"vnfProductsFromProviders": [
                {"vnfProvider": "p", "vnfProducts": [{"vnfProductName": "q",
                 "versions": [{"vnfSoftwareVersion": "1", "vnfdVersions": ["2"]}]}]}]}}),
            true,
        ),
        (
            json!({"vnfInstanceSubscriptionFilter": {"vnfProductsFromProviders": [
                {"vnfProvider": "p", "vnfProducts": [{"vnfProductName": "q",
                 "versions": [{"vnfSoftwareVersion": "9"}]}]}]}}),
            false,
        ),
    ];
    for (filter, expected) in table {
        let parsed: NotificationFilter = serde_json::from_value(filter.clone()).unwrap();
        assert_eq!(wanted(&parsed, &entry()), expected, "{filter}");
    }
}

#[test]
fn a_merge_patch_follows_the_rfc() {
    let mut map = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1]});
    let patch = json!({"a": null, "b": {"c": null, "x": {"y": 1, "z": null}}, "e": 5});
    super::modify::merge(
        map.as_object_mut().unwrap(),
        patch.as_object().unwrap().clone(),
    );
    assert_eq!(map, json!({"b": {"d": 3, "x": {"y": 1}}, "e": 5}));
}

/// Whoever may not connect is closed without a word, and takes nobody's place.
#[tokio::test]
async fn an_address_that_is_not_allowed_is_closed_at_once() {
    use axum::serve::Listener as _;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpSocket};

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let stops = (CancellationToken::new(), CancellationToken::new());
    let allow = vec!["127.0.0.9".parse().unwrap()];
    let wait = Duration::from_secs(1);
    let mut connections = Connections::start(listener, None, (1, allow), wait, stops).unwrap();
    let from = async |address: &str| {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(format!("{address}:0").parse().unwrap())
            .unwrap();
        socket.connect(to).await.unwrap()
    };
    for _ in 0..3 {
        let mut refused = from("127.0.0.8").await;
        let mut octet = [0];
        assert_eq!(refused.read(&mut octet).await.unwrap_or(0), 0);
    }
    let _allowed = from("127.0.0.9").await;
    let (_, peer) = connections.accept().await;
    assert_eq!(peer.ip().to_string(), "127.0.0.9");
}

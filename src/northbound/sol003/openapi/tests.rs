//! The document against what is routed (`super::super::tests`) and, here, against the types: each with every attribute.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::document;
use crate::proto::sol003::*;

/// The occurrence that is documented with every attribute; values name their types.
const OCCURRENCE: &str = include_str!("../../../proto/sol003/testdata/op_occ_example.json");

/// Attributes whose content is the client's, or another version's.
const OPEN: [&str; 7] = [
    "metadata",
    "extensions",
    "vnfConfigurableProperties",
    "additionalParams",
    "operationParams",
    "interfaceInfo",
    "extra",
];

struct Held<'a> {
    document: &'a Value,
    name: &'a str,
    full: &'a Value,
    parses: &'a dyn Fn(&Value) -> bool,
    seen: usize,
}

impl Held<'_> {
    fn schema<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            None => schema,
            Some(to) => self.schema(self.document.pointer(&to[1..]).unwrap()),
        }
    }

    /// The full value without what stands at `path`.
    fn without(&self, path: &str) -> Value {
        let mut value = self.full.clone();
        let (above, last) = path.rsplit_once('/').unwrap();
        let above = value.pointer_mut(above).unwrap().as_object_mut();
        above.unwrap().remove(last).unwrap();
        value
    }

    fn walk(&mut self, schema: &Value, value: &Value, path: &str) {
        let schema = &self.schema(schema).clone();
        let at = format!("{}{path}", self.name);
        let last = path.rsplit('/').next().unwrap();
        self.seen += 1;
        match schema["type"].as_str() {
            Some("object") if schema.get("properties").is_some() => {
                let listed: BTreeSet<&String> =
                    schema["properties"].as_object().unwrap().keys().collect();
                let written: BTreeSet<&String> = value.as_object().unwrap().keys().collect();
                assert_eq!(listed, written, "attributes of {at}");
                for (name, value) in value.as_object().unwrap() {
                    let below = format!("{path}/{name}");
                    let none = Vec::new();
                    let required = schema["required"].as_array().unwrap_or(&none);
                    let required = required.contains(&json!(name));
                    // `_links` is optional in the documented type and always given; connections to VIMs are a type of
                    // their own, which the two versions wrap differently.
                    let given = at == "VnfLcmOpOcc" && name == "_links";
                    if !given && !below.contains("/vimConnectionInfo/") {
                        let parses = (self.parses)(&self.without(&below));
                        assert_eq!(required, !parses, "{at}/{name} is required");
                    }
                    self.walk(&schema["properties"][name], value, &below);
                }
            }
            Some("object") if schema.get("additionalProperties").is_some() => {
                for (name, value) in value.as_object().unwrap() {
                    let below = format!("{path}/{name}");
                    self.walk(&schema["additionalProperties"], value, &below);
                }
            }
            Some("object") => {
                assert!(OPEN.contains(&last), "{at} is described");
                assert!(value.is_object(), "{at}");
            }
            Some("array") => {
                let items = value.as_array().unwrap();
                assert!(!items.is_empty(), "{at} has an entry");
                self.walk(&schema["items"], &items[0], &format!("{path}/0"));
            }
            Some("string") => {
                assert!(value.is_string(), "{at} is no string");
                if let Some(words) = schema["enum"].as_array() {
                    assert!(words.contains(value), "{at}: {value}");
                }
            }
            Some("boolean") => assert!(value.is_boolean(), "{at}"),
            Some("integer") => assert!(value.is_u64(), "{at}"),
            None => assert_eq!(last, "vimConnectionInfo", "{at} has no type"),
            Some(other) => panic!("{at}: {other}"),
        }
    }
}

/// Holds a type, filled with every attribute, against its schema, in both directions.
fn hold<T: Serialize + DeserializeOwned>(major: Major, name: &str, full: &T) -> usize {
    let document = document(major);
    let full = serde_json::to_value(full).unwrap();
    let mut held = Held {
        document: &document,
        name,
        full: &full,
        parses: &|value| T::deserialize(value).is_ok(),
        seen: 0,
    };
    let schema = json!({"$ref": format!("#/components/schemas/{name}")});
    held.walk(&schema, &full.clone(), "");
    held.seen
}

fn pairs() -> KeyValuePairs {
    json!({"a": 1}).as_object().unwrap().clone()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn connection(id: Option<String>) -> VimConnectionInfo {
    VimConnectionInfo {
        id,
        vim_id: some("v"),
        vim_type: "t".into(),
        interface_info: Some(pairs()),
        extra: Some(pairs()),
    }
}

fn connections(major: Major) -> Option<Value> {
    let one = [("v".to_owned(), connection(some("v")))];
    VimConnectionInfo::attribute(&one.into_iter().collect(), major)
}

fn occurrence(major: Major) -> VnfLcmOpOcc {
    let mut full: Value = serde_json::from_str(OCCURRENCE).unwrap();
    for (name, value) in [
        ("operationState", json!("FAILED_TEMP")),
        ("operation", json!("INSTANTIATE")),
        ("cancelMode", json!("GRACEFUL")),
        ("operationParams", json!({"flavourId": "x"})),
    ] {
        full[name] = value;
    }
    let changed = full["changedInfo"].as_object_mut().unwrap();
    for name in ["vnfConfigurableProperties", "metadata", "extensions"] {
        changed.insert(name.into(), json!({"a": 1}));
    }
    changed.insert("vimConnectionInfo".into(), connections(major).unwrap());
    serde_json::from_value(full).unwrap()
}

fn link() -> Link {
    Link::to("http://x/")
}

fn protocol() -> Vec<CpProtocolInfo> {
    vec![CpProtocolInfo {
        layer_protocol: "IP_OVER_ETHERNET".into(),
        ip_over_ethernet: Some(IpOverEthernet {
            mac_address: some("m"),
            ip_addresses: vec![IpAddresses {
                kind: "IPV4".into(),
                addresses: vec!["192.0.2.1".into()],
                is_dynamic: Some(true),
                subnet_id: some("s"),
            }],
        }),
    }]
}

fn instance(major: Major) -> VnfInstance {
    let occurrence = occurrence(major);
    let changes = occurrence.resource_changes.unwrap();
    let handle = changes.affected_vnfcs[0].compute_resource.clone();
    let level = || {
        vec![ScaleInfo {
            aspect_id: "a".into(),
            vnfd_id: some("v"),
            scale_level: 1,
        }]
    };
    VnfInstance {
        id: "i".into(),
        vnf_instance_name: some("n"),
        vnf_instance_description: some("d"),
        vnfd_id: "v".into(),
        vnf_provider: "p".into(),
        vnf_product_name: "q".into(),
        vnf_software_version: "1".into(),
        vnfd_version: "2".into(),
        vnf_configurable_properties: Some(pairs()),
        vim_connection_info: connections(major),
        instantiation_state: InstantiationState::Instantiated,
        instantiated_vnf_info: Some(InstantiatedVnfInfo {
            flavour_id: "f".into(),
            vnf_state: TargetState::Started,
            scale_status: level(),
            max_scale_levels: level(),
            ext_cp_info: vec![ExtCpInfo {
                id: "e".into(),
                cpd_id: "c".into(),
                cp_config_id: "c".into(),
                vnfd_id: some("v"),
                cp_protocol_info: protocol(),
                associated_vnfc_cp_id: some("a"),
            }],
            ext_virtual_link_info: occurrence.changed_ext_connectivity,
            vnfc_resource_info: vec![VnfcResourceInfo {
                id: "r".into(),
                vdu_id: "g".into(),
                vnfd_id: some("v"),
                compute_resource: handle.clone(),
                vnfc_cp_info: vec![VnfcCpInfo {
                    id: "c".into(),
                    cpd_id: "d".into(),
                    vnf_ext_cp_id: some("e"),
                    cp_protocol_info: protocol(),
                }],
                metadata: Some(pairs()),
            }],
            vnf_virtual_link_resource_info: vec![VnfVirtualLinkResourceInfo {
                id: "l".into(),
                vnf_virtual_link_desc_id: "d".into(),
                network_resource: handle,
            }],
            vnfc_info: vec![VnfcInfo {
                id: "c".into(),
                vdu_id: "g".into(),
                vnfc_resource_info_id: some("r"),
                vnfc_state: TargetState::Stopped,
            }],
        }),
        metadata: Some(pairs()),
        extensions: Some(pairs()),
        links: VnfInstanceLinks {
            this: link(),
            instantiate: Some(link()),
            terminate: Some(link()),
            scale: Some(link()),
            scale_to_level: Some(link()),
            heal: Some(link()),
            operate: Some(link()),
            change_current_vnf_pkg: Some(link()),
        },
    }
}

fn filter() -> NotificationFilter {
    NotificationFilter {
        vnf_instance_subscription_filter: Some(VnfInstanceFilter {
            vnfd_ids: vec!["v".into()],
            vnf_products_from_providers: vec![VnfProvider {
                vnf_provider: "p".into(),
                vnf_products: vec![VnfProduct {
                    vnf_product_name: "q".into(),
                    versions: vec![VnfVersion {
                        vnf_software_version: "1".into(),
                        vnfd_versions: vec!["2".into()],
                    }],
                }],
            }],
            vnf_instance_ids: vec!["i".into()],
            vnf_instance_names: vec!["n".into()],
        }),
        notification_types: NotificationType::ALL.to_vec(),
        operation_types: OperationType::ALL.to_vec(),
        operation_states: OperationStateType::ALL.to_vec(),
    }
}

#[test]
fn answers_are_written_as_the_document_says() {
    for major in Major::ALL {
        assert!(hold(major, "VnfLcmOpOcc", &occurrence(major)) > 120);
        assert!(hold(major, "VnfInstance", &instance(major)) > 80);
        let subscription = LccnSubscription {
            id: "s".into(),
            filter: Some(filter()),
            callback_uri: "http://x/".into(),
            verbosity: Verbosity::Short,
            links: SubscriptionLinks { this: link() },
        };
        hold(major, "LccnSubscription", &subscription);
        hold(major, "VimConnectionInfo", &connection(some("v")));
        let problem = ProblemDetails {
            kind: some("k"),
            title: some("t"),
            status: 400,
            detail: "d".into(),
            instance: some("i"),
        };
        hold(major, "ProblemDetails", &problem);
        let versions = ApiVersionInformation {
            uri_prefix: "/vnflcm".into(),
            api_versions: vec![ApiVersion {
                version: "2.0.0".into(),
                is_deprecated: Some(false),
            }],
        };
        hold(major, "ApiVersionInformation", &versions);
    }
}

#[test]
fn requests_are_read_as_the_document_says() {
    let level = || ScaleToLevelInfo {
        aspect_id: "a".into(),
        scale_level: 1,
    };
    for major in Major::ALL {
        let create = CreateVnfRequest {
            vnfd_id: "v".into(),
            vnf_instance_name: some("n"),
            vnf_instance_description: some("d"),
            metadata: Some(pairs()),
        };
        hold(major, "CreateVnfRequest", &create);
        let instantiate = InstantiateVnfRequest {
            flavour_id: "f".into(),
            instantiation_level_id: some("l"),
            target_scale_level_info: vec![level()],
            additional_params: Some(pairs()),
            extensions: Some(pairs()),
            vnf_configurable_properties: Some(pairs()),
            vim_connection_info: connections(major),
        };
        hold(major, "InstantiateVnfRequest", &instantiate);
        let terminate = TerminateVnfRequest {
            termination_type: TerminationType::Graceful,
            graceful_termination_timeout: Some(1),
            additional_params: Some(pairs()),
        };
        hold(major, "TerminateVnfRequest", &terminate);
        let heal = HealVnfRequest {
            vnfc_instance_id: vec!["v".into()],
            cause: some("c"),
            additional_params: Some(pairs()),
            heal_script: some("s"),
        };
        hold(major, "HealVnfRequest", &heal);
        let scale = ScaleVnfRequest {
            kind: ScaleType::ScaleIn,
            aspect_id: "a".into(),
            number_of_steps: Some(1),
            additional_params: Some(pairs()),
        };
        hold(major, "ScaleVnfRequest", &scale);
        let to_level = ScaleVnfToLevelRequest {
            instantiation_level_id: some("l"),
            scale_info: vec![level()],
            additional_params: Some(pairs()),
        };
        hold(major, "ScaleVnfToLevelRequest", &to_level);
        let operate = OperateVnfRequest {
            change_state_to: TargetState::Stopped,
            stop_type: Some(StopType::Graceful),
            graceful_stop_timeout: Some(1),
            vnfc_instance_id: vec!["v".into()],
            additional_params: Some(pairs()),
        };
        hold(major, "OperateVnfRequest", &operate);
        let modify = VnfInfoModificationRequest {
            vnf_instance_name: Some(some("n")),
            vnf_instance_description: Some(some("d")),
            vnf_configurable_properties: Some(Some(pairs())),
            metadata: Some(Some(pairs())),
            extensions: Some(Some(pairs())),
        };
        hold(major, "VnfInfoModificationRequest", &modify);
        let cancel = CancelRequest {
            cancel_mode: CancelMode::Forceful,
        };
        hold(major, "CancelMode", &cancel);
        let subscribe = LccnSubscriptionRequest {
            filter: Some(filter()),
            callback_uri: "http://x/".into(),
            authentication: Some(Authentication {
                auth_type: AuthType::ALL.to_vec(),
                params_basic: Some(BasicParams {
                    user_name: "u".into(),
                    password: "p".into(),
                }),
                params_oauth2: Some(OAuth2Params {
                    client_id: "c".into(),
                    client_password: "p".into(),
                    token_endpoint: "http://x/".into(),
                }),
            }),
            verbosity: Some(Verbosity::Full),
        };
        hold(major, "LccnSubscriptionRequest", &subscribe);
    }
}

#[test]
fn every_schema_is_used_and_every_attribute_of_a_list_can_be_asked_for() {
    for major in Major::ALL {
        let document = document(major);
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for name in schemas.keys() {
            let used = format!("#/components/schemas/{name}\"");
            assert!(text.contains(&used), "{name} is used");
        }
        for (name, collection) in [
            ("VnfInstance", INSTANCES),
            ("VnfLcmOpOcc", OCCURRENCES),
            ("LccnSubscription", SUBSCRIPTIONS),
        ] {
            let properties: &Map<String, Value> = schemas[name]["properties"].as_object().unwrap();
            let listed: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            let all = collection.mandatory.iter().chain(collection.optional);
            assert_eq!(listed, all.copied().collect(), "{name}");
            let required = schemas[name]["required"].as_array().unwrap();
            let required: BTreeSet<&str> =
                required.iter().map(|name| name.as_str().unwrap()).collect();
            let mandatory: BTreeSet<&str> = collection.mandatory.iter().copied().collect();
            assert_eq!(required, mandatory, "{name}");
        }
    }
}

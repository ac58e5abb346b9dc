//! The schemas of the OpenAPI document. `openapi::tests` holds each against the type that is read or written.

use serde_json::{Map, Value, json};

use crate::proto::sol003::{
    AuthType, CancelMode, InstantiationState, Major, NotificationType, OperationStateType,
    OperationType, ScaleType, StopType, TargetState, TerminationType, Verbosity,
};

/// A reference to one of them.
pub(super) fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Values of an enumeration, as the wire writes them.
fn words<T: serde::Serialize>(all: &[T]) -> Value {
    json!({"type": "string", "enum": all})
}

fn object(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let all = required.iter().chain(optional);
    let properties: Map<String, Value> = all
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let mut schema = json!({"type": "object", "properties": properties});
    let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    if let (false, Some(map)) = (names.is_empty(), schema.as_object_mut()) {
        map.insert("required".to_owned(), json!(names));
    }
    schema
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn text() -> Value {
    json!({"type": "string"})
}

/// Text of which there is some.
fn name() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn truth() -> Value {
    json!({"type": "boolean"})
}

fn number(least: u32) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": u32::MAX})
}

/// Whatever pairs of names and values.
fn pairs() -> Value {
    json!({"type": "object"})
}

/// A string, an object, or `null`, which removes what is there.
fn nullable(of: Value) -> Value {
    let mut schema = of;
    if let Some(map) = schema.as_object_mut() {
        map.insert("nullable".to_owned(), true.into());
    }
    schema
}

fn links(required: &[&str], optional: &[&str]) -> Value {
    let link = |name: &&str| (*name).to_owned();
    let all: Vec<String> = required.iter().chain(optional).map(link).collect();
    let properties: Map<String, Value> =
        all.into_iter().map(|name| (name, schema("Link"))).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

/// All of them, by name.
pub(super) fn all(major: Major) -> Value {
    let mut all = Map::new();
    for (name, schema) in shared(major)
        .into_iter()
        .chain(instance())
        .chain(occurrence())
        .chain(requests())
        .chain(subscription())
    {
        all.insert(name.to_owned(), schema);
    }
    Value::Object(all)
}

type Named = Vec<(&'static str, Value)>;

fn shared(major: Major) -> Named {
    let connection = schema("VimConnectionInfo");
    let connections = match major {
        Major::V1 => list(connection),
        Major::V2 => json!({"type": "object", "additionalProperties": connection}),
    };
    let additional = object(&[], &[("hostName", text()), ("persistentVolume", text())]);
    vec![
        (
            "ProblemDetails",
            object(
                &[("status", number(0)), ("detail", text())],
                &[("type", text()), ("title", text()), ("instance", text())],
            ),
        ),
        (
            "ApiVersionInformation",
            object(
                &[
                    ("uriPrefix", text()),
                    (
                        "apiVersions",
                        list(object(&[("version", text())], &[("isDeprecated", truth())])),
                    ),
                ],
                &[],
            ),
        ),
        ("Link", object(&[("href", text())], &[])),
        (
            "ResourceHandle",
            object(
                &[("resourceId", text())],
                &[
                    ("vimConnectionId", text()),
                    ("resourceProviderId", text()),
                    ("vimLevelResourceType", text()),
                    ("vimLevelAdditionalResourceInfo", additional),
                    ("containerNamespace", text()),
                ],
            ),
        ),
        (
            "VimConnectionInfo",
            object(
                &[("vimType", text())],
                &[
                    ("id", text()),
                    ("vimId", text()),
                    ("interfaceInfo", pairs()),
                    ("extra", pairs()),
                ],
            ),
        ),
        ("VimConnections", connections),
        (
            "ScaleInfo",
            object(
                &[("aspectId", name()), ("scaleLevel", number(0))],
                &[("vnfdId", text())],
            ),
        ),
        (
            "TokenRequest",
            json!({"type": "object", "required": ["grant_type"], "properties": {
                "grant_type": {"type": "string", "enum": ["client_credentials"]},
                "client_id": text(), "client_secret": text()}}),
        ),
        (
            "Token",
            object(
                &[
                    ("access_token", text()),
                    ("token_type", text()),
                    ("expires_in", number(0)),
                ],
                &[],
            ),
        ),
    ]
}

fn instance() -> Named {
    let addresses = object(
        &[
            ("type", json!({"type": "string", "enum": ["IPV4", "IPV6"]})),
            ("addresses", list(text())),
        ],
        &[("isDynamic", truth()), ("subnetId", text())],
    );
    let ethernet = object(
        &[],
        &[("macAddress", text()), ("ipAddresses", list(addresses))],
    );
    let protocol = object(
        &[("layerProtocol", text())],
        &[("ipOverEthernet", ethernet)],
    );
    let external = object(
        &[
            ("id", text()),
            ("cpdId", text()),
            ("cpConfigId", text()),
            ("cpProtocolInfo", list(schema("CpProtocolInfo"))),
        ],
        &[("vnfdId", text()), ("associatedVnfcCpId", text())],
    );
    let point = object(
        &[("id", text()), ("cpdId", text())],
        &[
            ("vnfExtCpId", text()),
            ("cpProtocolInfo", list(schema("CpProtocolInfo"))),
        ],
    );
    let vnfc = object(
        &[
            ("id", text()),
            ("vduId", text()),
            ("computeResource", schema("ResourceHandle")),
        ],
        &[
            ("vnfdId", text()),
            ("vnfcCpInfo", list(point)),
            ("metadata", pairs()),
        ],
    );
    let link = object(
        &[
            ("id", text()),
            ("vnfVirtualLinkDescId", text()),
            ("networkResource", schema("ResourceHandle")),
        ],
        &[],
    );
    let info = object(
        &[
            ("id", text()),
            ("vduId", text()),
            ("vnfcState", words(TargetState::ALL)),
        ],
        &[("vnfcResourceInfoId", text())],
    );
    let instantiated = object(
        &[("flavourId", text()), ("vnfState", words(TargetState::ALL))],
        &[
            ("extCpInfo", list(external)),
            ("scaleStatus", list(schema("ScaleInfo"))),
            ("maxScaleLevels", list(schema("ScaleInfo"))),
            ("extVirtualLinkInfo", list(schema("ExtVirtualLinkInfo"))),
            ("vnfcResourceInfo", list(vnfc)),
            ("vnfVirtualLinkResourceInfo", list(link)),
            ("vnfcInfo", list(info)),
        ],
    );
    let tasks = [
        "instantiate",
        "terminate",
        "scale",
        "scaleToLevel",
        "heal",
        "operate",
        "changeCurrentVnfPkg",
    ];
    vec![
        ("CpProtocolInfo", protocol),
        (
            "VnfInstance",
            object(
                &[
                    ("id", text()),
                    ("vnfdId", text()),
                    ("vnfProvider", text()),
                    ("vnfProductName", text()),
                    ("vnfSoftwareVersion", text()),
                    ("vnfdVersion", text()),
                    ("instantiationState", words(InstantiationState::ALL)),
                    ("_links", links(&["self"], &tasks)),
                ],
                &[
                    ("vnfInstanceName", text()),
                    ("vnfInstanceDescription", text()),
                    ("vnfConfigurableProperties", pairs()),
                    ("vimConnectionInfo", schema("VimConnections")),
                    ("instantiatedVnfInfo", instantiated),
                    ("metadata", pairs()),
                    ("extensions", pairs()),
                ],
            ),
        ),
    ]
}

fn changes() -> Named {
    let handle = || schema("ResourceHandle");
    let vnfc = object(
        &[
            ("id", text()),
            ("vduId", text()),
            ("changeType", text()),
            ("computeResource", handle()),
        ],
        &[
            ("vnfdId", text()),
            ("resourceDefinitionId", text()),
            ("zoneId", text()),
            ("affectedVnfcCpIds", list(text())),
            ("addedStorageResourceIds", list(text())),
            ("removedStorageResourceIds", list(text())),
        ],
    );
    let link = object(
        &[
            ("id", text()),
            ("vnfVirtualLinkDescId", text()),
            ("changeType", text()),
            ("networkResource", handle()),
        ],
        &[
            ("vnfdId", text()),
            ("vnfLinkPortIds", list(text())),
            ("resourceDefinitionId", text()),
            ("zoneId", text()),
        ],
    );
    let port = object(
        &[
            ("id", text()),
            ("changeType", text()),
            ("extCpInstanceId", text()),
            ("resourceHandle", handle()),
        ],
        &[("resourceDefinitionId", text())],
    );
    let storage = object(
        &[
            ("id", text()),
            ("virtualStorageDescId", text()),
            ("changeType", text()),
            ("storageResource", handle()),
        ],
        &[
            ("vnfdId", text()),
            ("resourceDefinitionId", text()),
            ("zoneId", text()),
        ],
    );
    vec![
        ("affectedVnfcs", list(vnfc)),
        ("affectedVirtualLinks", list(link)),
        ("affectedExtLinkPorts", list(port)),
        ("affectedVirtualStorages", list(storage)),
    ]
}

fn occurrence() -> Named {
    let package = [
        ("vnfdId", text()),
        ("vnfProvider", text()),
        ("vnfProductName", text()),
        ("vnfSoftwareVersion", text()),
        ("vnfdVersion", text()),
    ];
    let mut info = vec![
        ("vnfInstanceName", text()),
        ("vnfInstanceDescription", text()),
        ("vnfConfigurableProperties", pairs()),
        ("metadata", pairs()),
        ("extensions", pairs()),
        ("vimConnectionInfo", json!({})),
    ];
    info.extend(package.clone());
    let handle = || schema("ResourceHandle");
    let port = object(
        &[("id", text()), ("resourceHandle", handle())],
        &[
            ("cpInstanceId", text()),
            ("secondaryCpInstanceId", text()),
            ("trunkResourceId", text()),
        ],
    );
    let definition = object(
        &[
            ("netAttDefResourceInfoId", text()),
            ("netAttDefResource", handle()),
        ],
        &[
            ("associatedExtCpId", list(text())),
            ("associatedVnfcCpId", list(text())),
        ],
    );
    let external = object(
        &[
            ("id", text()),
            (
                "currentVnfExtCpData",
                list(object(&[("cpdId", text())], &[])),
            ),
        ],
        &[
            ("resourceHandle", handle()),
            ("extLinkPorts", list(port)),
            ("extNetAttDefResource", list(definition)),
        ],
    );
    let vip = object(
        &[
            ("cpInstanceId", text()),
            ("cpdId", text()),
            ("changeType", text()),
        ],
        &[("vnfdId", text())],
    );
    let coordination = object(
        &[
            ("id", text()),
            ("coordinationActionName", text()),
            ("startTime", text()),
            ("endpointType", text()),
        ],
        &[
            ("coordinationResult", text()),
            ("endTime", text()),
            ("delay", text()),
        ],
    );
    let rejected = object(
        &[
            ("coordinationActionName", text()),
            ("rejectionTime", text()),
            ("delay", text()),
            ("endpointType", text()),
        ],
        &[],
    );
    let tasks = [
        "grant",
        "cancel",
        "retry",
        "rollback",
        "fail",
        "vnfSnapshot",
    ];
    vec![
        ("ExtVirtualLinkInfo", external),
        (
            "VnfLcmOpOcc",
            object(
                &[
                    ("id", text()),
                    ("operationState", words(OperationStateType::ALL)),
                    ("stateEnteredTime", time()),
                    ("startTime", time()),
                    ("vnfInstanceId", text()),
                    ("operation", words(OperationType::ALL)),
                    ("isAutomaticInvocation", truth()),
                    ("isCancelPending", truth()),
                    ("_links", links(&["self", "vnfInstance"], &tasks)),
                ],
                &[
                    ("grantId", text()),
                    ("operationParams", pairs()),
                    ("cancelMode", words(CancelMode::ALL)),
                    ("error", schema("ProblemDetails")),
                    ("resourceChanges", object(&[], &changes())),
                    ("changedInfo", object(&[], &info)),
                    ("affectedVipCps", list(vip)),
                    ("changedExtConnectivity", list(schema("ExtVirtualLinkInfo"))),
                    (
                        "modificationsTriggeredByVnfPkgChange",
                        object(&[], &package),
                    ),
                    ("vnfSnapshotInfoId", text()),
                    ("lcmCoordinations", list(coordination)),
                    ("rejectedLcmCoordinations", list(rejected)),
                    ("warnings", list(text())),
                ],
            ),
        ),
    ]
}

fn requests() -> Named {
    let level = object(&[("aspectId", name()), ("scaleLevel", number(0))], &[]);
    let more = ("additionalParams", pairs());
    vec![
        (
            "CreateVnfRequest",
            object(
                &[("vnfdId", name())],
                &[
                    ("vnfInstanceName", text()),
                    ("vnfInstanceDescription", text()),
                    ("metadata", pairs()),
                ],
            ),
        ),
        (
            "InstantiateVnfRequest",
            object(
                &[("flavourId", name())],
                &[
                    ("instantiationLevelId", text()),
                    ("targetScaleLevelInfo", list(level.clone())),
                    more.clone(),
                    ("extensions", pairs()),
                    ("vnfConfigurableProperties", pairs()),
                    ("vimConnectionInfo", schema("VimConnections")),
                ],
            ),
        ),
        (
            "TerminateVnfRequest",
            object(
                &[("terminationType", words(TerminationType::ALL))],
                &[("gracefulTerminationTimeout", number(0)), more.clone()],
            ),
        ),
        (
            "ScaleVnfRequest",
            object(
                &[("type", words(ScaleType::ALL)), ("aspectId", name())],
                &[("numberOfSteps", number(1)), more.clone()],
            ),
        ),
        (
            "ScaleVnfToLevelRequest",
            object(
                &[],
                &[
                    ("instantiationLevelId", text()),
                    ("scaleInfo", list(level)),
                    more.clone(),
                ],
            ),
        ),
        (
            "HealVnfRequest",
            object(
                &[],
                &[
                    ("vnfcInstanceId", list(text())),
                    ("cause", text()),
                    more.clone(),
                    ("healScript", text()),
                ],
            ),
        ),
        (
            "OperateVnfRequest",
            object(
                &[("changeStateTo", words(TargetState::ALL))],
                &[
                    ("stopType", words(StopType::ALL)),
                    ("gracefulStopTimeout", number(0)),
                    ("vnfcInstanceId", list(text())),
                    more,
                ],
            ),
        ),
        (
            "VnfInfoModificationRequest",
            object(
                &[],
                &[
                    ("vnfInstanceName", nullable(text())),
                    ("vnfInstanceDescription", nullable(text())),
                    ("vnfConfigurableProperties", nullable(pairs())),
                    ("metadata", nullable(pairs())),
                    ("extensions", nullable(pairs())),
                ],
            ),
        ),
        (
            "CancelMode",
            object(&[("cancelMode", words(CancelMode::ALL))], &[]),
        ),
    ]
}

fn subscription() -> Named {
    let version = object(
        &[("vnfSoftwareVersion", text())],
        &[("vnfdVersions", list(text()))],
    );
    let product = object(
        &[("vnfProductName", text())],
        &[("versions", list(version))],
    );
    let provider = object(
        &[("vnfProvider", text())],
        &[("vnfProducts", list(product))],
    );
    let instances = object(
        &[],
        &[
            ("vnfdIds", list(text())),
            ("vnfProductsFromProviders", list(provider)),
            ("vnfInstanceIds", list(text())),
            ("vnfInstanceNames", list(text())),
        ],
    );
    let filter = object(
        &[],
        &[
            ("vnfInstanceSubscriptionFilter", instances),
            ("notificationTypes", list(words(NotificationType::ALL))),
            ("operationTypes", list(words(OperationType::ALL))),
            ("operationStates", list(words(OperationStateType::ALL))),
        ],
    );
    let basic = object(&[("userName", text()), ("password", text())], &[]);
    let oauth2 = object(
        &[
            ("clientId", text()),
            ("clientPassword", text()),
            ("tokenEndpoint", text()),
        ],
        &[],
    );
    let authentication = object(
        &[("authType", list(words(AuthType::ALL)))],
        &[
            ("paramsBasic", basic),
            ("paramsOauth2ClientCredentials", oauth2),
        ],
    );
    let uri = json!({"type": "string", "format": "uri"});
    vec![
        ("NotificationFilter", filter),
        (
            "LccnSubscriptionRequest",
            object(
                &[("callbackUri", uri.clone())],
                &[
                    ("filter", schema("NotificationFilter")),
                    ("authentication", authentication),
                    ("verbosity", words(Verbosity::ALL)),
                ],
            ),
        ),
        (
            "LccnSubscription",
            object(
                &[
                    ("id", text()),
                    ("callbackUri", uri),
                    ("verbosity", words(Verbosity::ALL)),
                    ("_links", links(&["self"], &[])),
                ],
                &[("filter", schema("NotificationFilter"))],
            ),
        ),
    ]
}

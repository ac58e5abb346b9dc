//! `LccnSubscription` (clauses 5.5.2.15, 5.5.2.16) and its filter (clause 5.5.3.12).

use serde::{Deserialize, Serialize};

use super::op_occ::{Link, OperationStateType, OperationType, words};

words! {
    /// The three kinds of notification.
    NotificationType {
        Occurrence = "VnfLcmOperationOccurrenceNotification",
        Creation = "VnfIdentifierCreationNotification",
        Deletion = "VnfIdentifierDeletionNotification",
    }
}
words! {
    /// How much a notification says.
    Verbosity { Full = "FULL", Short = "SHORT" }
}
words! {
    /// How the server authenticates at the callback.
    AuthType {
        Basic = "BASIC",
        OAuth2ClientCredentials = "OAUTH2_CLIENT_CREDENTIALS",
        TlsCert = "TLS_CERT",
    }
}

/// `LccnSubscriptionRequest`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.15, by their names"
)]
pub struct LccnSubscriptionRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<NotificationFilter>,
    pub callback_uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<Verbosity>,
}

/// `LccnSubscription`: what is given out; credentials never are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.16, by their names"
)]
pub struct LccnSubscription {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<NotificationFilter>,
    pub callback_uri: String,
    pub verbosity: Verbosity,
    #[serde(rename = "_links")]
    pub links: SubscriptionLinks,
}

/// Links of a subscription.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubscriptionLinks {
    /// Itself.
    #[serde(rename = "self")]
    pub this: Link,
}

/// `LifecycleChangeNotificationsFilter` (clause 5.5.3.12): within one attribute any value fits, all attributes
/// must fit.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.12, by their names"
)]
pub struct NotificationFilter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_instance_subscription_filter: Option<VnfInstanceFilter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notification_types: Vec<NotificationType>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operation_types: Vec<OperationType>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operation_states: Vec<OperationStateType>,
}

/// `VnfInstanceSubscriptionFilter` (clause 4.4.1.5).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 4.4.1.5, by their names"
)]
pub struct VnfInstanceFilter {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnfd_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnf_products_from_providers: Vec<VnfProvider>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnf_instance_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnf_instance_names: Vec<String>,
}

/// Products of one provider.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 4.4.1.5, by their names"
)]
pub struct VnfProvider {
    pub vnf_provider: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnf_products: Vec<VnfProduct>,
}

/// One product.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 4.4.1.5, by their names"
)]
pub struct VnfProduct {
    pub vnf_product_name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VnfVersion>,
}

/// One software version, and VNFD versions of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 4.4.1.5, by their names"
)]
pub struct VnfVersion {
    pub vnf_software_version: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnfd_versions: Vec<String>,
}

/// `SubscriptionAuthentication` (SOL 013 clause 8.3.4).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of SOL 013 clause 8.3.4, by their names"
)]
pub struct Authentication {
    pub auth_type: Vec<AuthType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params_basic: Option<BasicParams>,
    #[serde(
        default,
        rename = "paramsOauth2ClientCredentials",
        skip_serializing_if = "Option::is_none"
    )]
    pub params_oauth2: Option<OAuth2Params>,
}

/// Credentials of HTTP Basic. Debug output does not show the password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of SOL 013 clause 8.3.4, by their names"
)]
pub struct BasicParams {
    pub user_name: String,
    pub password: String,
}

impl std::fmt::Debug for BasicParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BasicParams({})", self.user_name)
    }
}

/// Credentials for OAuth 2.0 client credentials. Debug output does not show the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of SOL 013 clause 8.3.4, by their names"
)]
pub struct OAuth2Params {
    pub client_id: String,
    pub client_password: String,
    pub token_endpoint: String,
}

impl std::fmt::Debug for OAuth2Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "OAuth2Params({} at {})",
            self.client_id, self.token_endpoint
        )
    }
}

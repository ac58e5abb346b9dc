//! Delivery: each subscription reads the journal behind its cursor and posts what its filter lets through, one after
//! the other, again and again until it is taken. The cursor is durable; an id is the same each time it is sent.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde_json::Value;
use uuid::Uuid;

use super::map;
use super::subscriptions::{Stored, keep};
use crate::control::service::Control;
use crate::ids::JournalSeq;
use crate::model::instance::{Happened, InstanceRecord, JournalEntry};
use crate::model::operation::{LcmOperation, LcmOperationState, OpRecord};
use crate::proto::sol003::*;
use crate::store::{StoreError, StoredEvent};

/// Lines of the journal read at once.
const PAGE: usize = 100;
/// Lines passed over before the cursor is stored.
const SKIPPED: u64 = 1000;
/// Bytes of a token endpoint's answer.
const TOKEN_BYTES: usize = 64 * 1024;

/// Where notifications may go, and how they are sent.
pub(super) struct Callbacks {
    client: Client,
    allowed: Vec<Allowed>,
    base: Duration,
    max: Duration,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Allowed {
    Host(String, Option<u16>),
    Domain(String),
    Range(IpAddr, u8),
}

impl Allowed {
    fn read(text: &str) -> Result<Self, String> {
        if let Some(domain) = text.strip_prefix("*.") {
            return Ok(Self::Domain(format!(".{}", domain.to_ascii_lowercase())));
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address
                .parse()
                .map_err(|_| format!("[{text}] is not a range of addresses"))?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.parse().ok().filter(|bits| *bits <= most);
            let bits = bits.ok_or_else(|| format!("[{text}] is not a range of addresses"))?;
            return Ok(Self::Range(address, bits));
        }
        let split = text
            .rsplit_once(':')
            .filter(|_| text.parse::<IpAddr>().is_err());
        let (host, port) = match split {
            None => (text, None),
            Some((host, port)) => {
                let port = port
                    .parse()
                    .map_err(|_| format!("[{text}] does not end in a port"))?;
                (host, Some(port))
            }
        };
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        match host.is_empty() {
            true => Err("an empty name allows nothing".to_owned()),
            false => Ok(Self::Host(host, port)),
        }
    }

    fn lets(&self, host: &str, port: u16) -> bool {
        match self {
            Self::Host(known, of) => known == host && of.is_none_or(|of| of == port),
            Self::Domain(domain) => host.ends_with(domain.as_str()),
            Self::Range(net, bits) => match (net, host.parse::<IpAddr>()) {
                (IpAddr::V4(net), Ok(IpAddr::V4(it))) => {
                    same(net.to_bits().into(), it.to_bits().into(), 32, *bits)
                }
                (IpAddr::V6(net), Ok(IpAddr::V6(it))) => {
                    same(net.to_bits(), it.to_bits(), 128, *bits)
                }
                _ => false,
            },
        }
    }
}

fn same(a: u128, b: u128, width: u32, bits: u8) -> bool {
    let shift = width.saturating_sub(u32::from(bits));
    a.checked_shr(shift).unwrap_or(0) == b.checked_shr(shift).unwrap_or(0)
}

impl Callbacks {
    /// From the settings.
    pub fn new(settings: &super::settings::Settings) -> anyhow::Result<Self> {
        let allowed = settings.callbacks.iter().map(|text| Allowed::read(text));
        let allowed = allowed.collect::<Result<_, _>>();
        Ok(Self {
            // What answers with another place is not followed there: that would pass the list by.
            client: Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .timeout(Duration::from_millis(settings.callback_timeout_ms.get()))
                .build()?,
            allowed: allowed
                .map_err(|why| anyhow::anyhow!("setting callbacks of [sol003]: {why}"))?,
            base: Duration::from_millis(settings.retry_base_ms.get()),
            max: Duration::from_millis(settings.retry_max_ms.get()),
        })
    }

    /// The URL, when something may be sent there.
    pub fn allowed(&self, uri: &str) -> Result<Url, String> {
        let url = Url::parse(uri).map_err(|error| format!("[{uri}] is not a URI: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("[{}] is neither http nor https", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("credentials do not belong into the URI".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        let port = url.port_or_known_default().unwrap_or_default();
        match self.allowed.iter().any(|allowed| allowed.lets(&host, port)) {
            true => Ok(url),
            false => Err(format!(
                "nothing is sent to [{host}:{port}]: the setting callbacks of [sol003] does not allow it"
            )),
        }
    }

    fn pause(&self, tries: u32, spread: u64) -> Duration {
        let whole = self.base.saturating_mul(1 << tries.min(16)).min(self.max);
        let half = whole / 2;
        let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_nanos(spread % nanos)
    }
}

fn authorized(
    request: RequestBuilder,
    subscription: &LccnSubscriptionRequest,
    token: Option<&str>,
) -> RequestBuilder {
    let basic = subscription
        .authentication
        .as_ref()
        .and_then(|it| it.params_basic.as_ref());
    match (token, basic) {
        (Some(token), _) => request.bearer_auth(token),
        (None, Some(basic)) => request.basic_auth(&basic.user_name, Some(&basic.password)),
        (None, None) => request,
    }
}

fn oauth2(subscription: &LccnSubscriptionRequest) -> Option<&OAuth2Params> {
    let authentication = subscription.authentication.as_ref()?;
    let wanted = AuthType::OAuth2ClientCredentials;
    let wants = authentication.auth_type.contains(&wanted);
    authentication.params_oauth2.as_ref().filter(|_| wants)
}

/// A bearer token from the subscriber's own endpoint.
async fn fetch_token(callbacks: &Callbacks, params: &OAuth2Params) -> Result<String, String> {
    let url = callbacks.allowed(&params.token_endpoint)?;
    let credentials = format!("{}:{}", params.client_id, params.client_password);
    let asked = callbacks
        .client
        .post(url)
        .header(
            "authorization",
            format!("Basic {}", STANDARD.encode(credentials)),
        )
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .body("grant_type=client_credentials");
    let answer = asked.send().await.map_err(|error| plain(&error))?;
    if !answer.status().is_success() {
        return Err(format!("the token endpoint answers {}", answer.status()));
    }
    let length = answer.content_length().unwrap_or(0);
    if length > TOKEN_BYTES as u64 {
        return Err("the token endpoint's answer is too long".to_owned());
    }
    let bytes = answer.bytes().await.map_err(|error| plain(&error))?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|_| "the token endpoint does not answer in JSON".to_owned())?;
    let token = value.get("access_token").and_then(Value::as_str);
    token
        .map(str::to_owned)
        .ok_or_else(|| "the token endpoint gives no access_token".to_owned())
}

/// Why a request failed, without its URL, which may carry what is nobody's business.
fn plain(error: &reqwest::Error) -> String {
    let kind = match () {
        () if error.is_timeout() => "no answer in time",
        () if error.is_connect() => "no connection",
        () => "no answer",
    };
    let mut text = kind.to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{kind}: {error}");
        source = error.source();
    }
    text
}

/// Tests a callback: a GET must be answered with 204 (clause 5.4.18.3.1).
pub(super) async fn test(
    callbacks: &Callbacks,
    request: &LccnSubscriptionRequest,
    major: Major,
) -> Result<(), String> {
    let url = callbacks.allowed(&request.callback_uri)?;
    let token = match oauth2(request) {
        Some(params) => Some(fetch_token(callbacks, params).await?),
        None => None,
    };
    let asked = callbacks.client.get(url).header("version", major.newest());
    let asked = authorized(asked, request, token.as_deref());
    let answer = asked.send().await.map_err(|error| plain(&error))?;
    match answer.status() {
        StatusCode::NO_CONTENT => Ok(()),
        status => Err(format!("GET was answered with {status}, not with 204")),
    }
}

/// What one subscription is served by.
pub(super) struct Pump {
    pub control: Arc<Control>,
    pub callbacks: Arc<Callbacks>,
    pub stored: Stored,
    pub cursor: JournalSeq,
    pub token: Option<String>,
}

impl Pump {
    /// Delivers until it is dropped.
    pub async fn run(mut self) {
        let log = self.control.store().events().clone();
        let mut watermark = log.watermark();
        let mut kept = self.cursor;
        loop {
            let head = *watermark.borrow_and_update();
            let page = match log.read(self.cursor, PAGE).await {
                Ok(page) => page,
                Err(StoreError::Aged { oldest, .. }) => {
                    let lost = oldest.0.saturating_sub(self.cursor.0 + 1);
                    tracing::error!(
                        subscription = self.stored.id,
                        lost,
                        "notifications aged out"
                    );
                    self.cursor = JournalSeq(oldest.0.saturating_sub(1));
                    continue;
                }
                Err(error) => {
                    tracing::error!(%error, subscription = self.stored.id, "reading the journal");
                    tokio::time::sleep(self.callbacks.max).await;
                    continue;
                }
            };
            for event in &page {
                if let Some(notification) = self.notification(event) {
                    self.deliver(&notification).await;
                    self.cursor = event.seq;
                    self.keep().await;
                    kept = self.cursor;
                }
                self.cursor = event.seq;
            }
            if self.cursor.0.saturating_sub(kept.0) > SKIPPED {
                self.keep().await;
                kept = self.cursor;
            }
            if page.is_empty() && head <= self.cursor && watermark.changed().await.is_err() {
                return;
            }
        }
    }

    async fn keep(&self) {
        // One that is not kept is sent again after a restart, under the same id.
        if let Err(error) = keep(self.control.store(), &self.stored.id, self.cursor).await {
            tracing::warn!(%error, subscription = self.stored.id, "its place was not stored");
        }
    }

    /// Posts it until it is taken.
    async fn deliver(&mut self, notification: &Value) {
        let body = notification.to_string();
        let mut tries = 0;
        loop {
            let why = match self.post(&body).await {
                Ok(()) => return,
                Err(why) => why,
            };
            let spread = body.len() as u64 * 7_919 + u64::from(tries) * 104_729;
            let pause = self
                .callbacks
                .pause(tries, spread.wrapping_mul(0x9e37_79b9));
            tracing::warn!(
                subscription = self.stored.id,
                why,
                tries,
                "a notification waits"
            );
            tries = tries.saturating_add(1);
            tokio::time::sleep(pause).await;
        }
    }

    async fn post(&mut self, body: &str) -> Result<(), String> {
        let request = &self.stored.request;
        let url = self.callbacks.allowed(&request.callback_uri)?;
        if self.token.is_none()
            && let Some(params) = oauth2(request)
        {
            self.token = Some(fetch_token(&self.callbacks, params).await?);
        }
        let version = self.stored.places().major.newest();
        let asked = self
            .callbacks
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("version", version)
            .body(body.to_owned());
        let asked = authorized(asked, request, self.token.as_deref());
        let answer = asked.send().await.map_err(|error| plain(&error))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED => {
                // The next try asks for another token.
                self.token = None;
                Err("the callback answers 401".to_owned())
            }
            status => Err(format!("the callback answers {status}")),
        }
    }

    /// What a line of the journal says to this subscriber; `None`: nothing.
    fn notification(&self, event: &StoredEvent) -> Option<Value> {
        let line = event.lcm.as_ref()?;
        let entry: JournalEntry = match serde_json::from_slice(line) {
            Ok(entry) => entry,
            Err(error) => {
                tracing::error!(%error, seq = event.seq.0, "a line of the journal cannot be read");
                return None;
            }
        };
        let filter = self.stored.request.filter.as_ref();
        if !filter.is_none_or(|filter| wanted(filter, &entry)) || !self.may_see(&entry) {
            return None;
        }
        let name = format!("{}/{}", self.stored.id, event.seq);
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
        let time = event.time.to_string();
        let made = match &entry.what {
            Happened::Operation(op) => serde_json::to_value(occurrence(&self.stored, id, time, op)),
            Happened::Created | Happened::Deleted => {
                serde_json::to_value(identifier(&self.stored, id, time, &entry))
            }
        };
        made.ok()
    }

    fn may_see(&self, entry: &JournalEntry) -> bool {
        let access = self.control.rights(&self.stored.user);
        let place = crate::esc_model::opdata::place(self.control.schema(), &entry.instance.key);
        place.is_none_or(|(deployment, _)| access.sees(&deployment))
    }
}

fn kind(entry: &JournalEntry) -> NotificationType {
    match entry.what {
        Happened::Created => NotificationType::Creation,
        Happened::Deleted => NotificationType::Deletion,
        Happened::Operation(_) => NotificationType::Occurrence,
    }
}

/// Within an attribute any value fits, all attributes must fit (clause 5.5.3.12).
pub(super) fn wanted(filter: &NotificationFilter, entry: &JournalEntry) -> bool {
    let fits = |list: &[NotificationType]| list.is_empty() || list.contains(&kind(entry));
    if !fits(&filter.notification_types) {
        return false;
    }
    if let Happened::Operation(op) = &entry.what {
        let types = &filter.operation_types;
        let states = &filter.operation_states;
        if !(types.is_empty() || types.contains(&map::operation(op.occ.operation)))
            || !(states.is_empty() || states.contains(&map::state(op.occ.state)))
        {
            return false;
        }
    }
    let of = filter.vnf_instance_subscription_filter.as_ref();
    of.is_none_or(|of| about(of, &entry.instance))
}

fn about(filter: &VnfInstanceFilter, instance: &InstanceRecord) -> bool {
    let any = |list: &[String], value: &str| list.is_empty() || list.iter().any(|it| it == value);
    let provider = |known: &VnfProvider| {
        known.vnf_provider == instance.provider
            && (known.vnf_products.is_empty()
                || known.vnf_products.iter().any(|known| {
                    known.vnf_product_name == instance.product
                        && (known.versions.is_empty()
                            || known.versions.iter().any(|known| {
                                known.vnf_software_version == instance.software_version
                                    && any(&known.vnfd_versions, &instance.vnfd_version)
                            }))
                }))
    };
    let providers = &filter.vnf_products_from_providers;
    any(&filter.vnfd_ids, &instance.vnfd_id)
        && any(&filter.vnf_instance_ids, instance.id.as_str())
        && any(
            &filter.vnf_instance_names,
            instance.name.as_deref().unwrap_or_default(),
        )
        && (providers.is_empty() || providers.iter().any(provider))
}

fn occurrence(stored: &Stored, id: String, time: String, op: &OpRecord) -> OccurrenceNotification {
    let places = stored.places();
    let state = op.occ.state;
    let begins = match op.occ.operation {
        LcmOperation::ModifyInfo => state == LcmOperationState::Processing,
        _ => state == LcmOperationState::Starting,
    };
    let full = stored.verbosity() == Verbosity::Full;
    let changes = match full && !begins {
        true => map::changes(op),
        false => ResourceChanges::default(),
    };
    OccurrenceNotification {
        id,
        notification_type: NotificationType::Occurrence,
        subscription_id: stored.id.clone(),
        time_stamp: time,
        notification_status: match begins {
            true => NotificationStatus::Start,
            false => NotificationStatus::Result,
        },
        operation_state: map::state(state),
        vnf_instance_id: op.instance.to_string(),
        operation: map::operation(op.occ.operation),
        is_automatic_invocation: op.occ.automatic,
        verbosity: Some(stored.verbosity()),
        vnf_lcm_op_occ_id: op.occ.id.to_string(),
        affected_vnfcs: changes.affected_vnfcs,
        affected_virtual_links: changes.affected_virtual_links,
        affected_ext_link_ports: changes.affected_ext_link_ports,
        affected_virtual_storages: changes.affected_virtual_storages,
        changed_info: map::changed_info(op).filter(|_| full && !begins),
        changed_ext_connectivity: Vec::new(),
        modifications_triggered_by_vnf_pkg_change: None,
        // Present in these states only (clause 5.5.2.17); the occurrence itself tells it in others too.
        error: map::error(op).filter(|_| {
            use LcmOperationState as S;
            matches!(state, S::FailedTemp | S::Failed | S::RolledBack)
        }),
        links: OccurrenceNotificationLinks {
            vnf_instance: Link::to(places.instance(op.instance.as_str())),
            subscription: Link::to(places.subscription(&stored.id)),
            vnf_lcm_op_occ: Link::to(places.occurrence(op.occ.id.as_str())),
        },
    }
}

fn identifier(
    stored: &Stored,
    id: String,
    time: String,
    entry: &JournalEntry,
) -> IdentifierNotification {
    let places = stored.places();
    let instance = entry.instance.id.as_str();
    IdentifierNotification {
        id,
        notification_type: kind(entry),
        subscription_id: stored.id.clone(),
        time_stamp: time,
        vnf_instance_id: instance.to_owned(),
        links: LccnLinks {
            vnf_instance: Link::to(places.instance(instance)),
            subscription: Link::to(places.subscription(&stored.id)),
        },
    }
}

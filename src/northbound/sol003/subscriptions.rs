//! Subscriptions: made after a test of their callback, listed, deleted; each is a row and a cursor.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::gate::Call;
use super::notify::{self, Callbacks};
use super::reply::{Outcome, Problem, empty, json, put, value};
use super::server::App;
use super::target::Places;
use crate::datastore::{Access, Location};
use crate::esc_model::published::Published;
use crate::ids::JournalSeq;
use crate::proto::sol003::{
    AuthType, LccnSubscription, LccnSubscriptionRequest, Link, Major, SUBSCRIPTIONS,
    SubscriptionLinks, Verbosity,
};
use crate::store::{Batch, Row, Store, StoreError, Table, Write};

const NACM: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm";

/// Subscriptions, by id.
pub(super) const TABLE: Table = Table("lccn_subscription");
/// The last line of the journal that each subscription is through with.
pub(super) const CURSOR: Table = Table("lccn_cursor");

/// What is stored of a subscription: credentials among it, as the callback needs them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    pub id: String,
    pub request: LccnSubscriptionRequest,
    /// Who made it; empty: nobody had to say. What the user may not see is not sent.
    pub user: String,
    /// What links begin with.
    pub root: String,
    pub version: u8,
    /// The journal's end when it was made.
    pub from: JournalSeq,
}

impl Stored {
    /// Where its links lead.
    pub fn places(&self) -> Places {
        let major = match self.version {
            1 => Major::V1,
            _ => Major::V2,
        };
        Places::below(self.root.clone(), major)
    }

    /// How much its notifications say.
    pub fn verbosity(&self) -> Verbosity {
        self.request.verbosity.unwrap_or(Verbosity::Full)
    }

    fn shown(&self, places: &Places) -> LccnSubscription {
        LccnSubscription {
            id: self.id.clone(),
            filter: self.request.filter.clone(),
            callback_uri: self.request.callback_uri.clone(),
            verbosity: self.verbosity(),
            links: SubscriptionLinks {
                this: Link::to(places.subscription(&self.id)),
            },
        }
    }
}

struct Entry {
    stored: Stored,
    end: CancellationToken,
}

/// The subscriptions of this process.
#[derive(Default)]
pub(super) struct Registry(Mutex<BTreeMap<String, Entry>>);

impl Registry {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, stored: Stored, end: CancellationToken) {
        self.lock().insert(stored.id.clone(), Entry { stored, end });
    }
}

/// Takes up every stored subscription where it stood.
pub(super) fn resume(app: &App) -> Result<(), StoreError> {
    let store = app.control.store();
    let cursors: BTreeMap<String, Row> = store
        .rows(CURSOR)?
        .into_iter()
        .map(|row| (row.key.clone(), row))
        .collect();
    for row in store.rows(TABLE)? {
        let stored: Stored = match serde_json::from_slice(&row.value) {
            Ok(stored) => stored,
            Err(error) => {
                tracing::error!(%error, id = row.key, "a subscription cannot be read");
                continue;
            }
        };
        let cursor = cursors.get(&row.key);
        let cursor = cursor.and_then(|row| std::str::from_utf8(&row.value).ok()?.parse().ok());
        let cursor = cursor.map_or(stored.from, JournalSeq);
        start(app, stored, cursor);
    }
    Ok(())
}

fn start(app: &App, stored: Stored, cursor: JournalSeq) {
    let end = app.end.child_token();
    app.subscriptions.add(stored.clone(), end.clone());
    let pump = notify::Pump {
        control: app.control.clone(),
        callbacks: app.callbacks.clone(),
        stored,
        cursor,
        token: None,
    };
    tokio::spawn(async move {
        tokio::select! {
            () = end.cancelled() => {}
            () = pump.run() => {}
        }
    });
}

fn write(table: Table, key: &str, value: Option<Vec<u8>>) -> Write {
    Write {
        table,
        key: key.to_owned(),
        value,
    }
}

/// Keeps where a subscription stands.
pub(super) async fn keep(
    store: &Store<Published>,
    id: &str,
    cursor: JournalSeq,
) -> Result<(), StoreError> {
    let value = Some(cursor.to_string().into_bytes());
    let batch = Batch {
        writes: vec![write(CURSOR, id, value)],
        ..Batch::default()
    };
    store.submit(batch).await.map(|_| ())
}

impl Call {
    /// A subscription is its user's, and of those who make the access rules.
    fn has(&self, stored: &Stored) -> bool {
        let rules = || {
            let nacm = self.app.control.schema().top(NACM, "nacm");
            nacm.is_some_and(|nacm| {
                let place = Location::default().child(nacm, None);
                self.access.data(Access::Update, &place)
            })
        };
        stored.user == self.user || rules()
    }
}

/// GET of the list.
pub(super) fn list(call: &Call) -> Outcome {
    let stored: Vec<Stored> = call
        .app
        .subscriptions
        .lock()
        .values()
        .filter(|entry| call.has(&entry.stored))
        .map(|entry| entry.stored.clone())
        .collect();
    let entries = stored.into_iter().map(|stored| (stored.id.clone(), stored));
    let render = |stored: Stored| value(&stored.shown(&call.places));
    let size = call.app.settings.page_size.get();
    let here = call.places.subscriptions();
    call.query.page(entries, render, SUBSCRIPTIONS, size, &here)
}

/// GET of one.
pub(super) fn read(call: &Call, id: &str) -> Outcome {
    call.query.only(&[])?;
    let entries = call.app.subscriptions.lock();
    let entry = entries.get(id).filter(|entry| call.has(&entry.stored));
    let entry = entry.ok_or_else(|| Problem::not_found("subscription", id))?;
    Ok(json(StatusCode::OK, &entry.stored.shown(&call.places)))
}

/// POST: 303 for one that is there already, 422 for a callback that is not allowed or does not answer.
pub(super) async fn create(call: &Call) -> Outcome {
    let (request, _) = call.body.request::<LccnSubscriptionRequest>()?;
    check(&request, &call.app.callbacks)?;
    let same = {
        let entries = call.app.subscriptions.lock();
        let same = entries.values().find(|entry| {
            let known = &entry.stored;
            known.request.callback_uri == request.callback_uri
                && known.request.filter == request.filter
                && known.user == call.user
        });
        if same.is_none() && entries.len() >= call.app.settings.subscriptions.get() {
            let text = format!("there are {} subscriptions already", entries.len());
            return Err(
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, text).with(header::RETRY_AFTER, "60")
            );
        }
        same.map(|entry| entry.stored.id.clone())
    };
    if let Some(id) = same {
        let mut reply = empty(StatusCode::SEE_OTHER);
        put(&mut reply, header::LOCATION, &call.places.subscription(&id));
        return Ok(reply);
    }
    if call.app.settings.callback_test {
        let tested = notify::test(&call.app.callbacks, &request, call.places.major).await;
        tested.map_err(|why| Problem::unprocessable(format!("the callback was tested: {why}")))?;
    }
    let store = call.app.control.store();
    let stored = Stored {
        id: call.app.mint(),
        request,
        user: call.user.clone(),
        root: call.places.root().to_owned(),
        version: match call.places.major {
            Major::V1 => 1,
            Major::V2 => 2,
        },
        from: store.events().head(),
    };
    let row = serde_json::to_vec(&stored)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let batch = Batch {
        writes: vec![write(TABLE, &stored.id, Some(row))],
        ..Batch::default()
    };
    store
        .submit(batch)
        .await
        .map_err(crate::control::error::ControlError::from)?;
    let mut reply = json(StatusCode::CREATED, &stored.shown(&call.places));
    let place = call.places.subscription(&stored.id);
    put(&mut reply, header::LOCATION, &place);
    let from = stored.from;
    start(&call.app, stored, from);
    Ok(reply)
}

fn check(request: &LccnSubscriptionRequest, callbacks: &Callbacks) -> Result<(), Problem> {
    callbacks
        .allowed(&request.callback_uri)
        .map_err(|why| Problem::unprocessable(format!("callbackUri: {why}")))?;
    let Some(authentication) = &request.authentication else {
        return Ok(());
    };
    let wrong = |text: &str| Err(Problem::unprocessable(format!("authentication: {text}")));
    match authentication.auth_type.as_slice() {
        [] => wrong("authType names none"),
        kinds if kinds.contains(&AuthType::TlsCert) => wrong("TLS_CERT is not served"),
        kinds if kinds.contains(&AuthType::OAuth2ClientCredentials) => {
            match &authentication.params_oauth2 {
                None => wrong("paramsOauth2ClientCredentials is missing"),
                Some(params) => callbacks
                    .allowed(&params.token_endpoint)
                    .map(|_| ())
                    .map_err(|why| Problem::unprocessable(format!("tokenEndpoint: {why}"))),
            }
        }
        _ if authentication.params_basic.is_none() => wrong("paramsBasic is missing"),
        _ => Ok(()),
    }
}

/// DELETE.
pub(super) async fn delete(call: &Call, id: &str) -> Outcome {
    let known = {
        let entries = call.app.subscriptions.lock();
        entries.get(id).is_some_and(|entry| call.has(&entry.stored))
    };
    if !known {
        return Err(Problem::not_found("subscription", id));
    }
    let batch = Batch {
        writes: vec![write(TABLE, id, None), write(CURSOR, id, None)],
        ..Batch::default()
    };
    call.app
        .control
        .store()
        .submit(batch)
        .await
        .map_err(crate::control::error::ControlError::from)?;
    if let Some(entry) = call.app.subscriptions.lock().remove(id) {
        entry.end.cancel();
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

//! Key pairs of users.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::ssh_pair;
use super::super::world::World;
use super::access::nova;
use super::admin::KEYPAIRS;
use super::compute::{Ctx, add, body};
use super::state::Keypair;

fn generated(world: &mut World) -> Result<(String, Option<String>), Reply> {
    match ssh_pair::make(world) {
        Ok((public, private)) => Ok((format!("{public} Generated-by-Nova"), Some(private))),
        Err(why) => Err(nova(500, why)),
    }
}

/// Up to 255 of letters, digits, space, `-` and `_`; from 2.92 on also `@` and `.`.
fn named_well(ctx: &Ctx<'_>, name: &str) -> bool {
    let more = if ctx.since(92) { "@." } else { "" };
    let fits = |c: char| c.is_ascii_alphanumeric() || " -_".contains(c) || more.contains(c);
    (1..=255).contains(&name.chars().count()) && name.trim() == name && name.chars().all(fits)
}

/// Answers below `/os-keypairs`.
pub fn keypairs(world: &mut World, ctx: &Ctx<'_>, path: &[&str]) -> Reply {
    #[derive(Deserialize)]
    struct Wanted {
        keypair: WantedPair,
    }
    #[derive(Deserialize)]
    struct WantedPair {
        name: String,
        #[serde(default)]
        public_key: Option<String>,
        #[serde(default, rename = "type")]
        kind: Option<String>,
    }
    let show = |pair: &Keypair| {
        let mut shown = json!({
            "name": pair.name, "public_key": pair.public_key, "fingerprint": pair.fingerprint,
        });
        if ctx.since(2) {
            add(&mut shown, &[("type", json!(pair.kind))]);
        }
        shown
    };
    let user = ctx.who.user.clone();
    match (ctx.request.method.as_str(), path) {
        ("GET", []) => {
            let mine = world
                .nova
                .keypairs
                .iter()
                .filter(|((own, _), _)| *own == user);
            let mine: Vec<_> = mine
                .map(|(_, pair)| json!({ "keypair": show(pair) }))
                .collect();
            Reply::json(200, &json!({ "keypairs": mine }))
        }
        ("GET", [name]) => match world.nova.keypairs.get(&(user.clone(), (*name).to_owned())) {
            Some(pair) => {
                let mut shown = show(pair);
                add(
                    &mut shown,
                    &[
                        ("user_id", json!(user)),
                        (
                            "created_at",
                            json!(format!("{}.000000", world.text(pair.created))),
                        ),
                        ("deleted", json!(false)),
                        ("deleted_at", Value::Null),
                        ("updated_at", Value::Null),
                        ("id", json!(1)),
                    ],
                );
                Reply::json(200, &json!({ "keypair": shown }))
            }
            None => nova(404, format!("Keypair {name} not found for user {user}")),
        },
        ("DELETE", [name]) => match world
            .nova
            .keypairs
            .remove(&(user.clone(), (*name).to_owned()))
        {
            Some(_) => Reply::empty(if ctx.since(2) { 204 } else { 202 }),
            None => nova(404, format!("Keypair {name} not found for user {user}")),
        },
        ("POST", []) => {
            let wanted = match body::<Wanted>(ctx) {
                Ok(wanted) => wanted.keypair,
                Err(reply) => return reply,
            };
            let kind = wanted.kind.unwrap_or_else(|| "ssh".to_owned());
            let made = match wanted.public_key {
                Some(public_key) => Ok((public_key, None)),
                None if ctx.since(92) => Err(nova(
                    400,
                    "Invalid input for field/attribute keypair. 'public_key' is a required property",
                )),
                None if kind != "ssh" => Err(nova(501, "Only key pairs for SSH are made here.")),
                None => generated(world),
            };
            let (public_key, private_key) = match made {
                Ok(made) => made,
                Err(reply) => return reply,
            };
            if !named_well(ctx, &wanted.name) {
                let why = format!(
                    "Invalid input for field/attribute name. Value: {}.",
                    wanted.name
                );
                return nova(400, why);
            }
            if kind == "ssh" && !public_key.contains(' ') {
                let why = "Keypair data is invalid: failed to generate fingerprint";
                return nova(400, why);
            }
            let key = (user.clone(), wanted.name.clone());
            if world.nova.keypairs.contains_key(&key) {
                return nova(409, format!("Key pair '{}' already exists.", wanted.name));
            }
            let mine = world.nova.keypairs.keys().filter(|(own, _)| *own == user);
            if mine.count() >= KEYPAIRS {
                return nova(403, "Quota exceeded, too many key pairs.");
            }
            let pair = Keypair {
                name: wanted.name,
                fingerprint: ssh_pair::fingerprint(&public_key),
                public_key,
                kind,
                created: world.cloud.now(),
            };
            let mut shown = show(&pair);
            add(&mut shown, &[("user_id", json!(user))]);
            if let Some(private_key) = private_key {
                add(&mut shown, &[("private_key", json!(private_key))]);
            }
            world.nova.keypairs.insert(key, pair);
            Reply::json(
                if ctx.since(2) { 201 } else { 200 },
                &json!({ "keypair": shown }),
            )
        }
        _ => nova(405, "The method is not allowed."),
    }
}

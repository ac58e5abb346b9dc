//! Users: one file, whole in memory, changed by replacing both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};

use russh::keys::PublicKey;
use serde::{Deserialize, Serialize};

use super::{AuthError, Settings, file, key, name, password};
use crate::clock::Timestamp;

/// Name of the file in the data directory.
const FILE: &str = "users.json";

/// Members may do everything; the first user joins it.
pub const ADMIN_GROUP: &str = "admin";

/// A user as stored. Keys keep their text, comment included.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct User {
    /// Login name.
    pub name: String,
    /// Groups, for access control.
    pub groups: Vec<String>,
    /// When the user was added.
    pub created: String,
    /// argon2id hash (PHC string), absent for key-only users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<Secret>,
    /// OpenSSH public keys.
    #[serde(default)]
    authorized_keys: Vec<String>,
    #[serde(skip)]
    keys: Vec<PublicKey>,
}

impl User {
    /// Whether a password is set.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Authorized keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }
}

/// A hash that debug output does not show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<hash>")
    }
}

/// A user to be added.
#[derive(Clone, Copy, Default)]
pub struct NewUser<'a> {
    /// Login name.
    pub name: &'a str,
    /// Password, absent for key-only users.
    pub password: Option<&'a str>,
    /// Text of public keys, several lines each.
    pub authorized_keys: &'a [String],
    /// Groups; empty: none, or `admin` for the first user.
    pub groups: &'a [String],
}

type Users = BTreeMap<String, Arc<User>>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    users: Vec<Arc<User>>,
}

const VERSION: u32 = 1;

/// The users of one data directory. Its owner holds the directory's lock.
#[derive(Debug)]
pub struct UserStore {
    path: PathBuf,
    settings: Settings,
    users: RwLock<Arc<Users>>,
    changing: Mutex<()>,
    checks: Checks,
    nobody: String,
}

impl UserStore {
    /// Reads `users.json` of the data directory; a missing file means no users. Hashes one dummy password (about 30 ms).
    ///
    /// # Errors
    /// `File` when it cannot be read or understood, or others may read it.
    pub fn load(data_dir: &Path, settings: Settings) -> Result<Self, AuthError> {
        let path = data_dir.join(FILE);
        let users = match file::read(&path)? {
            Some(text) => decode(&text).map_err(|message| AuthError::file(&path, message))?,
            None => Users::new(),
        };
        Ok(Self {
            path,
            checks: Checks::new(settings.password_checks.get()),
            settings,
            users: RwLock::new(Arc::new(users)),
            changing: Mutex::new(()),
            nobody: password::hash("nobody")?,
        })
    }

    /// Adds a user. Blocks: hashes the password, writes the file.
    ///
    /// # Errors
    /// `Name`, `Password`, `Key`, `Exists`, `NoCredential`, `Limit`, or `File` when the disk refuses; nothing changes then.
    pub fn add(&self, new: &NewUser<'_>, now: Timestamp) -> Result<Arc<User>, AuthError> {
        name::check("user", new.name)?;
        for group in new.groups {
            name::check("group", group)?;
        }
        let mut keys: Vec<PublicKey> = Vec::new();
        for text in new.authorized_keys {
            for key in key::authorized_keys(text)? {
                if !keys.iter().any(|known| known.key_data() == key.key_data()) {
                    keys.push(key);
                }
            }
        }
        if new.password.is_none() && keys.is_empty() {
            return Err(AuthError::NoCredential(new.name.to_owned()));
        }
        limit(
            "keys of one user",
            keys.len(),
            self.settings.keys_per_user.get(),
            "keys-per-user",
        )?;
        let hash = new.password.map(password::hash).transpose()?;
        let authorized_keys = keys
            .iter()
            .map(|key| {
                key.to_openssh()
                    .map_err(|error| AuthError::Key(error.to_string()))
            })
            .collect::<Result<_, _>>()?;
        self.change(|users| {
            if users.contains_key(new.name) {
                return Err(AuthError::Exists(new.name.to_owned()));
            }
            limit("users", users.len() + 1, self.settings.users.get(), "users")?;
            let groups = match (new.groups, users.is_empty()) {
                ([], true) => vec![ADMIN_GROUP.to_owned()],
                (groups, _) => groups.to_vec(),
            };
            let user = Arc::new(User {
                name: new.name.to_owned(),
                groups,
                created: now.to_string(),
                password: hash.map(Secret),
                authorized_keys,
                keys,
            });
            users.insert(user.name.clone(), Arc::clone(&user));
            Ok(user)
        })
    }

    /// Changes the groups a user is in, to exactly these.
    ///
    /// # Errors
    /// `Name`, `Unknown`, or `File` when the disk refuses; nothing changes then.
    pub fn set_groups(&self, name: &str, groups: &[String]) -> Result<Arc<User>, AuthError> {
        for group in groups {
            name::check("group", group)?;
        }
        self.change(|users| {
            let Some(user) = users.get_mut(name) else {
                return Err(AuthError::Unknown(name.to_owned()));
            };
            let mut changed = (**user).clone();
            changed.groups = groups.to_vec();
            *user = Arc::new(changed);
            Ok(Arc::clone(user))
        })
    }

    /// Removes a user; sessions that are open are the caller's to end.
    ///
    /// # Errors
    /// `Unknown`, or `File` when the disk refuses; the user stays then.
    pub fn remove(&self, name: &str) -> Result<Arc<User>, AuthError> {
        self.change(|users| {
            users
                .remove(name)
                .ok_or_else(|| AuthError::Unknown(name.to_owned()))
        })
    }

    /// All users by name.
    pub fn list(&self) -> Vec<Arc<User>> {
        self.users().values().cloned().collect()
    }

    /// One user.
    pub fn get(&self, name: &str) -> Option<Arc<User>> {
        self.users().get(name).cloned()
    }

    /// The user, when the password is right. Takes the same time for users who do not exist or have no password.
    /// Blocks for tens of milliseconds of CPU: call it on a blocking thread.
    pub fn verify_password(&self, name: &str, password: &str) -> Option<Arc<User>> {
        let _permit = self.checks.enter();
        let user = self.get(name);
        let hash = user.as_ref().and_then(|user| user.password.as_ref());
        let equal = password::matches(password, hash.map_or(&self.nobody, |hash| &hash.0));
        // The dummy password is known from this source: it must open nothing.
        user.filter(|user| equal && user.has_password())
    }

    /// The user, when the key is one of theirs. Says nothing about a signature: that is the SSH server's to check.
    pub fn verify_key(&self, name: &str, key: &PublicKey) -> Option<Arc<User>> {
        let theirs = |user: &Arc<User>| {
            user.keys
                .iter()
                .any(|known| known.key_data() == key.key_data())
        };
        self.get(name).filter(theirs)
    }

    fn users(&self) -> Arc<Users> {
        Arc::clone(&self.users.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes a copy, writes it, then shows it.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Users) -> Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut users = (*self.users()).clone();
        let outcome = change(&mut users)?;
        let stored = Stored {
            version: VERSION,
            users: users.values().cloned().collect(),
        };
        let text = serde_json::to_string_pretty(&stored)
            .map_err(|error| AuthError::file(&self.path, error))?;
        file::replace(&self.path, &(text + "\n"))?;
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
        Ok(outcome)
    }
}

fn limit(
    what: &'static str,
    count: usize,
    limit: usize,
    setting: &'static str,
) -> Result<(), AuthError> {
    match count > limit {
        true => Err(AuthError::Limit {
            what,
            limit,
            setting,
        }),
        false => Ok(()),
    }
}

fn decode(text: &str) -> Result<Users, String> {
    let stored: Stored = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if stored.version != VERSION {
        return Err(format!(
            "version {}, this program knows {VERSION}",
            stored.version
        ));
    }
    let mut users = Users::new();
    for user in stored.users {
        let mut user = Arc::unwrap_or_clone(user);
        let fail = |error: String| format!("user '{}': {error}", user.name);
        name::check("user", &user.name).map_err(|error| error.to_string())?;
        if let Some(hash) = &user.password {
            password::check_hash(&hash.0).map_err(fail)?;
        }
        user.keys = user
            .authorized_keys
            .iter()
            .map(|line| key::parse(line).map_err(|error| fail(error.to_string())))
            .collect::<Result<_, _>>()?;
        if let Some(twice) = users.insert(user.name.clone(), Arc::new(user)) {
            return Err(format!("user '{}' is there twice", twice.name));
        }
    }
    Ok(users)
}

/// Bounds the memory and CPU that guessing can take.
#[derive(Debug)]
struct Checks {
    free: Mutex<usize>,
    left: Condvar,
}

impl Checks {
    fn new(free: usize) -> Self {
        Self {
            free: Mutex::new(free),
            left: Condvar::new(),
        }
    }

    fn enter(&self) -> Permit<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .left
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Permit(self)
    }
}

struct Permit<'a>(&'a Checks);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests;

//! Who may log in: users with argon2id passwords and SSH public keys, groups, and our own host keys.
//!
//! There is no default account. Everything lives in private files of the data directory: `users.json` and one
//! file per host key, each replaced as a whole (temporary file, fsync, rename).

pub mod hostkey;

mod error;
mod file;
mod key;
mod name;
mod password;
mod settings;
mod user;

pub use error::AuthError;
pub use key::{authorized_keys, fingerprint};
pub use settings::Settings;
pub use user::{ADMIN_GROUP, NewUser, User, UserStore};

//! `lifeline user add|groups|list|remove`: through the control socket of a running server, else on the file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::daemon::users;
use crate::northbound::admin::{self, AdminError, Reply, Request, UserRow};

/// Manage who may log in.
#[derive(Args, Debug)]
pub struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Subcommand, Debug)]
enum UserCommand {
    /// Add a user, or replace one of the same name.
    Add {
        /// Login name: 1 to 64 of letters, digits, dot, underscore, hyphen.
        name: String,
        /// Directory that holds everything the server remembers; made (0700) when missing.
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
        /// Read the password from standard input (one line).
        #[arg(long)]
        password_stdin: bool,
        /// Public key file in OpenSSH format (ed25519, ecdsa or rsa); may be given more than once.
        #[arg(long, value_name = "FILE.pub")]
        authorized_key: Vec<PathBuf>,
        /// Group membership; may be given more than once. The first user joins `admin` unless told otherwise.
        #[arg(long)]
        group: Vec<String>,
    },
    /// Change the groups a user is in, to exactly those given; open sessions feel it at once.
    Groups {
        /// Login name.
        name: String,
        /// Directory that holds everything the server remembers.
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
        /// Group membership; may be given more than once.
        #[arg(long, required_unless_present = "none")]
        group: Vec<String>,
        /// No group at all.
        #[arg(long, conflicts_with = "group")]
        none: bool,
    },
    /// List users, their groups and how they may log in.
    List {
        /// Directory that holds everything the server remembers.
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
    },
    /// Remove a user; sessions that are open stay open.
    Remove {
        /// Login name.
        name: String,
        /// Directory that holds everything the server remembers.
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
    },
}

impl UserArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When the user, the key or the directory is not acceptable.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let (data_dir, request) = match self.command {
            UserCommand::Add {
                name,
                data_dir,
                password_stdin,
                authorized_key,
                group,
            } => {
                if !password_stdin && authorized_key.is_empty() {
                    bail!(
                        "give --password-stdin or --authorized-key FILE.pub: a user without either cannot log in"
                    );
                }
                let password = password_stdin.then(read_password).transpose()?;
                let request = Request::UserAdd {
                    name,
                    password,
                    keys: read_keys(&authorized_key)?,
                    groups: group,
                };
                users::prepare_dir(&data_dir)?;
                (data_dir, request)
            }
            UserCommand::Groups {
                name,
                data_dir,
                group: groups,
                none: _,
            } => (data_dir, Request::UserGroups { name, groups }),
            UserCommand::List { data_dir } => (data_dir, Request::UserList),
            UserCommand::Remove { name, data_dir } => (data_dir, Request::UserRemove { name }),
        };
        match perform(&data_dir, request)? {
            Reply::Ok => {}
            Reply::Users { users } => print_users(&users),
            Reply::Error { message } => bail!("{message}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Asks the running server; with none running, takes the directory's lock and edits the file.
fn perform(data_dir: &Path, request: Request) -> anyhow::Result<Reply> {
    match admin::ask(data_dir, &request) {
        Err(AdminError::NotRunning) => users::offline(data_dir, request),
        answer => Ok(answer?),
    }
}

fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(64 * 1024)
        .read_to_string(&mut text)
        .context("reading the password from standard input")?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("the password on standard input is empty");
    }
    Ok(line.to_owned())
}

fn read_keys(files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut keys = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("reading the public key {}", file.display()))?;
        let lines = text.lines().map(str::trim);
        let before = keys.len();
        keys.extend(
            lines
                .filter(|l| !l.is_empty() && !l.starts_with('#'))
                .map(str::to_owned),
        );
        if keys.len() == before {
            bail!("{} holds no public key", file.display());
        }
    }
    Ok(keys)
}

fn print_users(users: &[UserRow]) {
    println!("{:<24} {:<9} {:>4}  groups", "user", "password", "keys");
    for user in users {
        let password = if user.password { "yes" } else { "no" };
        println!(
            "{:<24} {:<9} {:>4}  {}",
            user.name,
            password,
            user.keys,
            user.groups.join(",")
        );
    }
}

//! Options of every command that connects to a server.

use std::io::{BufRead, IsTerminal, Write};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use super::client::{Client, Credentials, HostKeyCheck, Target};

/// Environment variables read when no option says otherwise.
const PASSWORD_VARIABLE: &str = "LIFELINE_PASSWORD";
const PASSPHRASE_VARIABLE: &str = "LIFELINE_KEY_PASSPHRASE";

/// Where to connect and how to log in.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// Server's name or address.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Server's NETCONF port.
    #[arg(long, default_value_t = 2022)]
    port: u16,
    /// User to log in as.
    #[arg(long, short, default_value = "admin")]
    user: String,
    /// Environment variable that holds the password. Without any of these options LIFELINE_PASSWORD is
    /// tried, then the terminal is asked.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["password_stdin", "key"])]
    password_env: Option<String>,
    /// Read the password from standard input (one line).
    #[arg(long, conflicts_with = "key")]
    password_stdin: bool,
    /// Private key file (ed25519, ecdsa or rsa); its passphrase, if any, is taken from LIFELINE_KEY_PASSPHRASE.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File of known host keys; not asked for a server on this machine. [default: ~/.ssh/known_hosts]
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<PathBuf>,
    /// Accept whatever host key the server has.
    #[arg(long)]
    accept_host_key: bool,
    /// Seconds to wait for the connection and for every reply.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl ConnectArgs {
    /// Whether standard input is taken by the password.
    pub fn takes_stdin(&self) -> bool {
        self.password_stdin
    }

    /// Gathers what is needed to connect, asking for a password if it must.
    ///
    /// # Errors
    /// When a password or file that was named is not there.
    pub fn target(&self) -> anyhow::Result<Target> {
        Ok(Target {
            host: self.host.clone(),
            port: self.port,
            user: self.user.clone(),
            credentials: self.credentials()?,
            host_key: self.host_key(),
            timeout: Duration::from_secs(self.timeout),
        })
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`ConnectArgs::target`] and [`Client::connect`].
    pub fn connect(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(&self.target()?)?)
    }

    fn credentials(&self) -> anyhow::Result<Credentials> {
        if let Some(key) = &self.key {
            std::fs::File::open(key)
                .with_context(|| format!("cannot read the key {}", key.display()))?;
            let passphrase = std::env::var(PASSPHRASE_VARIABLE).ok();
            return Ok(Credentials::Key(key.clone(), passphrase));
        }
        if let Some(name) = &self.password_env {
            let password = std::env::var(name)
                .with_context(|| format!("no password in the environment variable {name}"))?;
            return Ok(Credentials::Password(password));
        }
        if self.password_stdin {
            let mut line = String::new();
            std::io::stdin()
                .lock()
                .read_line(&mut line)
                .context("cannot read the password from standard input")?;
            return Ok(Credentials::Password(trimmed(line)));
        }
        if let Ok(password) = std::env::var(PASSWORD_VARIABLE) {
            return Ok(Credentials::Password(password));
        }
        if !std::io::stdin().is_terminal() {
            bail!(
                "no password: give --password-env, --password-stdin or --key, or set {PASSWORD_VARIABLE}"
            );
        }
        Ok(Credentials::Password(ask(&format!(
            "Password of {}@{}: ",
            self.user, self.host
        ))?))
    }

    fn host_key(&self) -> HostKeyCheck {
        let local = self.host == "localhost"
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback());
        if self.accept_host_key || (local && self.known_hosts.is_none()) {
            return HostKeyCheck::Accept;
        }
        HostKeyCheck::KnownHosts(self.known_hosts.clone().unwrap_or_else(|| {
            PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".ssh/known_hosts")
        }))
    }
}

fn trimmed(mut line: String) -> String {
    if line.ends_with('\n') {
        line.pop();
        if line.ends_with('\r') {
            line.pop();
        }
    }
    line
}

/// Asks on the terminal without showing what is typed.
fn ask(prompt: &str) -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    eprint!("{prompt}");
    std::io::stderr().flush()?;
    let hidden = Hidden::new(&stdin).context("cannot hide the password on this terminal")?;
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    drop(hidden);
    eprintln!();
    read.context("cannot read the password")?;
    Ok(trimmed(line))
}

/// A terminal that does not echo, until dropped.
struct Hidden<'a> {
    terminal: std::os::fd::BorrowedFd<'a>,
    before: libc::termios,
}

impl<'a> Hidden<'a> {
    fn new(stdin: &'a std::io::Stdin) -> std::io::Result<Self> {
        use std::os::fd::AsRawFd;
        let terminal = stdin.as_fd();
        let mut before = std::mem::MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the descriptor is open for 'a and tcgetattr fills the whole structure when it returns 0.
        let before = unsafe {
            if libc::tcgetattr(terminal.as_raw_fd(), before.as_mut_ptr()) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            before.assume_init()
        };
        let mut silent = before;
        silent.c_lflag &= !libc::ECHO;
        // SAFETY: as above; `silent` is a valid structure.
        if unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSAFLUSH, &raw const silent) } != 0
        {
            return Err(std::io::Error::last_os_error());
        }
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        use std::os::fd::AsRawFd;
        // SAFETY: the descriptor outlives self; `before` came from tcgetattr.
        unsafe {
            libc::tcsetattr(
                self.terminal.as_raw_fd(),
                libc::TCSAFLUSH,
                &raw const self.before,
            );
        }
    }
}

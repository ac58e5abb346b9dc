//! Documents in and out of the commands: files, standard input, standard output.

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};

use crate::xml::{self, Element, Limits};

/// Reads one XML document from a file; `-` is standard input.
///
/// # Errors
/// When it cannot be read or is not XML, and when standard input already holds the password.
pub fn read(file: &Path, stdin_taken: bool) -> anyhow::Result<Element> {
    let (bytes, name) = if file.as_os_str() == "-" {
        if stdin_taken {
            bail!("standard input cannot hold both the password and the document");
        }
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
        (bytes, "standard input".to_owned())
    } else {
        let name = file.display().to_string();
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
        (bytes, name)
    };
    xml::parse(&bytes, &Limits::default()).map_err(|error| anyhow::anyhow!("{name}: {error}"))
}

/// Writes to standard output at once. `false` when nobody reads it any more (`| head`), which is
/// no error.
///
/// # Errors
/// Every other failure, such as a full disk.
pub fn print(text: &str) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}

/// Prints warnings that came with a reply.
pub fn warn(warnings: &[super::client::ServerError]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

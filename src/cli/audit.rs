//! `lifeline audit verify`: is the audit log as it was written?

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use crate::audit::{self, Report};
use crate::daemon::server::AUDIT;

/// Check the audit log.
#[derive(Args, Debug)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand, Debug)]
enum AuditCommand {
    /// Check that no record was changed, removed or inserted; works while the server runs. Fails when one was.
    Verify {
        /// Directory that holds everything the server remembers.
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
    },
}

impl AuditArgs {
    /// Runs the command; a broken chain is a failure.
    ///
    /// # Errors
    /// When there is no audit log, or it cannot be read.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let AuditCommand::Verify { data_dir } = self.command;
        let dir = data_dir.join(AUDIT);
        if !dir.is_dir() {
            bail!("there is no audit log in {}", data_dir.display());
        }
        let report = audit::verify(&dir, None)?;
        print!("{}", told(&report));
        Ok(match report.problem_count {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }
}

fn told(report: &Report) -> String {
    let mut out = String::new();
    for problem in &report.problems {
        let file = problem.file.display();
        out.push_str(&format!("{file}:{}: {}\n", problem.line, problem.what));
    }
    let verdict = match report.problem_count {
        0 => "sound".to_owned(),
        1 => "BROKEN in 1 place".to_owned(),
        many => format!("BROKEN in {many} places"),
    };
    let records = match report.first {
        None => "no records".to_owned(),
        Some(first) => format!("records {first} to {}", report.head.seq),
    };
    // The hash, noted elsewhere, shows whether the end was cut off.
    out.push_str(&format!(
        "{verdict}: {records}, head {} {}\n",
        report.head.seq,
        report.head.hash_text()
    ));
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::audit::{AuditLog, AuditRecord, Outcome, Settings};
    use crate::clock::SystemClock;

    fn verify(data_dir: &Path) -> anyhow::Result<ExitCode> {
        let command = AuditCommand::Verify {
            data_dir: data_dir.to_owned(),
        };
        AuditArgs { command }.run()
    }

    #[test]
    fn a_broken_chain_and_a_missing_log_fail() {
        let dir = tempfile::tempdir().unwrap();
        assert!(verify(dir.path()).is_err());
        let audit = dir.path().join(AUDIT);
        let log = AuditLog::open(&audit, Settings::default(), Arc::new(SystemClock::new()));
        let log = log.unwrap();
        for who in ["alice", "bob", "carol"] {
            let record = AuditRecord::new(who, "login", Outcome::Done);
            log.append(record).unwrap();
        }
        assert_eq!(verify(dir.path()).unwrap(), ExitCode::SUCCESS);
        let file = audit.join("audit.log");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("bob", "eve")).unwrap();
        assert_eq!(verify(dir.path()).unwrap(), ExitCode::FAILURE);
        let report = audit::verify(&audit, None).unwrap();
        assert!(told(&report).contains("BROKEN in "), "{}", told(&report));
    }
}

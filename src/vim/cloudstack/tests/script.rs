//! A CloudStack that does what a test's script says.

use serde_json::{Value, json};

use crate::clock::{Clock, SystemClock};
use crate::proto::cloudstack::{Command, Secret};
use crate::vim_http::scripted::{self, Reply, Request};

/// A command as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub command: Command,
    /// Whether its signature is that of the test's key.
    pub signed: bool,
}

impl Asked {
    pub fn name(&self) -> &str {
        self.command.name()
    }

    pub fn get(&self, name: &str) -> &str {
        self.command.get(name).unwrap_or_default()
    }
}

/// What the script answers.
pub enum Answer {
    /// Members of the reply.
    Reply(Value),
    /// An error with its code.
    No(u16, &'static str),
    /// A page with a status.
    Page(u16, String),
    /// The connection is closed: the reply is lost.
    Lost,
    /// Nothing comes.
    Hang,
}

impl scripted::Asked for Asked {
    type Answer = Answer;

    fn read(request: Request) -> Self {
        // both as a browser's form is read
        let query = format!(
            "http://x/?{}&{}",
            request
                .target
                .split_once('?')
                .map_or("", |(_, query)| query),
            String::from_utf8(request.body).unwrap()
        );
        let query = reqwest::Url::parse(&query).unwrap();
        let params = query
            .query_pairs()
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, value)| (name.into_owned(), value.into_owned()));
        let command = Command {
            params: params.collect(),
        };
        let secret = Secret::new(&scripted::secret());
        Self {
            method: request.method,
            signed: secret.verify(&command, SystemClock::new().wall()).is_ok(),
            command,
        }
    }

    fn name(&self) -> String {
        self.command.name().to_owned()
    }

    fn reply(&self, answer: Answer) -> Reply {
        let named = |members: Value| json!({ self.command.reply_name(): members }).to_string();
        let (status, body) = match answer {
            Answer::Reply(members) => (200, named(members)),
            Answer::No(code, text) => {
                let error = json!({"uuidList": [], "errorcode": code, "cserrorcode": 4350, "errortext": text});
                (code, named(error))
            }
            Answer::Page(status, page) => (status, page),
            Answer::Lost => return Reply::Lost,
            Answer::Hang => return Reply::Hang,
        };
        Reply::Sent(status, Vec::new(), body)
    }
}

/// The cloud.
pub type Cloud = scripted::Cloud<Asked>;

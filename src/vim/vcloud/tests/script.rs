//! A vCloud that does what a test's script says.

use crate::vim_http::scripted::{self, Reply, Request};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    request: Request,
    pub method: String,
    pub path: String,
    pub body: String,
    /// Where the cloud is, for links.
    pub base: String,
}

impl Asked {
    /// Method and path in one.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn header(&self, name: &str) -> &str {
        self.request.header(name).unwrap_or_default()
    }
}

/// What the script answers.
pub enum Answer {
    /// A status and a document.
    Xml(u16, String),
    /// A document with a session.
    Session(String, &'static str),
    /// The connection is closed: the reply is lost.
    Lost,
    /// Nothing comes.
    Hang,
}

impl scripted::Asked for Asked {
    type Answer = Answer;

    fn read(request: Request) -> Self {
        Self {
            method: request.method.clone(),
            path: request.target.clone(),
            body: String::from_utf8(request.body.clone()).unwrap(),
            base: format!("http://{}", request.header("host").unwrap()),
            request,
        }
    }

    fn name(&self) -> String {
        self.line()
    }

    fn reply(&self, answer: Answer) -> Reply {
        match answer {
            Answer::Xml(status, body) => Reply::Sent(status, Vec::new(), body),
            Answer::Session(body, token) => {
                let header = ("x-vcloud-authorization", token.to_owned());
                Reply::Sent(200, vec![header], body)
            }
            Answer::Lost => Reply::Lost,
            Answer::Hang => Reply::Hang,
        }
    }
}

/// The cloud.
pub type Cloud = scripted::Cloud<Asked>;

impl Cloud {
    /// What changed something, in order.
    pub fn changes(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let changes = asked.iter().filter(|asked| asked.method != "GET");
        let lines = changes.map(Asked::line);
        lines
            .filter(|line| !line.ends_with("/sessions") && !line.ends_with("/login"))
            .collect()
    }
}

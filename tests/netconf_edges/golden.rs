//! One file for each edge case that has an answer: `golden/NN-name.xml` holds the requests and what the server
//! says to them, reviewed against the clause it names. `docs/errors.md` is made of these files.
//!
//! `LIFELINE_GOLDEN=write cargo test --test netconf_edges golden` writes the answers and the table anew.
//!
//! A file is a list of sections, each begun by a comment on a line of its own:
//! `request`, `octets` (escaped as in Rust), `hello`, each with `of b` for another session or `1.0` for an old peer, and
//! `before` for what has to succeed and is not shown; each is followed by the answer, `reply`, `closed` or `nothing`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lifeline::xml::Element;

use crate::cases::{CASES, Shown};
use crate::peer::{BASE, Got, Host, Peer, appendix_a, parse};

/// How long an answer may take; and how long nothing has to come.
const PATIENCE: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_millis(700);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn writes() -> bool {
    std::env::var("LIFELINE_GOLDEN").is_ok_and(|value| value == "write")
}

/// A golden file.
struct Case {
    path: PathBuf,
    /// `49 | RFC 7950 8.3.1 | an unknown element`.
    title: String,
    steps: Vec<Step>,
}

struct Step {
    /// The comment's words.
    head: String,
    text: String,
    /// What came; empty for `before`.
    answer: String,
}

impl Case {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut sections: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            let head = line
                .strip_prefix("<!-- ")
                .and_then(|l| l.strip_suffix(" -->"));
            match (head, sections.last_mut()) {
                (Some(head), _) => sections.push((head.to_owned(), String::new())),
                (None, Some((_, body))) => writeln!(body, "{line}").unwrap(),
                (None, None) => panic!("{path:?}: no title"),
            }
        }
        let mut sections = sections.into_iter();
        let title = sections.next().unwrap().0;
        let mut steps: Vec<Step> = Vec::new();
        for (head, text) in sections {
            let first = head.split(' ').next().unwrap_or_default().to_owned();
            match first.as_str() {
                "before" | "request" | "octets" | "hello" => steps.push(Step {
                    head,
                    text,
                    answer: String::new(),
                }),
                _ => {
                    let step = steps.last_mut().unwrap();
                    write!(step.answer, "<!-- {head} -->\n{text}").unwrap();
                }
            }
        }
        Self { path, title, steps }
    }

    fn file(&self) -> String {
        self.steps
            .iter()
            .fold(format!("<!-- {} -->\n", self.title), |mut all, step| {
                write!(all, "<!-- {} -->\n{}{}", step.head, step.text, step.answer).unwrap();
                all
            })
    }

    fn name(&self) -> String {
        let stem = self.path.file_stem().unwrap();
        stem.to_string_lossy().into_owned()
    }

    /// Number of the edge case; 0 for one beside the list.
    fn number(&self) -> u8 {
        self.title.split(' ').next().unwrap().parse().unwrap()
    }

    fn column(&self, at: usize) -> &str {
        self.title.split(" | ").nth(at).unwrap().trim()
    }

    /// Runs it from an empty configuration; gives the file as it has to be.
    fn run(&mut self, host: &Host, janitor: &mut Peer) {
        // The sessions of the case before were dropped; the server may just be about to hear of it.
        const EMPTY: &str =
            "<copy-config><target><running/></target><source><config/></source></copy-config>";
        let until = Instant::now() + PATIENCE;
        for reset in ["<discard-changes/>", EMPTY] {
            while janitor.error(reset) == "protocol in-use" && Instant::now() < until {
                std::thread::sleep(QUIET / 10);
            }
            janitor.ok(reset);
        }
        let mut peers: BTreeMap<String, Peer> = BTreeMap::new();
        let mut ids: Vec<(u32, String)> = Vec::new();
        for step in &mut self.steps {
            let mut words = step.head.split(' ');
            let kind = words.next().unwrap().to_owned();
            let rest: Vec<&str> = words.collect();
            let old = rest.contains(&"1.0");
            let name = match rest.iter().position(|word| *word == "of") {
                Some(at) => rest[at + 1].to_owned(),
                None => "a".to_owned(),
            };
            let peer = peers
                .entry(name.clone())
                .or_insert_with(|| match kind.as_str() {
                    "hello" => host.greeted().0,
                    _ if old => host.old_peer(),
                    _ => host.peer(),
                });
            if !ids.iter().any(|(_, known)| *known == name) {
                ids.push((peer.own_id, name));
            }
            let mut text = step.text.trim_end_matches('\n').to_owned();
            for (id, name) in &ids {
                text = text.replace(&format!("{{{name}}}"), &id.to_string());
            }
            match kind.as_str() {
                "octets" => peer.send(unescape(&text)),
                "hello" => {
                    peer.send([unescape(&text), b"]]>]]>".to_vec()].concat());
                    peer.chunked = true;
                }
                _ => peer.send_message(&text),
            }
            let answer = match peer.next(if kind == "hello" { QUIET } else { PATIENCE }) {
                Got::Message(reply) => format!("<!-- reply -->\n{}", shown(&reply, &ids)),
                Got::Closed => "<!-- closed -->\n".to_owned(),
                Got::Quiet => "<!-- nothing -->\n".to_owned(),
            };
            match kind.as_str() {
                "before" => assert!(answer.contains("<ok/>"), "{:?}: {answer}", self.path),
                _ => step.answer = answer,
            }
        }
    }

    /// The rpc-errors of all answers, and what else came.
    fn outcomes(&self) -> Vec<String> {
        let mut found = Vec::new();
        for step in &self.steps {
            if step.head.starts_with("before") {
                continue;
            }
            let (head, text) = step.answer.split_once('\n').unwrap();
            if head != "<!-- reply -->" {
                let what = head.trim_start_matches("<!-- ").trim_end_matches(" -->");
                found.push(match what {
                    "closed" => "the session is closed".to_owned(),
                    _ => "served".to_owned(),
                });
                continue;
            }
            let reply = parse(text.trim());
            let errors: Vec<&Element> = reply
                .elements()
                .filter(|e| e.is(BASE, "rpc-error"))
                .collect();
            if errors.is_empty() {
                let child = reply.elements().next().unwrap();
                found.push(format!("`<{}>`", child.local));
            }
            found.extend(errors.into_iter().map(row));
        }
        found.dedup();
        found
    }
}

/// `tag / type, app-tag, path, info`.
fn row(error: &Element) -> String {
    appendix_a(error);
    let text = |name| error.child(BASE, name).map(|e| e.text().trim().to_owned());
    let mut row = format!(
        "{} / {}",
        text("error-tag").unwrap(),
        text("error-type").unwrap()
    );
    if let Some(tag) = text("error-app-tag") {
        write!(row, ", app-tag {tag}").unwrap();
    }
    if let Some(path) = text("error-path") {
        write!(row, ", path `{path}`").unwrap();
    }
    for info in error
        .child(BASE, "error-info")
        .iter()
        .flat_map(|info| info.elements())
    {
        write!(row, ", {} `{}`", info.local, info.text().trim()).unwrap();
    }
    row
}

/// A reply, an element a line, sessions by their names; it has to be well-formed.
fn shown(reply: &str, ids: &[(u32, String)]) -> String {
    parse(reply);
    // Which of the two ends first is the machine's affair.
    let mut reply = reply.replace("looks at more nodes than", "takes more time than");
    for (id, name) in ids {
        reply = reply.replace(
            &format!("<session-id>{id}<"),
            &format!("<session-id>{{{name}}}<"),
        );
        for behind in [" ", "<"] {
            let told = format!("session {id}{behind}");
            reply = reply.replace(&told, &format!("session {{{name}}}{behind}"));
        }
    }
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut rest = reply.as_str();
    let mut inline = false;
    while !rest.is_empty() {
        if let Some(tag) = rest.strip_prefix('<') {
            let (tag, tail) = tag.split_once('>').unwrap();
            let closes = tag.starts_with('/');
            depth -= usize::from(closes);
            if !inline {
                write!(out, "{}", "  ".repeat(depth)).unwrap();
            }
            write!(out, "<{tag}>").unwrap();
            depth += usize::from(!closes && !tag.ends_with('/'));
            inline = !tail.is_empty() && !tail.starts_with('<');
            // An empty element stays on its line.
            inline |= !closes && !tag.ends_with('/') && tail.starts_with("</");
            if !inline {
                out.push('\n');
            }
            rest = tail;
        } else {
            let at = rest.find('<').unwrap_or(rest.len());
            out.push_str(&rest[..at]);
            rest = &rest[at..];
        }
    }
    out
}

fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next().unwrap() {
                'n' => octets.push(b'\n'),
                'r' => octets.push(b'\r'),
                'x' => {
                    let hex: String = rest.by_ref().take(2).collect();
                    octets.push(u8::from_str_radix(&hex, 16).unwrap());
                }
                other => panic!("\\{other}"),
            },
            // Lines are for reading; the wire's are written out.
            '\n' => {}
            c => octets.extend(c.to_string().as_bytes()),
        }
    }
    octets
}

fn cases() -> Vec<Case> {
    let dir = root().join("tests/netconf_edges/golden");
    let files = std::fs::read_dir(dir).unwrap();
    let mut paths: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut cases: Vec<Case> = paths.into_iter().map(Case::read).collect();
    cases.sort_by_key(|case| match case.number() {
        0 => u8::MAX,
        number => number,
    });
    cases
}

#[test]
fn golden_answers() {
    let host = Host::start();
    let mut janitor = host.peer();
    let mut wrong = String::new();
    for mut case in cases() {
        let before = case.file();
        case.run(&host, &mut janitor);
        let after = case.file();
        if before != after {
            match writes() {
                true => std::fs::write(&case.path, &after).unwrap(),
                false => writeln!(wrong, "{}\n{after}\ninstead of\n{before}", case.name()).unwrap(),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    host.lives();
}

/// Every case of the list is shown by a golden file or by a test that exists, and `docs/errors.md` says by which.
#[test]
fn golden_table_of_all_cases() {
    let golden = cases();
    let mut table = String::from(
        "# Edge cases and errors\n\n\
         Made of `tests/netconf_edges/golden/` and `tests/netconf_edges/cases.rs` by the test `golden_table_of_all_cases`;\n\
         `LIFELINE_GOLDEN=write` makes it anew. Each golden file holds the requests and the whole replies. Everything runs over\n\
         SSH against a server. Errors are told as tag / type.\n\n\
         | Case | Clause | What | Outcome | Shown by |\n| --- | --- | --- | --- | --- |\n",
    );
    let sources = sources();
    let mut missing = Vec::new();
    let mut line = |number: u8, clause: &str, what: &str, outcome: &str, by: &str| {
        let number = match number {
            0 => "-".to_owned(),
            number => number.to_string(),
        };
        let cell = |text: &str| text.replace('|', "\\|");
        writeln!(
            table,
            "| {number} | {} | {} | {} | {by} |",
            cell(clause),
            cell(what),
            cell(outcome)
        )
        .unwrap();
    };
    let golden_rows = |number: u8| golden.iter().filter(move |case| case.number() == number);
    for number in 1..=96_u8 {
        let mut any = false;
        for case in golden_rows(number) {
            any = true;
            let outcome = case.outcomes().join("; ");
            let by = format!("`{}`", case.name());
            line(number, case.column(1), case.column(2), &outcome, &by);
        }
        for (_, clause, what, outcome, shown) in CASES.iter().filter(|row| row.0 == number) {
            any = true;
            let Shown(tests) = shown;
            for test in *tests {
                if !sources.contains(&format!("fn {test}(")) {
                    missing.push(format!("{number}: there is no test {test}"));
                }
            }
            let by: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
            line(number, clause, what, outcome, &by.join(", "));
        }
        if !any {
            missing.push(format!("case {number} is not shown"));
        }
    }
    for case in golden_rows(0) {
        let outcome = case.outcomes().join("; ");
        line(
            0,
            case.column(1),
            case.column(2),
            &outcome,
            &format!("`{}`", case.name()),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
    let path = root().join("docs/errors.md");
    if writes() {
        std::fs::write(&path, &table).unwrap();
    }
    let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        on_disk == table,
        "docs/errors.md is stale: LIFELINE_GOLDEN=write cargo test --test netconf_edges golden"
    );
}

/// The text of all tests over SSH.
fn sources() -> String {
    let mut all = String::new();
    let mut dirs = vec![root().join("tests")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

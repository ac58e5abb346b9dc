//! The floors of the house, checked: imports in `src` only go down, and two rooms on one floor
//! do not import each other.
//!
//! Every path that starts with `crate` or `super` is looked at, wherever it stands: in a `use`, in
//! code, in a test. Comments and strings are not. See `docs/ARCHITECTURE.md` for the picture.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Each floor with its rooms, bottom to top; `folder/*` stands for every room in a shared folder.
const FLOORS: &[(u8, &[&str])] = &[
    (0, &["ids", "clock", "xml"]),
    (1, &["proto/*"]),
    (2, &["model"]),
    (3, &["schema", "cloudsim"]),
    (4, &["datastore"]),
    (5, &["store"]),
    (6, &["esc_model", "auth", "audit"]),
    (7, &["engine"]),
    (8, &["control", "vim_http"]),
    (9, &["vim/*", "probe", "cloudsim_faces", "northbound/*"]),
    (10, &["daemon"]),
    // The command line starts the daemon and asks a running one, so it stands above it.
    (11, &["cli"]),
    (12, &["main"]),
];

/// Imported by nobody, and may import everything.
const TESTING: &str = "testing";

/// A sin against the floors.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Breach {
    file: String,
    line: usize,
    text: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}", self.file, self.line, self.text)
    }
}

/// Whether `name` is a folder that holds rooms instead of being one.
fn is_folder(name: &str) -> bool {
    FLOORS
        .iter()
        .flat_map(|(_, rooms)| rooms.iter())
        .any(|room| room.strip_suffix("/*") == Some(name))
}

/// Returns the room a module path lies in, e.g. `proto/netconf` for `proto::netconf::framing`.
fn room_of(path: &[String]) -> Option<String> {
    let first = path.first()?;
    match path.get(1) {
        Some(second) if is_folder(first) => Some(format!("{first}/{second}")),
        _ => Some(first.clone()),
    }
}

/// Returns the floor of a room, or `None` when the room is not in the table.
fn floor_of(room: &str) -> Option<u8> {
    let folder = room.split('/').next().unwrap_or(room);
    FLOORS
        .iter()
        .find(|(_, rooms)| {
            rooms
                .iter()
                .any(|known| *known == room || known.strip_suffix("/*") == Some(folder))
        })
        .map(|(floor, _)| *floor)
}

/// Returns why `from` may not import `to`, or `None` when it may.
fn objection(from: &str, to: &str) -> Option<String> {
    if from == to || from == TESTING {
        return None;
    }
    if to == TESTING {
        return Some(format!("{from} imports {TESTING}, which nobody may"));
    }
    let (Some(here), Some(there)) = (floor_of(from), floor_of(to)) else {
        return Some(format!(
            "{from} imports {to}: a room without a floor; list it in tests/floors.rs"
        ));
    };
    match there.cmp(&here) {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal => Some(format!("{from} imports {to} on its own floor {here}")),
        std::cmp::Ordering::Greater => Some(format!(
            "{from} on floor {here} imports {to} on floor {there}"
        )),
    }
}

/// A word or a sign of Rust source with its line.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Token {
    line: usize,
    text: String,
}

/// Splits source into words and signs; comments, strings and characters are left out.
fn tokens(source: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = source.chars().peekable();
    let mut line = 1;
    while let Some(c) = rest.next() {
        match c {
            '\n' => line += 1,
            '/' if rest.peek() == Some(&'/') => {
                while rest.peek().is_some_and(|next| *next != '\n') {
                    rest.next();
                }
            }
            '/' if rest.peek() == Some(&'*') => {
                let (mut depth, mut last) = (1, ' ');
                rest.next();
                while depth > 0 {
                    let Some(next) = rest.next() else { break };
                    line += usize::from(next == '\n');
                    match (last, next) {
                        ('/', '*') => (depth, last) = (depth + 1, ' '),
                        ('*', '/') => (depth, last) = (depth - 1, ' '),
                        _ => last = next,
                    }
                }
            }
            '"' => {
                while let Some(next) = rest.next() {
                    line += usize::from(next == '\n');
                    match next {
                        '\\' => {
                            line += usize::from(rest.next() == Some('\n'));
                        }
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '\'' => {
                // A character ends with a quote, a lifetime does not.
                let mut ahead = rest.clone();
                match ahead.next() {
                    Some('\\') => {
                        rest.next();
                        rest.next();
                        for next in rest.by_ref() {
                            if next == '\'' {
                                break;
                            }
                        }
                    }
                    Some(_) if ahead.next() == Some('\'') => {
                        line += usize::from(rest.next() == Some('\n'));
                        rest.next();
                    }
                    _ => {}
                }
            }
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(next) = rest.peek().filter(|c| c.is_alphanumeric() || **c == '_') {
                    word.push(*next);
                    rest.next();
                }
                if matches!(word.as_str(), "r" | "br" | "cr") {
                    let mut ahead = rest.clone();
                    let mut hashes = 0;
                    while ahead.peek() == Some(&'#') {
                        ahead.next();
                        hashes += 1;
                    }
                    if ahead.next() == Some('"') {
                        rest = ahead;
                        let mut run = None;
                        for next in rest.by_ref() {
                            line += usize::from(next == '\n');
                            run = match (next, run) {
                                ('"', _) => Some(0),
                                ('#', Some(n)) => Some(n + 1),
                                _ => None,
                            };
                            if run == Some(hashes) {
                                break;
                            }
                        }
                        continue;
                    }
                }
                out.push(Token { line, text: word });
            }
            ':' if rest.peek() == Some(&':') => {
                rest.next();
                out.push(Token {
                    line,
                    text: "::".into(),
                });
            }
            c if c.is_whitespace() => {}
            c => out.push(Token {
                line,
                text: c.into(),
            }),
        }
    }
    out
}

/// A module path some source mentions, from the crate's root down.
#[derive(PartialEq, Eq, Debug)]
struct Mention {
    line: usize,
    path: Vec<String>,
}

/// Finds every path that starts with `crate` or `super` in the source of `module`.
fn mentions(module: &[String], source: &str) -> Vec<Mention> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut here = module.to_vec();
    // One entry for each open brace: whether it opened an inline module.
    let mut braces = Vec::new();
    let mut at = 0;
    let word = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    while let Some(token) = tokens.get(at) {
        let before = at.checked_sub(1).map_or("", word);
        match token.text.as_str() {
            "mod" if word(at + 2) == "{" => {
                here.push(word(at + 1).to_owned());
                braces.push(true);
                at += 3;
                continue;
            }
            "{" => braces.push(false),
            "}" if braces.pop() == Some(true) => {
                here.pop();
            }
            "crate" | "super" if before != "::" && word(at + 1) == "::" => {
                let mut base = if token.text == "crate" {
                    Vec::new()
                } else {
                    here.iter()
                        .take(here.len().saturating_sub(1))
                        .cloned()
                        .collect()
                };
                at += 2;
                while word(at) == "super" && word(at + 1) == "::" {
                    base.pop();
                    at += 2;
                }
                at = tree(&tokens, at, &base, &mut found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads one path or use tree that starts at `at`, and returns where it ends.
fn tree(tokens: &[Token], mut at: usize, base: &[String], found: &mut Vec<Mention>) -> usize {
    let mut path = base.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while let Some(token) = tokens.get(at) {
                    match token.text.as_str() {
                        "}" => return at + 1,
                        "," => at += 1,
                        _ => {
                            let next = tree(tokens, at, &path, found);
                            at = next.max(at + 1);
                        }
                    }
                }
                return at;
            }
            // `use crate::room::{self}` names the room itself.
            "self" | "*" => at += 1,
            name if name.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                path.push(name.to_owned());
                at += 1;
            }
            _ => break,
        }
        if tokens.get(at).is_some_and(|token| token.text == "::") {
            at += 1;
            // `Type::<T>::new` goes on, but the room is known by now.
            continue;
        }
        if tokens.get(at).is_some_and(|token| token.text == "as") {
            at += 2;
        }
        break;
    }
    found.push(Mention { line, path });
    at
}

/// Returns the module path of a file under `src`; `mod.rs` is its folder.
fn module_of(file: &Path) -> Vec<String> {
    let mut path: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

/// Checks one file of `src`, given by its path below it.
fn check_file(file: &Path, source: &str) -> Vec<Breach> {
    let name = file.to_string_lossy().into_owned();
    let module = module_of(file);
    let Some(room) = room_of(&module) else {
        return Vec::new();
    };
    if room == "lib" {
        return check_root(&name, source);
    }
    mentions(&module, source)
        .into_iter()
        .filter_map(|mention| {
            let to = room_of(&mention.path)?;
            // The module of a shared folder may name the rooms in it.
            if to
                .strip_prefix(&room)
                .is_some_and(|rest| rest.starts_with('/'))
            {
                return None;
            }
            Some(Breach {
                file: name.clone(),
                line: mention.line,
                text: objection(&room, &to)?,
            })
        })
        .collect()
}

/// Checks the crate root: it lists rooms, and hands nothing on.
fn check_root(name: &str, source: &str) -> Vec<Breach> {
    let tokens = tokens(source);
    tokens
        .iter()
        .filter(|token| token.text == "use")
        .map(|token| Breach {
            file: name.to_owned(),
            line: token.line,
            text: "the crate root imports or hands on names; paths name the room".into(),
        })
        .collect()
}

/// Returns the rooms and folders a crate root declares.
fn declared(source: &str) -> BTreeSet<String> {
    let tokens = tokens(source);
    tokens
        .windows(3)
        .filter_map(|window| match window {
            [word, name, end] if word.text == "mod" && end.text == ";" => Some(name.text.clone()),
            _ => None,
        })
        .collect()
}

/// Checks that rooms in the folder, at the crate root and in the table agree.
fn check_listing(on_disk: &BTreeSet<String>, root: &str) -> Vec<String> {
    let declared = declared(root);
    let mut wrong: Vec<String> = on_disk
        .symmetric_difference(&declared)
        .map(|room| format!("{room}: in src, or at the crate root, but not in both"))
        .collect();
    wrong.extend(
        declared
            .iter()
            .filter(|room| *room != TESTING && floor_of(room).is_none())
            .map(|room| format!("{room}: no floor; list it in tests/floors.rs")),
    );
    wrong
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Returns every Rust file below `folder`, relative to `root`.
fn files(root: &Path, folder: &Path, out: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(root, &path, out)?;
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
        }
    }
    Ok(())
}

#[test]
fn imports_only_go_down() {
    let root = source_root();
    let mut found = Vec::new();
    files(&root, &root, &mut found).unwrap();
    assert!(
        !found.is_empty(),
        "no source found below {}",
        root.display()
    );
    let mut breaches: Vec<Breach> = found
        .iter()
        .flat_map(|file| check_file(file, &fs::read_to_string(root.join(file)).unwrap()))
        .collect();
    breaches.sort();
    let text: Vec<String> = breaches.iter().map(Breach::to_string).collect();
    assert!(breaches.is_empty(), "\n{}\n", text.join("\n"));
}

#[test]
fn every_room_is_listed() {
    let root = source_root();
    let on_disk = fs::read_dir(&root)
        .unwrap()
        .map(|entry| module_of(Path::new(&entry.unwrap().file_name())).concat())
        .filter(|name| name != "lib" && name != "main")
        .collect();
    let wrong = check_listing(&on_disk, &fs::read_to_string(root.join("lib.rs")).unwrap());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_table_names_each_room_once() {
    let mut seen = BTreeSet::new();
    for room in FLOORS.iter().flat_map(|(_, rooms)| rooms.iter()) {
        assert!(seen.insert(room), "{room} stands twice");
    }
}

mod the_check_itself {
    use super::*;

    #[track_caller]
    fn breaches(file: &str, source: &str) -> Vec<String> {
        check_file(Path::new(file), source)
            .iter()
            .map(|breach| format!("{}: {}", breach.line, breach.text))
            .collect()
    }

    #[test]
    fn finds_an_import_that_goes_up() {
        let source = "use crate::ids::VmId;\nuse crate::engine::plan;\n";
        assert_eq!(
            breaches("model/event.rs", source),
            ["2: model on floor 2 imports engine on floor 7"]
        );
    }

    #[test]
    fn finds_siblings_on_one_floor() {
        assert_eq!(
            breaches("auth/keys.rs", "use crate::audit::Chain;"),
            ["1: auth imports audit on its own floor 6"]
        );
        assert_eq!(
            breaches("proto/esc/event.rs", "use crate::proto::netconf::Rpc;"),
            ["1: proto/esc imports proto/netconf on its own floor 1"]
        );
        assert!(breaches("proto/esc/event.rs", "use crate::proto::esc::Word;").is_empty());
    }

    #[test]
    fn looks_into_groups_code_tests_and_supers() {
        let grouped = "use crate::{\n    ids::VmId,\n    store::{self, Batch},\n    clock::{Clock, source::{A, B}},\n};";
        assert_eq!(
            breaches("datastore/tree.rs", grouped),
            ["3: datastore on floor 4 imports store on floor 5"; 2]
        );
        let code = "fn f() -> Vec<crate::cli::Out> { x::<crate::ids::VmId>() }";
        assert_eq!(
            breaches("engine/plan.rs", code),
            ["1: engine on floor 7 imports cli on floor 11"]
        );
        let test = "mod tests {\n    use super::*;\n    use super::super::super::engine::Core;\n}";
        assert_eq!(
            breaches("store/log.rs", test),
            ["3: store on floor 5 imports engine on floor 7"]
        );
        assert!(
            breaches(
                "store/log.rs",
                "mod tests { use super::super::batch::Batch; }"
            )
            .is_empty()
        );
    }

    #[test]
    fn is_not_fooled_by_comments_strings_and_lifetimes() {
        let source = r###"
            // use crate::cli::X;
            /* use crate::cli::X; /* nested */ use crate::cli::Y; */
            const A: &str = "use crate::cli::X; \" crate::cli::Y";
            const B: &str = r#"crate::cli::X " "#;
            const C: char = '"';
            const D: char = '\'';
            fn f<'a>(x: &'a str) -> &'a str { x }
            use crate::engine::Core;
        "###;
        assert_eq!(
            breaches("store/log.rs", source),
            ["9: store on floor 5 imports engine on floor 7"]
        );
    }

    #[test]
    fn refuses_unknown_rooms_and_the_test_harness() {
        assert_eq!(
            breaches("store/log.rs", "use crate::attic::Box;"),
            ["1: store imports attic: a room without a floor; list it in tests/floors.rs"]
        );
        assert_eq!(
            breaches("daemon/wiring.rs", "use crate::testing::Harness;"),
            ["1: daemon imports testing, which nobody may"]
        );
        assert!(breaches("testing/peer.rs", "use crate::daemon::Daemon;").is_empty());
    }

    #[test]
    fn refuses_names_at_the_crate_root() {
        assert_eq!(
            breaches("lib.rs", "pub mod ids;\npub use ids::VmId;").len(),
            1
        );
        assert!(breaches("lib.rs", "//! pub use x;\npub mod ids;\n").is_empty());
    }

    #[test]
    fn compares_disk_root_and_table() {
        let on_disk = ["ids", "store", "attic"].map(String::from).into();
        assert_eq!(
            check_listing(&on_disk, "pub mod ids; pub mod attic; pub mod clock;"),
            [
                "clock: in src, or at the crate root, but not in both",
                "store: in src, or at the crate root, but not in both",
                "attic: no floor; list it in tests/floors.rs",
            ]
        );
    }
}

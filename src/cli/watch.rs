//! `lifeline watch`: a live table of events that survives reconnects without loss or duplicates.
//!
//! Event times of a server strictly increase, so a place in the stream is a time. After a loss the
//! stream is replayed from the last event seen, that one included, and what is not later is left out.
//! A watch that begins now has seen no event yet: it replays the last minutes unseen, so that it
//! has a place to come back to even if the connection breaks before the first event.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::client::{Client, ClientError, Target, one_line};
use super::connect::ConnectArgs;
use super::document;
use super::get::xpath_filter;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::proto::netconf::names;
use crate::xml::{self, Element, escape_text};

/// How far before now a watch without --since starts its unseen replay: more than clocks differ.
const PRIMING: Duration = Duration::from_secs(300);

/// Waits between attempts to connect again.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Where lines go; `false` says that nobody reads them any more.
type Print<'a> = &'a mut dyn FnMut(&str) -> anyhow::Result<bool>;

/// Show events as they happen.
#[derive(Args, Debug)]
pub struct WatchArgs {
    /// Event stream: escEvent, or NETCONF for everything.
    #[arg(long, default_value = "escEvent")]
    stream: String,
    /// Begin with the events since this time (RFC 3339, or a duration ago: 90s, 10m, 2h, 1d).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events that this XPath selects.
    #[arg(long, value_name = "XPATH")]
    xpath: Option<String>,
    /// Print the notifications as sent, one per line.
    #[arg(long)]
    xml: bool,
    /// End after this many events.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// A place in the stream, and what is to be left out.
#[derive(Debug, PartialEq)]
struct Place {
    /// The stream is replayed from here.
    start: Timestamp,
    /// The last event seen; later ones are new.
    last: Option<Timestamp>,
    /// Events are recorded and not shown until the replay is complete.
    priming: bool,
}

impl Place {
    /// Where the next subscription starts.
    fn start(&self) -> Timestamp {
        self.last.unwrap_or(self.start)
    }

    /// Takes an event and tells whether it is to be shown.
    fn is_new(&mut self, time: Timestamp) -> bool {
        if self.last.is_some_and(|last| time <= last) {
            return false;
        }
        self.last = Some(time);
        !self.priming
    }
}

impl WatchArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When the first connection fails, the login or the subscription is refused, or an event is not understood.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let target = self.connect.target()?;
        self.watch_target(&target, &mut document::print)?;
        Ok(ExitCode::SUCCESS)
    }

    fn watch_target(&self, target: &Target, print: Print<'_>) -> anyhow::Result<()> {
        let now = SystemClock::new().wall();
        let mut place = match &self.since {
            Some(text) => Place {
                start: since(text, now)?,
                last: None,
                priming: false,
            },
            None => Place {
                start: now - PRIMING,
                last: None,
                priming: true,
            },
        };
        let filter = match &self.xpath {
            Some(xpath) => xpath_filter(xpath, &[])?,
            None => String::new(),
        };
        let mut client = Client::connect(target)?;
        self.subscribe(&mut client, &filter, &mut place)?;
        if !self.xml && !print(&header())? {
            return Ok(());
        }
        let mut shown = 0;
        loop {
            match self.follow(&mut client, &mut place, &mut shown, print)? {
                None => {
                    client.close();
                    return Ok(());
                }
                Some(lost) => eprintln!("{lost}; connecting again"),
            }
            client = self.again(target, &filter, &mut place)?;
            eprintln!("connected again");
        }
    }

    /// Shows events until enough are shown (`None`) or the connection is lost.
    fn follow(
        &self,
        client: &mut Client,
        place: &mut Place,
        shown: &mut u64,
        print: Print<'_>,
    ) -> anyhow::Result<Option<ClientError>> {
        while self.count.is_none_or(|count| *shown < count) {
            let text = match client.notification(None) {
                Ok(Some(text)) => text,
                Ok(None) => continue,
                Err(error) if error.is_transient() => return Ok(Some(error)),
                Err(error) => return Err(error.into()),
            };
            let event = Event::parse(&text)?;
            if event
                .content
                .is(names::NOTIFICATION_CONTENT, "replayComplete")
            {
                place.priming = false;
                continue;
            }
            if !place.is_new(event.time) {
                continue;
            }
            let line = if self.xml {
                format!("{}\n", one_line(&text))
            } else {
                event.row()
            };
            if !print(&line)? {
                return Ok(None);
            }
            *shown += 1;
        }
        Ok(None)
    }

    fn again(&self, target: &Target, filter: &str, place: &mut Place) -> anyhow::Result<Client> {
        let mut wait = FIRST_WAIT;
        loop {
            std::thread::sleep(wait);
            wait = (wait * 2).min(LONGEST_WAIT);
            let connected = Client::connect(target).and_then(|mut client| {
                self.subscribe(&mut client, filter, place)?;
                Ok(client)
            });
            match connected {
                Err(error) if error.is_transient() => {}
                other => return Ok(other?),
            }
        }
    }

    fn subscribe(
        &self,
        client: &mut Client,
        filter: &str,
        place: &mut Place,
    ) -> Result<(), ClientError> {
        match client.rpc(&self.subscription(filter, place)) {
            // A server whose clock is far behind takes our start for the future: the whole log is
            // gone through unseen instead.
            Err(ClientError::Refused(errors)) if place.priming && place.last.is_none() => {
                if place.start == Timestamp::default() {
                    return Err(ClientError::Refused(errors));
                }
                place.start = Timestamp::default();
                client.rpc(&self.subscription(filter, place)).map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }

    fn subscription(&self, filter: &str, place: &Place) -> String {
        let stream = escape_text(&self.stream);
        format!(
            "<create-subscription xmlns=\"{}\"><stream>{stream}</stream>{filter}<startTime>{}</startTime></create-subscription>",
            names::NOTIFICATION,
            place.start()
        )
    }
}

/// A time, or how long ago.
fn since(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    if unit > 0
        && let Ok(n) = number.parse::<u64>()
    {
        return Ok(now - Duration::from_secs(n.saturating_mul(unit)));
    }
    text.parse().with_context(|| {
        format!(
            "--since {text}: neither a time such as 2026-01-31T08:00:00Z nor a duration such as 10m"
        )
    })
}

/// A notification taken apart.
struct Event {
    time: Timestamp,
    content: Element,
}

impl Event {
    fn parse(text: &str) -> Result<Self, ClientError> {
        let bad = |what: String| ClientError::Protocol(format!("notification: {what}"));
        let element = xml::parse_str(text).map_err(|error| bad(error.to_string()))?;
        let head = || text.chars().take(80).collect::<String>();
        if !element.is(names::NOTIFICATION, "notification") {
            return Err(bad(format!("unexpected {}", head())));
        }
        let time = element
            .child(names::NOTIFICATION, "eventTime")
            .ok_or_else(|| bad(format!("no eventTime in {}", head())))?
            .text()
            .parse()
            .map_err(|error: crate::clock::ParseTimestampError| bad(error.to_string()))?;
        let content = element
            .elements()
            .find(|child| !child.is(names::NOTIFICATION, "eventTime"))
            .cloned()
            .ok_or_else(|| bad(format!("no content in {}", head())))?;
        Ok(Self { time, content })
    }

    fn row(&self) -> String {
        let event = &self.content;
        let field = |name: &str| leaf(event, name);
        let (kind, message) = if &*event.local == "escEvent" {
            let kind = event
                .elements()
                .find(|child| &*child.local == "event")
                .map(|child| leaf(child, "type"))
                .unwrap_or_default();
            (kind, field("status_message"))
        } else {
            (event.local.to_string(), summary(event))
        };
        line(&[
            &self.time.to_string().replace("+00:00", "Z"),
            &kind,
            &field("status"),
            &field("depname"),
            &vm(event),
            &message,
        ])
    }
}

/// Text of the child leaf with this name, in whatever namespace.
fn leaf(element: &Element, name: &str) -> String {
    element
        .elements()
        .find(|child| &*child.local == name)
        .map(|child| one_line(&child.text()))
        .unwrap_or_default()
}

/// The VM an event is about: group and the first part of its id; `old>new` when it was replaced.
fn vm(event: &Element) -> String {
    let id = |side: &str| {
        let id = event
            .elements()
            .find(|child| &*child.local == side)
            .map(|child| leaf(child, "vmid"))
            .unwrap_or_default();
        id.split('-').next().unwrap_or_default().to_owned()
    };
    let (old, new) = (id("vm_source"), id("vm_target"));
    let ids = match (old.is_empty(), new.is_empty()) {
        (false, false) if old != new => format!("{old}>{new}"),
        (true, false) => new,
        _ => old,
    };
    let group = leaf(event, "vm_group");
    match (group.is_empty(), ids.is_empty()) {
        (false, false) => format!("{group}/{ids}"),
        _ => group + &ids,
    }
}

/// The leaves of an event of another kind, as `name=value`.
fn summary(event: &Element) -> String {
    let mut parts = Vec::new();
    collect(event, &mut parts);
    parts.join(" ")
}

fn collect(element: &Element, parts: &mut Vec<String>) {
    for child in element.elements() {
        if child.elements().next().is_some() {
            collect(child, parts);
        } else {
            let value = one_line(&child.text());
            parts.push(if value.is_empty() {
                child.local.to_string()
            } else {
                format!("{}={value}", child.local)
            });
        }
    }
}

/// Widths of all columns but the last.
const WIDTHS: [usize; 5] = [24, 24, 7, 16, 20];

fn line(cells: &[&str; 6]) -> String {
    let mut text = String::new();
    for (n, cell) in cells.iter().enumerate() {
        let cell = if cell.is_empty() { "-" } else { cell };
        match WIDTHS.get(n) {
            Some(width) => text.push_str(&format!("{cell:<width$}  ")),
            None => text.push_str(cell),
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn header() -> String {
    line(&["TIME", "TYPE", "STATUS", "DEPLOYMENT", "VM", "MESSAGE"])
}

#[cfg(test)]
mod tests;

//! `notification` (RFC 5277 section 4).

use super::names::NOTIFICATION;
use crate::clock::Timestamp;

/// Content of the notification that ends a replay (RFC 5277 section 3.4).
pub const REPLAY_COMPLETE: &str =
    "<replayComplete xmlns=\"urn:ietf:params:xml:ns:netmod:notification\"/>";

/// Content of the notification that ends a subscription at its stopTime (RFC 5277 section 3.4).
pub const NOTIFICATION_COMPLETE: &str =
    "<notificationComplete xmlns=\"urn:ietf:params:xml:ns:netmod:notification\"/>";

/// The end tag of every notification.
pub const NOTIFICATION_END: &str = "</notification>";

/// Everything before the content.
pub fn notification_start(time: Timestamp) -> String {
    format!("<notification xmlns=\"{NOTIFICATION}\"><eventTime>{time}</eventTime>")
}

/// The whole notification; `content` is one element that declares its own namespaces.
pub fn encode_notification(time: Timestamp, content: &str) -> String {
    format!("{}{content}{NOTIFICATION_END}", notification_start(time))
}

#[cfg(test)]
mod tests {
    use super::super::names::NOTIFICATION_CONTENT;
    use super::*;
    use crate::xml::parse_str;

    #[test]
    fn event_time_comes_first_and_is_as_the_clock_prints_it() {
        let time = "2016-06-23T18:30:09.115+00:00".parse().unwrap();
        assert_eq!(
            encode_notification(time, "<x xmlns=\"urn:x\"/>"),
            "<notification xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\">\
             <eventTime>2016-06-23T18:30:09.115+00:00</eventTime><x xmlns=\"urn:x\"/></notification>"
        );
    }

    #[test]
    fn the_two_marks_are_in_the_content_namespace() {
        for (text, name) in [
            (REPLAY_COMPLETE, "replayComplete"),
            (NOTIFICATION_COMPLETE, "notificationComplete"),
        ] {
            assert!(parse_str(text).unwrap().is(NOTIFICATION_CONTENT, name));
        }
    }
}

//! How long a message may take, and how long a session may say nothing at all.

use std::time::Duration;

use crate::clock::Mono;

/// How long a message may take (`read-silence`, `read-total`), and a session may idle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageTimes {
    /// Between two octets of one message.
    pub silence: Duration,
    /// For the whole message.
    pub total: Duration,
    /// Without any message; `None`: for ever.
    pub idle: Option<Duration>,
}

/// Measures one message's reading, and the pause before it.
pub(super) struct MessageClock {
    times: MessageTimes,
    began: Option<Mono>,
    last: Mono,
}

/// What a session is doing, as far as its client can be late with something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Awaiting {
    /// The rest of a message.
    Message,
    /// Any message.
    Anything,
    /// Nothing: we are at work, or the session may be silent.
    Nothing,
}

impl MessageClock {
    pub(super) fn new(times: MessageTimes, now: Mono) -> Self {
        Self {
            times,
            began: None,
            last: now,
        }
    }

    pub(super) fn heard(&mut self, now: Mono) {
        self.last = now;
    }

    /// Time left for what is awaited; `None` when it may take for ever.
    pub(super) fn left(&mut self, now: Mono, awaiting: Awaiting) -> Option<Duration> {
        match awaiting {
            Awaiting::Nothing => {
                self.began = None;
                self.last = now;
                None
            }
            Awaiting::Anything => {
                self.began = None;
                let idle = self.times.idle?;
                Some((self.last + idle).saturating_sub(now))
            }
            Awaiting::Message => {
                if self.began.is_none() {
                    // What came while a request was served waited for us, not for the client.
                    self.last = self.last.max(now);
                }
                let began = *self.began.get_or_insert(now);
                let silence = (self.last + self.times.silence).saturating_sub(now);
                let total = (began + self.times.total).saturating_sub(now);
                Some(silence.min(total))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(idle: Option<u64>) -> MessageClock {
        let times = MessageTimes {
            silence: Duration::from_secs(20),
            total: Duration::from_secs(60),
            idle: idle.map(Duration::from_secs),
        };
        MessageClock::new(times, Mono::ZERO)
    }

    fn left(clock: &mut MessageClock, at: u64, awaiting: Awaiting) -> Option<u64> {
        let left = clock.left(Mono::from_secs(at), awaiting);
        left.map(|left| left.as_secs())
    }

    #[test]
    fn a_message_has_twenty_seconds_of_silence_and_sixty_in_all() {
        let mut clock = clock(None);
        assert_eq!(left(&mut clock, 5, Awaiting::Anything), None);
        assert_eq!(left(&mut clock, 10, Awaiting::Message), Some(20));
        assert_eq!(left(&mut clock, 25, Awaiting::Message), Some(5));
        clock.heard(Mono::from_secs(26));
        assert_eq!(left(&mut clock, 30, Awaiting::Message), Some(16));
        clock.heard(Mono::from_secs(65));
        assert_eq!(left(&mut clock, 66, Awaiting::Message), Some(4));
        assert_eq!(left(&mut clock, 90, Awaiting::Message), Some(0));
    }

    #[test]
    fn an_idle_time_starts_when_the_last_answer_was_given() {
        let mut clock = clock(Some(300));
        assert_eq!(left(&mut clock, 100, Awaiting::Anything), Some(200));
        assert_eq!(left(&mut clock, 250, Awaiting::Nothing), None);
        assert_eq!(left(&mut clock, 260, Awaiting::Anything), Some(290));
    }
}

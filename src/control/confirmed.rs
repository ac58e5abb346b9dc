//! Confirmed commits (RFC 6241 section 8.4), pure: who may do what while one waits for its confirmation.
//!
//! ```text
//!             Commit(confirmed): start                  Commit(confirmed): extend
//! Nothing ------------------------------> Waiting ---+---------------------> Waiting
//!    ^                                       |       |
//!    +------- Commit: complete --------------+       | TimeUp, Ended (its own session, not persistent),
//!    +------- Cancel, and what Over does: revert ----+ or found at a start
//!    |                                               v
//!    +------------------- revert ------------------ Over (nobody may confirm it any more)
//! ```
//! While one waits, running belongs to it: nobody else commits, edits or locks running, so that taking it back
//! takes nothing of anybody else's along. What carries the verdicts out is [`super::revert`] and
//! [`super::commit`].

use std::num::NonZeroU32;

use crate::clock::Mono;
use crate::esc_model::published::Unconfirmed;
use crate::ids::{PersistId, SessionId};

/// What a confirmed commit asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confirm {
    /// Seconds given for the confirmation.
    pub timeout: NonZeroU32,
    /// Lets any session confirm it.
    pub persist: Option<PersistId>,
}

/// `<commit>` with its parameters (RFC 6241 section 8.4.5.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommitRequest {
    /// Whether a confirmation has to follow.
    pub confirmed: Option<Confirm>,
    /// The token of the one that this follows or confirms.
    pub persist_id: Option<PersistId>,
}

/// The one there is.
#[derive(Clone, Debug)]
pub struct Pending<'a> {
    /// The session that issued it.
    pub session: SessionId,
    /// Its token.
    pub persist: Option<&'a PersistId>,
    /// Whether its time is over, its session gone or its server restarted: it is being taken back.
    pub over: bool,
}

/// What comes.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// `<commit>` by a session.
    Commit(SessionId, &'a CommitRequest),
    /// An edit of running beside the candidate, by a session.
    Edit(SessionId),
    /// `<lock>` of running by a session.
    Lock(SessionId),
    /// `<cancel-commit>` by a session.
    Cancel(SessionId, Option<&'a PersistId>),
    /// A session ended.
    Ended(SessionId),
    /// The time given has passed, or the server was started again.
    TimeUp,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It does not concern it.
    Pass,
    /// A confirmed commit begins.
    Start,
    /// It goes on, with another time.
    Extend,
    /// It stands for good.
    Complete,
    /// It is taken back.
    Revert,
}

/// Why something was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfirmError {
    /// cancel-commit, and there is none.
    #[error("no confirmed commit is pending")]
    NothingPending,
    /// A token that is not the one given (RFC 6241 section 8.4.4.1).
    #[error("there is no confirmed commit of that persist-id")]
    WrongId,
    /// cancel-commit without the token of a persistent one.
    #[error("the confirmed commit is persistent: its persist-id is needed")]
    IdNeeded,
    /// cancel-commit of another session's.
    #[error("the confirmed commit can be cancelled by its own session {0} only")]
    NotYours(SessionId),
    /// Running belongs to a confirmed commit that is not this session's.
    #[error("{}", match .persistent {
        true => "a persistent confirmed commit is pending; it ends with its persist-id, or in time".to_owned(),
        false => format!("a confirmed commit of session {} is pending", .session),
    })]
    InUse {
        /// Who issued it.
        session: SessionId,
        /// Whether it needs its token.
        persistent: bool,
    },
    /// The session that asks for a confirmed commit has ended.
    #[error("the session has ended")]
    Ended,
    /// It is being taken back.
    #[error("the confirmed commit was not confirmed in time and is taken back")]
    Over,
}

/// Decides.
///
/// # Errors
/// Why it is refused; nothing changes then.
pub fn step(pending: Option<&Pending<'_>>, input: Input<'_>) -> Result<Verdict, ConfirmError> {
    use Input as I;
    let Some(pending) = pending else {
        // (nothing pending, input)
        return match input {
            I::Commit(_, request) if request.persist_id.is_some() => Err(ConfirmError::WrongId),
            I::Commit(_, request) if request.confirmed.is_some() => Ok(Verdict::Start),
            I::Cancel(_, Some(_)) => Err(ConfirmError::WrongId),
            I::Cancel(_, None) => Err(ConfirmError::NothingPending),
            I::Commit(..) | I::Edit(_) | I::Lock(_) | I::Ended(_) | I::TimeUp => Ok(Verdict::Pass),
        };
    };
    let in_use = Err(ConfirmError::InUse {
        session: pending.session,
        persistent: pending.persist.is_some(),
    });
    match (input, pending.persist) {
        // (input, token of the pending one)
        (I::Commit(_, request), Some(token)) => match &request.persist_id {
            Some(id) if id != token => Err(ConfirmError::WrongId),
            Some(_) if pending.over => Err(ConfirmError::Over),
            Some(_) => Ok(follow_up(request)),
            None => in_use,
        },
        (I::Commit(_, request), None) if request.persist_id.is_some() => Err(ConfirmError::WrongId),
        (I::Commit(by, _), None) if by != pending.session => in_use,
        (I::Commit(..), None) if pending.over => Err(ConfirmError::Over),
        (I::Commit(_, request), None) => Ok(follow_up(request)),
        (I::Cancel(_, Some(id)), Some(token)) if id == token => Ok(Verdict::Revert),
        (I::Cancel(_, Some(_)), _) => Err(ConfirmError::WrongId),
        (I::Cancel(_, None), Some(_)) => Err(ConfirmError::IdNeeded),
        (I::Cancel(by, None), None) if by == pending.session => Ok(Verdict::Revert),
        (I::Cancel(_, None), None) => Err(ConfirmError::NotYours(pending.session)),
        (I::Edit(by) | I::Lock(by), _) if by != pending.session => in_use,
        (I::Edit(_), _) if pending.over => Err(ConfirmError::Over),
        (I::Edit(_) | I::Lock(_), _) => Ok(Verdict::Pass),
        (I::Ended(gone), None) if gone == pending.session => Ok(Verdict::Revert),
        (I::Ended(_), _) => Ok(Verdict::Pass),
        (I::TimeUp, _) => Ok(Verdict::Revert),
    }
}

fn follow_up(request: &CommitRequest) -> Verdict {
    match request.confirmed {
        Some(_) => Verdict::Extend,
        None => Verdict::Complete,
    }
}

/// Why a confirmed commit is taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// cancel-commit.
    Cancelled,
    /// Its session ended.
    SessionEnded,
    /// Nobody confirmed it in time.
    TimedOut,
    /// The server was started again.
    Restarted,
}

impl Why {
    /// For logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancel-commit",
            Self::SessionEnded => "its session ended",
            Self::TimedOut => "not confirmed in time",
            Self::Restarted => "the server was started again",
        }
    }
}

/// When it has to be taken back by the server itself, and why. `alive`: whether its session is open.
pub fn due(waiting: &Unconfirmed, alive: bool) -> (Mono, Why) {
    match (waiting.left_over, &waiting.commit.persist) {
        (true, _) => (Mono::ZERO, Why::Restarted),
        (false, None) if !alive => (Mono::ZERO, Why::SessionEnded),
        (false, _) => (waiting.until, Why::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SessionId = SessionId(1);
    const B: SessionId = SessionId(2);

    fn request(confirmed: bool, persist_id: Option<&str>) -> CommitRequest {
        CommitRequest {
            confirmed: confirmed.then_some(Confirm {
                timeout: NonZeroU32::MIN,
                persist: None,
            }),
            persist_id: persist_id.map(PersistId::new),
        }
    }

    fn shown(pending: Option<&Pending<'_>>, input: Input<'_>) -> String {
        match step(pending, input) {
            Ok(verdict) => format!("{verdict:?}"),
            Err(error) => match error {
                ConfirmError::NotYours(_) => "not yours".to_owned(),
                ConfirmError::InUse { .. } => "in use".to_owned(),
                other => format!("{other:?}").to_lowercase(),
            },
        }
    }

    /// Every input in every state; A issued what is pending, the token is "t".
    #[test]
    fn the_whole_table() {
        let token = PersistId::new("t");
        let other = PersistId::new("x");
        let pending = |persist, over| Pending {
            session: A,
            persist,
            over,
        };
        let states = [
            None,
            Some(pending(None, false)),
            Some(pending(None, true)),
            Some(pending(Some(&token), false)),
            Some(pending(Some(&token), true)),
        ];
        let plain = request(false, None);
        let plain_t = request(false, Some("t"));
        let plain_x = request(false, Some("x"));
        let confirmed = request(true, None);
        let confirmed_t = request(true, Some("t"));
        let confirmed_x = request(true, Some("x"));
        #[rustfmt::skip]
        let table: [(&str, Input<'_>, [&str; 5]); 20] = [
            // input                nothing           bound            bound, over  persistent   persistent, over
            ("A commit",            Input::Commit(A, &plain),       ["Pass", "Complete", "over", "in use", "in use"]),
            ("B commit",            Input::Commit(B, &plain),       ["Pass", "in use", "in use", "in use", "in use"]),
            ("A commit t",          Input::Commit(A, &plain_t),     ["wrongid", "wrongid", "wrongid", "Complete", "over"]),
            ("B commit t",          Input::Commit(B, &plain_t),     ["wrongid", "wrongid", "wrongid", "Complete", "over"]),
            ("A commit x",          Input::Commit(A, &plain_x),     ["wrongid", "wrongid", "wrongid", "wrongid", "wrongid"]),
            ("A confirmed",         Input::Commit(A, &confirmed),   ["Start", "Extend", "over", "in use", "in use"]),
            ("B confirmed",         Input::Commit(B, &confirmed),   ["Start", "in use", "in use", "in use", "in use"]),
            ("A confirmed t",       Input::Commit(A, &confirmed_t), ["wrongid", "wrongid", "wrongid", "Extend", "over"]),
            ("B confirmed t",       Input::Commit(B, &confirmed_t), ["wrongid", "wrongid", "wrongid", "Extend", "over"]),
            ("B confirmed x",       Input::Commit(B, &confirmed_x), ["wrongid", "wrongid", "wrongid", "wrongid", "wrongid"]),
            ("A edit",              Input::Edit(A),                 ["Pass", "Pass", "over", "Pass", "over"]),
            ("B edit",              Input::Edit(B),                 ["Pass", "in use", "in use", "in use", "in use"]),
            ("A lock",              Input::Lock(A),                 ["Pass", "Pass", "Pass", "Pass", "Pass"]),
            ("B lock",              Input::Lock(B),                 ["Pass", "in use", "in use", "in use", "in use"]),
            ("A cancel",            Input::Cancel(A, None),         ["nothingpending", "Revert", "Revert", "idneeded", "idneeded"]),
            ("B cancel",            Input::Cancel(B, None),         ["nothingpending", "not yours", "not yours", "idneeded", "idneeded"]),
            ("B cancel t",          Input::Cancel(B, Some(&token)), ["wrongid", "wrongid", "wrongid", "Revert", "Revert"]),
            ("A cancel x",          Input::Cancel(A, Some(&other)), ["wrongid", "wrongid", "wrongid", "wrongid", "wrongid"]),
            ("A ended",             Input::Ended(A),                ["Pass", "Revert", "Revert", "Pass", "Pass"]),
            ("time is up",          Input::TimeUp,                  ["Pass", "Revert", "Revert", "Revert", "Revert"]),
        ];
        for (name, input, expected) in table {
            let got = states.each_ref().map(|state| shown(state.as_ref(), input));
            assert_eq!(got, expected, "{name}");
        }
        for state in &states {
            assert_eq!(shown(state.as_ref(), Input::Ended(B)), "Pass", "B ended");
        }
    }
}

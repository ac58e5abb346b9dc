//! Following a VIM's record.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::port::{Accepted, Find, PortFuture, VimCall, VimResource, VimVm};
use super::*;
use crate::ids::{CreateToken, VmId};

type Read = (Duration, Result<VimOpStatus, VimError>);

/// Answers what is read of a record, in turn, each after a while.
struct Script(Mutex<Vec<Read>>);

impl Script {
    fn next(&self) -> Read {
        self.0.lock().unwrap().remove(0)
    }
}

impl Vim for Script {
    fn id(&self) -> &str {
        "scripted"
    }
    fn call(&self, _: VimCall, _: String) -> PortFuture<'_, Result<Accepted, VimError>> {
        unimplemented!()
    }
    fn status(&self, _: VimOpRef) -> PortFuture<'_, Result<VimOpStatus, VimError>> {
        let (after, read) = self.next();
        Box::pin(async move {
            tokio::time::sleep(after).await;
            read
        })
    }
    fn describe(&self, _: VmId) -> PortFuture<'_, Result<Option<VimVm>, VimError>> {
        unimplemented!()
    }
    fn find_by_token(&self, _: CreateToken) -> PortFuture<'_, Result<Vec<VimVm>, VimError>> {
        unimplemented!()
    }
    fn find(&self, _: Find) -> PortFuture<'_, Result<Option<VimResource>, VimError>> {
        unimplemented!()
    }
    fn landing_bound(&self) -> Duration {
        Duration::ZERO
    }
}

/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(600);

/// How it ended, how often the VIM was called silent, and how many answers were not needed.
async fn followed(
    silent: bool,
    patience: Duration,
    reads: Vec<Read>,
) -> (VimOpStatus, usize, usize) {
    let vim = Script(Mutex::new(reads));
    let told = AtomicUsize::new(0);
    let op = VimOpRef {
        vim: "scripted".to_owned(),
        id: "1".to_owned(),
        about: String::new(),
    };
    let tell = || {
        told.fetch_add(1, Ordering::Relaxed);
    };
    let status = follow(&vim, op, (silent, patience), tell).await;
    let left = vim.0.lock().unwrap().len();
    (status, told.into_inner(), left)
}

fn at_once(read: Result<VimOpStatus, VimError>) -> Read {
    (Duration::ZERO, read)
}

fn down() -> Read {
    at_once(Err(VimError::Down("connection refused".to_owned())))
}

fn running() -> Read {
    at_once(Ok(VimOpStatus::Running))
}

#[tokio::test]
async fn silence_is_told_once_and_the_first_answer_after_it_ends_the_following() {
    let reads = vec![running(), down(), down(), running(), running()];
    assert_eq!(
        followed(false, LONG, reads).await,
        (VimOpStatus::Running, 1, 1)
    );
    let reads = vec![running(), down(), at_once(Ok(VimOpStatus::Succeeded))];
    assert_eq!(
        followed(false, LONG, reads).await,
        (VimOpStatus::Succeeded, 1, 0)
    );
}

#[tokio::test]
async fn silence_that_is_known_is_not_told_again() {
    let reads = vec![down(), running(), running()];
    assert_eq!(
        followed(true, LONG, reads).await,
        (VimOpStatus::Running, 0, 1)
    );
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_silence_until_it_comes() {
    let patience = Duration::from_millis(20);
    let slow = (patience * 3, Ok(VimOpStatus::Running));
    assert_eq!(
        followed(false, patience, vec![slow, running()]).await,
        (VimOpStatus::Running, 1, 1)
    );
}

#[tokio::test]
async fn a_record_that_cannot_be_read_though_the_vim_answers_is_no_silence() {
    let unreadable = || at_once(Err(VimError::Unknown("not JSON".to_owned())));
    let reads = std::iter::repeat_with(unreadable).take(100).collect();
    let (status, told, left) = followed(false, Duration::from_millis(300), reads).await;
    assert_eq!((status, told), (VimOpStatus::Unknown, 0));
    assert!(left > 50);
}

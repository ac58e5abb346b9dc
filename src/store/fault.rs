//! Fail points: where a test may make the writer fail or stop as a crash would.
//!
//! Production opens without a plan; a point then costs one test of an `Option`.

use std::sync::Arc;

/// A place in the writer's work.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FailPoint {
    /// Before BEGIN.
    BeforeGroup,
    /// Before the savepoint of a batch.
    BeforeBatch,
    /// Before one row is written or removed.
    BeforeRow,
    /// After one row is written or removed.
    AfterRow,
    /// Before one event is appended that is on a stream.
    BeforeEvent,
    /// After one event is appended.
    AfterEvent,
    /// After the savepoint of a batch is released.
    AfterBatch,
    /// Before COMMIT; an error here is taken for one of COMMIT itself.
    BeforeCommit,
    /// After COMMIT, before anything is published.
    AfterCommit,
    /// After the pointer swap, before the ring and the watermark.
    AfterPublish,
    /// After the watermark is raised, before the first acknowledgement.
    BeforeAcknowledge,
    /// After one acknowledgement.
    AfterAcknowledge,
    /// Before old events are removed.
    BeforeTrim,
    /// After old events are removed, before that COMMIT.
    BeforeTrimCommit,
    /// After old events are removed durably.
    AfterTrim,
    /// Before the small commit that follows a failed COMMIT.
    BeforeRepair,
}

impl FailPoint {
    /// All points, in the order of the work.
    pub const ALL: [FailPoint; 16] = [
        Self::BeforeGroup,
        Self::BeforeBatch,
        Self::BeforeRow,
        Self::AfterRow,
        Self::BeforeEvent,
        Self::AfterEvent,
        Self::AfterBatch,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::AfterPublish,
        Self::BeforeAcknowledge,
        Self::AfterAcknowledge,
        Self::BeforeTrim,
        Self::BeforeTrimCommit,
        Self::AfterTrim,
        Self::BeforeRepair,
    ];
}

/// What happens at a point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultAction {
    /// Nothing.
    Continue,
    /// The database reports a full disk. After COMMIT the points cannot fail: taken as `Continue`.
    NoSpace,
    /// The database reports an I/O error. After COMMIT the points cannot fail: taken as `Continue`.
    IoError,
    /// The writer stops as a killed process would: nothing more is written, published or acknowledged.
    Crash,
}

/// Decides at each point, on the writer thread; it may sleep to simulate a hanging disk.
pub type FaultPlan = Arc<dyn Fn(FailPoint) -> FaultAction + Send + Sync>;

/// Why the writer's work was cut short.
#[derive(Debug)]
pub(super) enum Interrupt {
    /// A simulated crash.
    Crash,
    /// The database failed.
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Interrupt {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// A simulated crash, where nothing else can go wrong.
#[derive(Debug)]
pub(super) struct Crash;

impl From<Crash> for Interrupt {
    fn from(_: Crash) -> Self {
        Self::Crash
    }
}

/// The plan, or none.
#[derive(Clone, Default)]
pub(super) struct Faults(pub Option<FaultPlan>);

impl Faults {
    /// Asks the plan before work that can fail.
    pub fn check(&self, point: FailPoint) -> Result<(), Interrupt> {
        let Some(plan) = &self.0 else { return Ok(()) };
        let code = match plan(point) {
            FaultAction::Continue => return Ok(()),
            FaultAction::Crash => return Err(Interrupt::Crash),
            FaultAction::NoSpace => rusqlite::ffi::SQLITE_FULL,
            FaultAction::IoError => rusqlite::ffi::SQLITE_IOERR_FSYNC,
        };
        Err(Interrupt::Sql(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(code),
            Some(format!("injected at {point:?}")),
        )))
    }

    /// Asks the plan where only a crash is possible.
    pub fn crash(&self, point: FailPoint) -> Result<(), Crash> {
        match &self.0 {
            Some(plan) if plan(point) == FaultAction::Crash => Err(Crash),
            _ => Ok(()),
        }
    }
}

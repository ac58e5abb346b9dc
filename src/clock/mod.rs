//! Time: the only place that reads a clock, wall or monotonic.
//!
//! Pure rooms take `now` as an argument; the shell asks a [`Clock`]. Durations use
//! the monotonic clock, event times the wall clock.

mod source;
mod timer;
mod timestamp;

pub use source::{Clock, ManualClock, Mono, SystemClock};
pub use timer::TimerTable;
pub use timestamp::{ParseTimestampError, Timestamp};

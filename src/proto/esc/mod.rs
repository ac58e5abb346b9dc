//! Wire words of the ESC interface: the `escEvent` notification.

mod event;

pub use event::{DecodeError, ESC, EscEvent, EscInterface, EscStatus, EscVm};

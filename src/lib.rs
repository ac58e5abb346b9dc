//! Lifeline: an open VM lifecycle controller that speaks NETCONF the way ESC clients expect.
//!
//! Rooms are listed here from the bottom floor to the top; imports only go down.

pub mod ids;

pub mod clock;

pub mod model;

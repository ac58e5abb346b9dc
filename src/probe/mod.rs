//! Asking VMs whether they live: ICMP echo, TCP connect, and the scheduler that polls them.
//!
//! Three answers are kept apart (P6). A probe says *no answer* only when it was sent properly and
//! nothing came back in time; whatever is wrong on our side of the wire is *cannot tell*:
//!
//! | what happened | ICMPPing | TCPConnect |
//! | --- | --- | --- |
//! | it answered | alive, round trip in ms | connected: alive, time to connect in ms |
//! | silence until the timeout | no answer | no answer |
//! | port closed (reset) | - | no answer: the host lives, but what the KPI asks for does not |
//! | no route, network unreachable, forbidden (EACCES, EPERM), out of sockets or buffers | cannot tell | cannot tell |
//! | host unreachable, told by the network later on | (silence) | no answer: its last hop looked for it in vain |
//! | no socket allowed, no or a wrong address, unknown collector | cannot tell | cannot tell |
//! | our own process slept through the timeout | cannot tell | cannot tell |
//!
//! VMs of a VIM that answers its collectors itself (the simulated one) are asked there.

mod icmp;
mod monitor;
mod packet;
mod probes;
mod settings;
mod table;
mod tcp;

pub use monitor::Poller;
pub use probes::Probes;
pub use settings::Settings;

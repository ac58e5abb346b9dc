//! What a request asks for: the operations of RFC 6241, 6022, 5277, decoded and checked.

mod decode;
mod params;
mod types;

pub use decode::unsupported;
pub use params::no_attribute;
pub use types::{
    Commit, CopyConfig, CreateSubscription, DatastoreName, DefaultOperation, EditConfig,
    ErrorOption, Filter, GetSchema, Operation, Source, TestOption, WithDefaults,
};

#[cfg(test)]
mod tests;

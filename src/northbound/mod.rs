//! Faces: how others talk to us. Each converts wire and domain only in its `map.rs`.

pub mod admin;
pub mod netconf;
pub mod sol003;

//! What is fuzzed. A target is one line here, one file beside this one with `run`, and a folder of seeds in
//! `fuzz/corpus`. `fuzz/main.rs` gives them to libFuzzer; `tests/corpora.rs` replays the seeds.

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*
        /// Every target by name.
        pub const TARGETS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name::run)),*];
    };
}

targets! {
    cloud_replies,
    cloud_requests,
    edit_config,
    framing10,
    framing11,
    hello,
    rpc_envelope,
    rule_path,
    session,
    ssh_preauth,
    stored_rows,
    subtree_filter,
    xpath,
}

mod sample;

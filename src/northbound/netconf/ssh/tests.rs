//! Whole-server tests on loopback, with clients of three makes: libssh2, russh and OpenSSH.

mod clients;
mod harness;
mod limits;
mod streams;

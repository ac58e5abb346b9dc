//! Judging documents.

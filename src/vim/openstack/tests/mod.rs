//! The driver against a scripted cloud.

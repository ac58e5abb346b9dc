//! What the schema tells about itself: capabilities and the YANG library.

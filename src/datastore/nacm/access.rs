//! The access operations of RFC 8341 section 3.2.2.

/// What is done to a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// A new data node.
    Create,
    /// A value shown, a notification sent.
    Read,
    /// A value changed.
    Update,
    /// A data node removed.
    Delete,
    /// A protocol operation or an action.
    Exec,
}

impl Access {
    /// All of them, in the order of the bits in the model.
    pub const ALL: [Self; 5] = [
        Self::Create,
        Self::Read,
        Self::Update,
        Self::Delete,
        Self::Exec,
    ];

    /// Its word in `access-operations`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Exec => "exec",
        }
    }

    pub(super) fn index(self) -> usize {
        match self {
            Self::Create => 0,
            Self::Read => 1,
            Self::Update => 2,
            Self::Delete => 3,
            Self::Exec => 4,
        }
    }

    pub(super) fn bit(self) -> u8 {
        1 << self.index()
    }

    /// The bits of an `access-operations` value.
    pub(super) fn bits(text: &str) -> u8 {
        if text == "*" {
            return u8::MAX;
        }
        let named = |access: &Self| text.split_whitespace().any(|word| word == access.as_str());
        Self::ALL
            .iter()
            .filter(|access| named(access))
            .fold(0, |bits, access| bits | access.bit())
    }
}

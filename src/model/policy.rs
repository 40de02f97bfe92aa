//! What to do with files that exist at the destination.

/// What to do with an entry whose name exists at the destination. It is decided for the whole offer before
/// any contents are sent. An identical file always counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Decline the whole offer.
    #[default]
    Fail,
    /// Keep the existing entry and skip the new one.
    Skip,
    /// Keep both: the new one gets a free name such as `name (1).txt`.
    Rename,
    /// Replace the existing entry once the new one is complete and verified.
    Overwrite,
    /// Replace the existing entry only if the new one has a later modification time; otherwise skip the new
    /// one.
    Newer,
}

impl Existing {
    /// Every policy, in the order in which help names them.
    pub const ALL: [Existing; 5] = [
        Existing::Fail,
        Existing::Skip,
        Existing::Rename,
        Existing::Overwrite,
        Existing::Newer,
    ];

    /// The word that people write for it.
    pub const fn word(self) -> &'static str {
        match self {
            Existing::Fail => "fail",
            Existing::Skip => "skip",
            Existing::Rename => "rename",
            Existing::Overwrite => "overwrite",
            Existing::Newer => "newer",
        }
    }
}

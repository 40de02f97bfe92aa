//! What happens to a file that is already there.

/// What to do with an entry whose name is taken at the destination. Decided for the whole offer before
/// any byte moves; a file that is there and identical always counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Refuse the whole offer.
    #[default]
    Fail,
    /// Leave what is there and don't take the new one.
    Skip,
    /// Keep both: the new one gets a free name beside it.
    Rename,
    /// Replace what is there once the new one is complete and verified.
    Overwrite,
    /// Replace what is there only by one with a later mtime; otherwise skip.
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

//! Why a side gives a session up: the number in an Abort.

/// The numbers of an Abort: the exit codes of the side that sends it, the *aborting* side. A peer of a later
/// version may send others.
pub struct AbortCode;

impl AbortCode {
    /// The aborting side has a bug, or its system fails.
    pub const UNEXPECTED: u8 = 1;
    /// The aborting side's command line is wrong.
    pub const USAGE: u8 = 2;
    /// The secrets or the verification phrases differ.
    pub const WRONG_SECRET: u8 = 3;
    /// All slots of the aborting side are taken.
    pub const BUSY: u8 = 4;
    /// The reader of the Abort fell silent.
    pub const TIMED_OUT: u8 = 5;
    /// The reader of the Abort declined.
    pub const PEER_DECLINED: u8 = 6;
    /// At the aborting side, something else has a name of the transfer.
    pub const IN_THE_WAY: u8 = 7;
    /// The aborting side cannot read its source.
    pub const SOURCE: u8 = 8;
    /// The aborting side cannot write at its destination. A later try may succeed.
    pub const CANNOT_WRITE: u8 = 9;
    /// Data from the reader of the Abort does not verify.
    pub const NOT_VERIFIED: u8 = 10;
    /// The two sides speak different versions.
    pub const VERSION: u8 = 11;
    /// The aborting side lost the connection.
    pub const LOST: u8 = 12;
    /// The operator, a limit or the output of the aborting side declined.
    pub const DECLINED_HERE: u8 = 14;
    /// The aborting side's hook failed.
    pub const HOOK_FAILED: u8 = 15;
}

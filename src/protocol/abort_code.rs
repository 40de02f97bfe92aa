//! Why a side gives a session up: the number in an Abort.

/// The numbers of an Abort. Each is the exit code of the side that sends it; others may come from a peer of
/// a later version.
pub struct AbortCode;

impl AbortCode {
    /// A bug, or its system fails.
    pub const UNEXPECTED: u8 = 1;
    /// Its command line is wrong.
    pub const USAGE: u8 = 2;
    /// The secrets differ, or the verification phrase does.
    pub const WRONG_SECRET: u8 = 3;
    /// All its sessions are taken.
    pub const BUSY: u8 = 4;
    /// This side fell silent.
    pub const TIMED_OUT: u8 = 5;
    /// It was declined by this side.
    pub const PEER_DECLINED: u8 = 6;
    /// Something has a name that it needs.
    pub const IN_THE_WAY: u8 = 7;
    /// It cannot read what it sends.
    pub const SOURCE: u8 = 8;
    /// It cannot write what it receives: this may be over later.
    pub const CANNOT_WRITE: u8 = 9;
    /// What this side sent does not verify.
    pub const NOT_VERIFIED: u8 = 10;
    /// It speaks another version.
    pub const VERSION: u8 = 11;
    /// It lost the connection.
    pub const LOST: u8 = 12;
    /// Its operator, a limit or its output said no.
    pub const DECLINED_HERE: u8 = 14;
    /// Its hook failed.
    pub const HOOK_FAILED: u8 = 15;
}

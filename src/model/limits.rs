//! The limits table: the bound of every number that a peer controls, with its reason.

/// Frame body before the peer is proven, in bytes. The largest such frame is a Hello; 512 leaves room
/// for later versions and keeps an unproven connection's memory trivial.
pub const UNPROVEN_FRAME_BYTES: usize = 512;

/// Whole handshake from accept or connect to the last confirmation, in seconds. One deadline, so that
/// a peer that trickles single bytes gains nothing.
pub const HANDSHAKE_SECONDS: u64 = 10;

/// From a listener's Hello to the dialler's Confirm, in seconds. An answered Hello holds a guess for as
/// long, and an honest dialler confirms within a round trip.
pub const PROOF_SECONDS: u64 = 4;

/// Time for a one-time code, in seconds: a person reads it off another device.
pub const CODE_SECONDS: u64 = 120;

/// Raw (unsealed) control message, in bytes. Manifests travel in chunks of at most this.
pub const MESSAGE_BYTES: usize = 256 * 1024;

/// Smallest part that a peer may ask for, in bytes. Below it, sealing costs more than the contents and
/// a small transfer could claim an absurd number of parts.
pub const PART_BYTES_MIN: u32 = 64 * 1024;

/// Largest part that a peer may ask for, in bytes. Every stream holds one part in memory, and beside it the
/// same part sealed where it is compressed; keys are derived for each part, so larger ones are cheaper.
pub const PART_BYTES_MAX: u32 = 8 * 1024 * 1024;

/// Parts in a transfer. The set of parts present is a bitmap: 2^26 parts cost 8 MiB.
pub const PARTS: u64 = 1 << 26;

/// Most bytes that sealing adds to raw bytes: archive headers, salt, tag, directory and envelope.
pub const SEAL_OVERHEAD_BYTES: usize = 1024;

/// Part that travels with its offer, in bytes: it is in memory before anybody has accepted it.
pub const EARLY_PART_BYTES: u32 = 1024 * 1024;

/// Raw message on a joined stream, in bytes. The longest is a full list of failures.
pub const JOINED_MESSAGE_BYTES: usize = 8 * 1024;

/// Frame body after the proof, in bytes: the largest part, sealed. Each stage of a transfer has a lower bound
/// of its own.
pub const FRAME_BYTES: usize = PART_BYTES_MAX as usize + SEAL_OVERHEAD_BYTES;

/// Entries in a manifest. A million is a supported transfer; four leave room, and at 40 bytes an entry
/// beside its name the list stays within 160 MiB.
pub const ENTRIES: usize = 4 * 1024 * 1024;

/// All names and link targets of a manifest together, in bytes.
pub const NAMES_BYTES: usize = 256 * 1024 * 1024;

/// What an entry of an offer costs the receiver's memory beside its path and link target, in bytes: its record,
/// its place in the sorted list, and what is decided about it.
pub const ENTRY_MEMORY_BYTES: u64 = 64;

/// Room on a disk that an entry takes besides its contents, in bytes. It counts for size limits.
pub const ENTRY_DISK_BYTES: u64 = 4096;

/// Entries of an offer whose own room does not count, so that for most offers only contents do.
pub const ENTRIES_UNCOUNTED: u64 = 1000;

/// Memory for all offers of a process in progress, in bytes. One name (or one network, if senders have no
/// names) takes at most half of it, so that nobody keeps all others out.
pub const OFFERS_MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// Time within which an offer must arrive, in seconds.
pub const OFFER_SECONDS: u64 = 60;

/// Least average speed of an offer that takes longer, in bytes a second.
pub const OFFER_BYTES_PER_SECOND: u64 = 1024;

/// One path from a peer, in bytes: PATH_MAX on Linux.
pub const PATH_BYTES: usize = 4096;

/// One component of a path, in bytes: NAME_MAX on the usual file systems.
pub const COMPONENT_BYTES: usize = 255;

/// Levels of a path. Deep enough for real trees, shallow enough that no walk over one runs out of
/// stack or descriptors.
pub const PATH_LEVELS: usize = 1024;

/// Contents of one file and of a whole stream, in bytes: the largest offset that a file system takes.
pub const STREAM_BYTES: u64 = i64::MAX as u64;

/// Streams (TCP connections) of one session.
pub const STREAMS: u16 = 64;

/// Parts that all streams of one transfer hold at a receiver, one each, in bytes: with large parts it takes
/// fewer streams. The largest number of streams has room for parts of 2 MiB.
pub const PARTS_IN_FLIGHT_BYTES: u32 = 128 * 1024 * 1024;

/// Ranges of parts in one message; in an Accept, both `have` and `claims` together. A larger set is sent
/// incompletely: parts omitted from an Accept are sent again, parts omitted from a Missing follow in the next
/// round.
pub const RANGES: usize = 8192;

/// Digests of pieces in one message, 16 bytes each.
pub const DIGESTS: usize = 16_000;

/// Pieces of files that a receiver claims in one transfer: the sender reads and digests each, and the receiver
/// keeps 16 bytes for each, at most 64 MiB. Further ones are sent.
pub const CLAIMED_PIECES: u64 = 1 << 22;

/// Part checks in one message, 12 bytes each.
pub const CHECKS: usize = 16 * 1024;

/// Parts of a stream of unknown length whose checks have not arrived, as many as fit into two messages: such a
/// stream may never end, and each costs 24 bytes.
pub const CHECKS_OWED: usize = 2 * CHECKS;

/// Failures listed one by one in a Done; the rest is only counted.
pub const FAILURES: usize = 1024;

/// Skipped entries listed one by one in a Done; the rest is only counted.
pub const SKIPS: usize = 1024;

/// New names listed one by one in a Done: as many as fit into a message with the other lists.
pub const NEW_NAMES: usize = 512;

/// Text from a peer (a reason), in bytes.
pub const TEXT_BYTES: usize = 1024;

/// Rounds of sending missing parts before the session is given up: a healthy line needs one, a dying one a few.
pub const ROUNDS: u32 = 64;

/// Transfers in one session ("send one more?").
pub const TRANSFERS: u32 = 1 << 20;

/// Confirmations that may fail before a one-shot listener ends.
pub const FAILED_PROOFS: u32 = 5;

/// Secret, in bytes: longer than any typed sentence, short enough to read at once.
pub const SECRET_BYTES: usize = 1024;

/// Versions listed in a dialler's Hello.
pub const VERSIONS: usize = 16;

/// Networks that a listener remembers for wrong guesses, and names proven from a network, at about 100 bytes
/// each; the quietest is forgotten first.
pub const CHARGED_NETWORKS: usize = 4096;

/// Time after its session ended in which a peer may return with a key of that session, in seconds: longer than
/// it takes to notice and to try again.
pub const RETURN_SECONDS: u64 = 120;

/// Sessions of a listener to which peers may return, at about 300 bytes each and what [`RETURN_NONCES`] takes.
pub const RETURN_TICKETS: usize = 256;

/// Nonces of Hellos that a listener remembers of each session to which peers may return, 32 bytes each: its peer
/// makes a Hello for each try to return, and a copy of one of them is no return.
pub const RETURN_NONCES: usize = 32;

/// Time that a drop box's session may stall because of its peer, in seconds, if the size of its transfer is
/// known.
pub const STALL_SECONDS: u64 = 600;

/// Sessions that only ping, at one listener: each costs a thread.
pub const PING_SESSIONS: usize = 16;

/// Longest session that only pings, in seconds.
pub const PING_SECONDS: u64 = 60;

/// Connections a listener holds that have not proven themselves yet. Each costs one thread with a
/// small stack for at most [`HANDSHAKE_SECONDS`]. Beside them, as many that were hung up on may have threads that
/// have yet to end: twice this number is never exceeded, and a new connection is closed at once instead.
pub const UNPROVEN_CONNECTIONS: usize = 256;

/// Largest growth of deflated contents: 258 bytes from two bits, 1,032 from a byte. An archive that claims more
/// lies.
pub const DEFLATE_GROWTH: u64 = 1032;

/// Largest growth of Deflate64 contents: 65,538 bytes from 18 bits.
pub const DEFLATE64_GROWTH: u64 = 29_128;

/// Largest growth of zstd contents: a block of at most 128 KiB takes at least four bytes.
pub const ZSTD_GROWTH: u64 = 32 * 1024;

/// Largest growth of an archive without a person's consent: text shrinks to a tenth, logs to a fiftieth, and
/// contents that shrink further are mostly made to.
pub const ARCHIVE_GROWTH: u64 = 200;

/// Disk space of a name besides its contents, in bytes: the inode, the entry in its folder, a block. It counts
/// for [`ARCHIVE_GROWTH`] from [`ARCHIVE_FREE_NAMES`] on.
pub const ARCHIVE_NAME_BYTES: u64 = 4096;

/// Names of an archive that cost nothing.
pub const ARCHIVE_FREE_NAMES: u64 = 1000;

/// Cost of an archive's names below which it is not compared with the archive's size, in bytes: no listed entry
/// is so short that it grows beyond [`ARCHIVE_GROWTH`], but unlisted folders are free.
pub const ARCHIVE_NAMES_GROWTH_FROM: u64 = 64 << 20;

/// Contents of an archive below which growth does not matter, in bytes: they fill no disk.
pub const ARCHIVE_GROWTH_FROM: u64 = 1 << 30;

/// Datagrams of discovery that are read in a second; the system drops further ones. A hundred peers that begin
/// at the same moment send 600; reading 2,000 takes 2 % of a core.
pub const DATAGRAMS_PER_SECOND: u32 = 2000;

/// Answers of discovery to one address in a second. A peer asks up to five times a second, and its firewall may
/// admit the answer to only one of these queries, so none may be skipped.
pub const ANSWERS_PER_SOURCE: u32 = 8;

/// Answers of discovery in a second to everybody.
pub const ANSWERS_PER_SECOND: u32 = 50;

/// Peers that discovery remembers; a new one displaces the one that was silent for the longest.
pub const FINDS: usize = 64;

/// Addresses that discovery remembers of one peer.
pub const FIND_ADDRESSES: usize = 8;

//! The limits table: the bound of every number that a peer controls, with its reason.

/// Frame body before the peer is proven, in bytes. The largest such frame is a Hello; 512 leaves room
/// for later versions and keeps an unproven connection's memory trivial.
pub const UNPROVEN_FRAME_BYTES: usize = 512;

/// Whole handshake from accept or connect to the last confirmation, in seconds. One deadline, so that
/// a peer that trickles single bytes gains nothing.
pub const HANDSHAKE_SECONDS: u64 = 10;

/// From a listener's Hello to the dialler's Confirm, in seconds. An answered Hello reserves a guess for this
/// long; an honest dialler confirms within a round trip.
pub const PROOF_SECONDS: u64 = 4;

/// Time to give a one-time code, in seconds: a person reads it off another device.
pub const CODE_SECONDS: u64 = 120;

/// Raw (unsealed) control message, in bytes. Manifests travel in chunks of at most this.
pub const MESSAGE_BYTES: usize = 256 * 1024;

/// Smallest part that a peer may ask for, in bytes. Below it, sealing costs more than the contents and
/// a small transfer could claim an absurd number of parts.
pub const PART_BYTES_MIN: u32 = 64 * 1024;

/// Largest part that a peer may ask for, in bytes. Every stream holds one part in memory, and a second, sealed
/// copy if it is compressed. Keys are derived for each part, so larger parts are cheaper.
pub const PART_BYTES_MAX: u32 = 8 * 1024 * 1024;

/// Parts in a transfer. The set of parts present is a bitmap: 2^26 parts cost 8 MiB.
pub const PARTS: u64 = 1 << 26;

/// Most bytes that sealing adds to raw bytes: archive headers, salt, tag, directory and envelope.
pub const SEAL_OVERHEAD_BYTES: usize = 1024;

/// Part that travels with its offer, in bytes: it is in memory before the offer is accepted.
pub const EARLY_PART_BYTES: u32 = 1024 * 1024;

/// Raw message on a joined stream, in bytes. The longest is a full list of failures.
pub const JOINED_MESSAGE_BYTES: usize = 8 * 1024;

/// Frame body after the proof, in bytes: the largest part, sealed. Each stage of a transfer has its own bound,
/// which is usually lower.
pub const FRAME_BYTES: usize = PART_BYTES_MAX as usize + SEAL_OVERHEAD_BYTES;

/// Entries in a manifest. A million is a supported transfer; four leave room, and at 40 bytes an entry
/// beside its name the list stays within 160 MiB.
pub const ENTRIES: usize = 4 * 1024 * 1024;

/// All names and link targets of a manifest together, in bytes.
pub const NAMES_BYTES: usize = 256 * 1024 * 1024;

/// Memory that an entry of an offer costs the receiver besides its path and link target, in bytes: its record,
/// its place in the sorted list, and the decision about it.
pub const ENTRY_MEMORY_BYTES: u64 = 64;

/// Room on a disk that an entry takes besides its contents, in bytes. It counts for size limits.
pub const ENTRY_DISK_BYTES: u64 = 4096;

/// Entries of an offer whose [`ENTRY_DISK_BYTES`] are not counted, so that for most offers only contents count.
pub const ENTRIES_UNCOUNTED: u64 = 1000;

/// Memory for all offers that a process is reading, in bytes. One name (or one network, if senders have no
/// names) gets at most half of it, so that none can keep all others out.
pub const OFFERS_MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// Time within which an offer must arrive, in seconds.
pub const OFFER_SECONDS: u64 = 60;

/// Minimum average speed of an offer that takes longer, in bytes a second.
pub const OFFER_BYTES_PER_SECOND: u64 = 1024;

/// One path from a peer, in bytes: PATH_MAX on Linux.
pub const PATH_BYTES: usize = 4096;

/// One component of a path, in bytes: NAME_MAX on the usual file systems.
pub const COMPONENT_BYTES: usize = 255;

/// Levels of a path. Deep enough for real trees, and shallow enough that no walk over a tree runs out of stack
/// or descriptors.
pub const PATH_LEVELS: usize = 1024;

/// Contents of one file and of a whole stream, in bytes: the largest offset that a file system supports.
pub const STREAM_BYTES: u64 = i64::MAX as u64;

/// Streams (TCP connections) of one session.
pub const STREAMS: u16 = 64;

/// Parts that all streams of one transfer hold at a receiver, one part each, in bytes: with large parts it
/// accepts fewer streams. The largest number of streams has room for parts of 2 MiB.
pub const PARTS_IN_FLIGHT_BYTES: u32 = 128 * 1024 * 1024;

/// Ranges of parts in one message; in an Accept, both `have` and `claims` together. A larger set is sent
/// incompletely: parts omitted from an Accept are sent again, parts omitted from a Missing follow in the next
/// round.
pub const RANGES: usize = 8192;

/// Digests of pieces in one message, 16 bytes each.
pub const DIGESTS: usize = 16_000;

/// Pieces of files that a receiver claims in one transfer: the sender reads and digests each, and the receiver
/// keeps 16 bytes for each, at most 64 MiB. Pieces beyond this number are sent.
pub const CLAIMED_PIECES: u64 = 1 << 22;

/// Part checks in one message, 12 bytes each.
pub const CHECKS: usize = 16 * 1024;

/// Parts whose checks have not arrived: as many as fit into two messages. Where parts come in order there are never
/// more, because a stream of unknown length may never end. Where several streams bring them, more are charged as
/// memory of the offer ([`UNCHECKED_PART_MEMORY_BYTES`]).
pub const CHECKS_OWED: usize = 2 * CHECKS;

/// Memory for a part without its check, or for a check without its part, in bytes: 17 in a hash table, which may be
/// half empty.
pub const UNCHECKED_PART_MEMORY_BYTES: u64 = 40;

/// Failures listed one by one in a Done; further ones are only counted.
pub const FAILURES: usize = 1024;

/// Skipped entries listed one by one in a Done; further ones are only counted.
pub const SKIPS: usize = 1024;

/// New names listed one by one in a Done: as many as fit into a message with the other lists.
pub const NEW_NAMES: usize = 512;

/// Text from a peer (a reason), in bytes.
pub const TEXT_BYTES: usize = 1024;

/// Rounds of sending missing parts before the session is given up: a healthy connection needs one, a failing
/// one a few.
pub const ROUNDS: u32 = 64;

/// Transfers in one session ("send one more?").
pub const TRANSFERS: u32 = 1 << 20;

/// Confirmations that may fail before a one-shot listener ends.
pub const FAILED_PROOFS: u32 = 5;

/// Secret, in bytes: longer than any typed sentence, short enough to read in one go.
pub const SECRET_BYTES: usize = 1024;

/// Versions listed in a dialler's Hello.
pub const VERSIONS: usize = 16;

/// Networks that a listener remembers for wrong guesses, and names proven from a network, at about 100 bytes
/// each; the quietest is forgotten first.
pub const CHARGED_NETWORKS: usize = 4096;

/// Time after the end of a session in which its peer may return with a key of that session, in seconds: longer
/// than it takes to notice a lost connection and to try again.
pub const RETURN_SECONDS: u64 = 120;

/// Sessions of a listener to which peers may return, at about 300 bytes each, plus the nonces
/// ([`RETURN_NONCES`]).
pub const RETURN_TICKETS: usize = 256;

/// Nonces of Hellos, 32 bytes each, that a listener remembers for each session to which a peer may return. The
/// peer makes a new Hello for each try to return, so a Hello with a known nonce is a copy and no return.
pub const RETURN_NONCES: usize = 32;

/// Time that a drop box's session may stall because of its peer, in seconds. Applies to transfers of known
/// size.
pub const STALL_SECONDS: u64 = 600;

/// Sessions for pings only, at one listener: each costs a thread.
pub const PING_SESSIONS: usize = 16;

/// Longest session for pings only, in seconds.
pub const PING_SECONDS: u64 = 60;

/// Connections of a listener whose peers have not proven themselves yet. Each costs one thread with a small
/// stack for at most [`HANDSHAKE_SECONDS`]. As many again may be closed already while their threads have yet to
/// end. When there are twice this number of threads, a new connection is closed at once.
pub const UNPROVEN_CONNECTIONS: usize = 256;

/// Largest growth of deflated contents: 258 bytes from two bits, 1,032 from a byte. An archive that claims more
/// is forged or damaged.
pub const DEFLATE_GROWTH: u64 = 1032;

/// Largest growth of Deflate64 contents: 65,538 bytes from 18 bits.
pub const DEFLATE64_GROWTH: u64 = 29_128;

/// Largest growth of zstd contents: a block of at most 128 KiB takes at least four bytes.
pub const ZSTD_GROWTH: u64 = 32 * 1024;

/// Largest growth of an archive without a person's consent: text shrinks to a tenth, logs to a fiftieth, and
/// contents that shrink further are mostly made for that purpose.
pub const ARCHIVE_GROWTH: u64 = 200;

/// Disk space of a name besides its contents, in bytes: the inode, the entry in its folder, a block. Names
/// beyond [`ARCHIVE_FREE_NAMES`] are charged with it for [`ARCHIVE_GROWTH`].
pub const ARCHIVE_NAME_BYTES: u64 = 4096;

/// Names of an archive that cost nothing.
pub const ARCHIVE_FREE_NAMES: u64 = 1000;

/// Cost of an archive's names below which that cost is not compared with the archive's size, in bytes. The
/// header of a listed entry is too long for its name to grow beyond [`ARCHIVE_GROWTH`], but unlisted folders
/// need no header.
pub const ARCHIVE_NAMES_GROWTH_FROM: u64 = 64 << 20;

/// Contents of an archive below which growth does not matter, in bytes: they are too small to fill a disk.
pub const ARCHIVE_GROWTH_FROM: u64 = 1 << 30;

/// Datagrams of discovery that are read in a second; the system drops further ones. A hundred peers that start
/// at the same moment send 600; reading 2,000 takes 2 % of a core.
pub const DATAGRAMS_PER_SECOND: u32 = 2000;

/// Answers of discovery to one address in a second. A peer asks up to five times a second, and its firewall may
/// admit the answer to only one of these queries, so none may be skipped.
pub const ANSWERS_PER_SOURCE: u32 = 8;

/// Answers of discovery in a second, to all addresses together.
pub const ANSWERS_PER_SECOND: u32 = 50;

/// Peers that discovery remembers; a new peer replaces the one that has been silent for the longest.
pub const FINDS: usize = 64;

/// Addresses that discovery remembers of one peer.
pub const FIND_ADDRESSES: usize = 8;

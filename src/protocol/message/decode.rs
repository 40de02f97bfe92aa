//! Decodes messages from bytes.

use super::super::codec::Reader;
use super::{
    Accept, Bounded, Decline, DeclineReason, Digests, Done, EarlyRound, FLAG_CHECKSUM,
    FLAG_DRY_RUN, FLAG_EARLY, FLAG_VERIFY, Failures, ManifestChunk, Message, MessageError, Missing,
    NewName, Offer, PADDING_BYTES, PartCheck, PartChecks, PartRanges, PeerEntry, PeerFailure,
    PeerText, Ping, RoundEnd, StreamList, StreamNumber, kind,
};
use crate::crypto::{CODE_DIGITS, PieceDigest};
use crate::model::{FailureReason, PartRange, RunId, len32, len64, limits};
use std::ops::RangeBounds;

impl Message {
    /// Decodes one whole message.
    ///
    /// # Errors
    /// [`MessageError`] if the bytes are not exactly one message within [`limits`].
    pub fn decode(bytes: &[u8]) -> Result<Message, MessageError> {
        let most = limits::MESSAGE_BYTES;
        within(bytes.len(), ..=most, "the length of a message")?;
        let mut reader = Reader::new(bytes);
        let message = fields(&mut reader)?;
        reader.finish()?;
        Ok(message)
    }
}

fn fields(reader: &mut Reader<'_>) -> Result<Message, MessageError> {
    Ok(match reader.u8()? {
        kind::READY => Message::Ready,
        kind::OFFER => Message::Offer(offer(reader)?),
        kind::ENTRIES => Message::Entries(chunk(reader)?),
        kind::ACCEPT => Message::Accept(accept(reader)?),
        kind::DECLINE => Message::Decline(decline(reader)?),
        kind::STREAM_END => Message::StreamEnd {
            round: round(reader)?,
        },
        kind::ROUND_END => Message::RoundEnd(round_end(reader)?),
        kind::CHECKS => Message::Checks(checks(reader)?),
        kind::SOURCE_FAILED => Message::SourceFailed(failures(reader)?),
        kind::MISSING => Message::Missing(missing(reader)?),
        kind::DONE => Message::Done(done(reader)?),
        kind::DIGESTS => Message::Digests(digests(reader)?),
        kind::DIFFERS => Message::Differs(ranges(reader)?),
        kind::NEXT => Message::Next,
        kind::BYE => Message::Bye,
        kind::PING => Message::Ping(ping(reader)?),
        kind::PONG => Message::Pong {
            token: reader.u64()?,
            padding: padding(reader)?,
        },
        kind::ABORT => Message::Abort {
            code: reader.u8()?,
            text: text(reader)?,
        },
        kind::CONFIRMED => Message::Confirmed,
        kind::CODE_WANTED => Message::CodeWanted,
        kind::CODE => Message::Code {
            code: code(reader)?,
        },
        unknown => return Err(MessageError::UnknownKind(unknown)),
    })
}

fn code(reader: &mut Reader<'_>) -> Result<[u8; CODE_DIGITS], MessageError> {
    let code: [u8; CODE_DIGITS] = reader.array()?;
    let is_of_digits = code.iter().all(u8::is_ascii_digit);
    check(is_of_digits, "a one-time code that is not of digits")?;
    Ok(code)
}

fn offer(reader: &mut Reader<'_>) -> Result<Offer, MessageError> {
    let transfer = within(
        reader.u32()?,
        ..limits::TRANSFERS,
        "the number of a transfer",
    )?;
    let run = RunId(reader.array()?);
    let part_size = part_size(reader)?;
    let streams = streams(reader)?;
    let flags = reader.u8()?;
    let known = FLAG_VERIFY | FLAG_EARLY | FLAG_CHECKSUM | FLAG_DRY_RUN;
    check(flags & !known == 0, "an unknown flag")?;
    let is_early_question = flags & FLAG_DRY_RUN != 0 && flags & FLAG_EARLY != 0;
    check(!is_early_question, "a question that brings contents")?;
    let most = len32(limits::ENTRIES);
    let entry_count = within(reader.u32()?, ..=most, "the number of entries")?;
    Ok(Offer {
        transfer,
        run,
        part_size,
        streams,
        verify: flags & FLAG_VERIFY != 0,
        checksum: flags & FLAG_CHECKSUM != 0,
        dry_run: flags & FLAG_DRY_RUN != 0,
        entry_count,
        entries: chunk(reader)?,
        early: match flags & FLAG_EARLY {
            0 => None,
            _ => Some(early_round(reader)?),
        },
    })
}

fn early_round(reader: &mut Reader<'_>) -> Result<EarlyRound, MessageError> {
    Ok(EarlyRound {
        crc32: reader.u32()?,
        failures: failures(reader)?,
    })
}

fn accept(reader: &mut Reader<'_>) -> Result<Accept, MessageError> {
    let accept = Accept {
        part_size: part_size(reader)?,
        streams: streams(reader)?,
        have: ranges(reader)?,
        claims: ranges(reader)?,
    };
    let ranges = accept.have.len() + accept.claims.len();
    within(ranges, ..=limits::RANGES, "the number of ranges")?;
    let are_disjoint = are_disjoint(&accept.have, &accept.claims);
    check(are_disjoint, "parts both there and claimed")?;
    Ok(accept)
}

/// Both ascend, so one walk over both finds an overlap.
fn are_disjoint(one: &[PartRange], other: &[PartRange]) -> bool {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    while let (Some(a), Some(b)) = (one.peek(), other.peek()) {
        if a.start + a.length <= b.start {
            one.next();
        } else if b.start + b.length <= a.start {
            other.next();
        } else {
            return false;
        }
    }
    true
}

fn decline(reader: &mut Reader<'_>) -> Result<Decline, MessageError> {
    let reason = DeclineReason::from_code(reader.u8()?);
    Ok(Decline {
        reason: reason.ok_or(MessageError::Value("an unknown reason to decline"))?,
        text: text(reader)?,
    })
}

fn round_end(reader: &mut Reader<'_>) -> Result<RoundEnd, MessageError> {
    let round = round(reader)?;
    let total = match reader.u8()? {
        0 => None,
        1 => {
            let most = limits::STREAM_BYTES;
            Some(within(reader.u64()?, ..=most, "the bytes of a transfer")?)
        }
        _ => return Err(MessageError::Value("neither with nor without a total")),
    };
    Ok(RoundEnd {
        round,
        total,
        streams: stream_list(reader)?,
        checks: checks(reader)?,
    })
}

fn missing(reader: &mut Reader<'_>) -> Result<Missing, MessageError> {
    let round = round(reader)?;
    check(round > 0, "a round that follows none")?;
    let ranges = ranges(reader)?;
    check(!ranges.is_empty(), "a list without parts")?;
    Ok(Missing { round, ranges })
}

fn digests(reader: &mut Reader<'_>) -> Result<Digests, MessageError> {
    let digests: Digests = list(reader, 16, "the number of digests", |reader| {
        Ok(PieceDigest(reader.array()?))
    })?;
    check(!digests.is_empty(), "a list without digests")?;
    Ok(digests)
}

fn done(reader: &mut Reader<'_>) -> Result<Done, MessageError> {
    let done = Done {
        files: reader.u64()?,
        bytes: reader.u64()?,
        same: reader.u64()?,
        skipped: reader.u64()?,
        held: reader.u64()?,
        failed: reader.u64()?,
        failures: failures(reader)?,
        skips: list(reader, 4, "the number of skipped entries", |reader| {
            Ok(PeerEntry(reader.u32()?))
        })?,
        new_names: list(reader, 6, "the number of new names", new_name)?,
    };
    let is_counted =
        len64(done.failures.len()) <= done.failed && len64(done.skips.len()) <= done.skipped;
    check(is_counted, "more entries than there are")?;
    Ok(done)
}

fn new_name(reader: &mut Reader<'_>) -> Result<NewName, MessageError> {
    let entry = PeerEntry(reader.u32()?);
    let length = usize::from(reader.u16()?);
    let name = NewName::new(entry, reader.bytes(length)?);
    name.ok_or(MessageError::Value("a new name that is none"))
}

fn ping(reader: &mut Reader<'_>) -> Result<Ping, MessageError> {
    let token = reader.u64()?;
    let most = len32(PADDING_BYTES);
    let answer_padding = within(reader.u32()?, ..=most, "the padding asked for")?;
    Ok(Ping {
        token,
        answer_padding,
        padding: padding(reader)?,
    })
}

fn round(reader: &mut Reader<'_>) -> Result<u32, MessageError> {
    within(reader.u32()?, ..limits::ROUNDS, "the number of a round")
}

fn part_size(reader: &mut Reader<'_>) -> Result<u32, MessageError> {
    let sizes = limits::PART_BYTES_MIN..=limits::PART_BYTES_MAX;
    within(reader.u32()?, sizes, "the size of a part")
}

fn streams(reader: &mut Reader<'_>) -> Result<u16, MessageError> {
    within(reader.u16()?, 1..=limits::STREAMS, "the number of streams")
}

/// The bound of the whole message also bounds the chunk.
fn chunk(reader: &mut Reader<'_>) -> Result<ManifestChunk, MessageError> {
    let length = reader.u32()? as usize;
    Ok(ManifestChunk::from_peer(reader.bytes(length)?))
}

fn padding(reader: &mut Reader<'_>) -> Result<Vec<u8>, MessageError> {
    let length = reader.u32()? as usize;
    Ok(reader.bytes(length)?.to_vec())
}

fn text(reader: &mut Reader<'_>) -> Result<PeerText, MessageError> {
    let length = usize::from(reader.u16()?);
    within(length, ..=limits::TEXT_BYTES, "the length of a text")?;
    PeerText::from_peer(reader.bytes(length)?)
        .ok_or(MessageError::Value("a text that is not UTF-8"))
}

fn stream_list(reader: &mut Reader<'_>) -> Result<StreamList, MessageError> {
    let mut previous = StreamNumber::FIRST;
    list(reader, 2, "the number of streams", |reader| {
        let stream = StreamNumber::joined(reader.u16()?);
        let stream = stream.filter(|&stream| stream > previous);
        previous = stream.ok_or(MessageError::Value(
            "streams that are not joined or ascending",
        ))?;
        Ok(previous)
    })
}

fn ranges(reader: &mut Reader<'_>) -> Result<PartRanges, MessageError> {
    let mut earliest = 0;
    list(reader, 16, "the number of ranges", |reader| {
        let start = reader.u64()?;
        let length = reader.u64()?;
        let end = start.saturating_add(length);
        within(end, ..=limits::PARTS, "the number of parts")?;
        let is_apart = length > 0 && start >= earliest;
        check(is_apart, "ranges that are empty or not apart")?;
        earliest = end + 1;
        Ok(PartRange { start, length })
    })
}

fn checks(reader: &mut Reader<'_>) -> Result<PartChecks, MessageError> {
    list(reader, 12, "the number of checks", |reader| {
        Ok(PartCheck {
            index: reader.u64()?,
            crc32: reader.u32()?,
        })
    })
}

fn failures(reader: &mut Reader<'_>) -> Result<Failures, MessageError> {
    list(reader, 5, "the number of failures", |reader| {
        let entry = reader.u32()?;
        let reason = FailureReason::from_code(reader.u8()?);
        Ok(PeerFailure {
            entry,
            reason: reason.ok_or(MessageError::Value("an unknown reason to fail"))?,
        })
    })
}

/// A counted list. Nothing is allocated before the count is within its bound and all announced bytes are
/// present.
fn list<T, const MAX: usize>(
    reader: &mut Reader<'_>,
    item_bytes: usize,
    what: &'static str,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<T, MessageError>,
) -> Result<Bounded<T, MAX>, MessageError> {
    let count = within(reader.u32()? as usize, ..=MAX, what)?;
    if reader.remaining() < count * item_bytes {
        return Err(super::CodecError::Short.into());
    }
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(item(reader)?);
    }
    Ok(Bounded::counted(items))
}

/// Returns the number if it is within its bound.
fn within<N: PartialOrd>(
    number: N,
    bound: impl RangeBounds<N>,
    what: &'static str,
) -> Result<N, MessageError> {
    match bound.contains(&number) {
        true => Ok(number),
        false => Err(MessageError::Limit(what)),
    }
}

/// Checks a value. `what` describes one that is impossible.
fn check(holds: bool, what: &'static str) -> Result<(), MessageError> {
    match holds {
        true => Ok(()),
        false => Err(MessageError::Value(what)),
    }
}

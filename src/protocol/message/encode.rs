//! Encodes messages as bytes.

use super::super::codec::Writer;
use super::{
    Accept, Bounded, Done, FLAG_CHECKSUM, FLAG_DRY_RUN, FLAG_EARLY, FLAG_VERIFY, Failures, Message,
    Offer, PADDING_BYTES, PartChecks, PartRanges, PeerText, RoundEnd, kind,
};
use crate::model::{len16, len32};

impl Message {
    /// Appends the message to `buffer`: at most [`crate::model::limits::MESSAGE_BYTES`].
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        let mut writer = Writer::new(buffer);
        let writer = &mut writer;
        match self {
            Message::Ready => writer.u8(kind::READY),
            Message::Offer(offer) => offer.encode(writer),
            Message::Entries(chunk) => {
                writer.u8(kind::ENTRIES);
                long_bytes(writer, chunk.as_bytes());
            }
            Message::Accept(accept) => accept.encode(writer),
            Message::Decline(decline) => {
                writer.u8(kind::DECLINE);
                writer.u8(decline.reason as u8);
                short_text(writer, &decline.text);
            }
            Message::StreamEnd { round } => {
                writer.u8(kind::STREAM_END);
                writer.u32(*round);
            }
            Message::RoundEnd(end) => end.encode(writer),
            Message::Checks(list) => {
                writer.u8(kind::CHECKS);
                checks(writer, list);
            }
            Message::SourceFailed(list) => {
                writer.u8(kind::SOURCE_FAILED);
                failures(writer, list);
            }
            Message::Missing(missing) => {
                writer.u8(kind::MISSING);
                writer.u32(missing.round);
                ranges(writer, &missing.ranges);
            }
            Message::Digests(list) => {
                writer.u8(kind::DIGESTS);
                count(writer, list);
                list.iter().for_each(|digest| writer.bytes(&digest.0));
            }
            Message::Differs(list) => {
                writer.u8(kind::DIFFERS);
                ranges(writer, list);
            }
            Message::Done(done) => done.encode(writer),
            Message::Next => writer.u8(kind::NEXT),
            Message::Bye => writer.u8(kind::BYE),
            Message::Ping(ping) => {
                writer.u8(kind::PING);
                writer.u64(ping.token);
                writer.u32(ping.answer_padding.min(len32(PADDING_BYTES)));
                pad(writer, &ping.padding);
            }
            Message::Pong { token, padding } => {
                writer.u8(kind::PONG);
                writer.u64(*token);
                pad(writer, padding);
            }
            Message::Abort { code, text } => {
                writer.u8(kind::ABORT);
                writer.u8(*code);
                short_text(writer, text);
            }
            Message::Confirmed => writer.u8(kind::CONFIRMED),
            Message::CodeWanted => writer.u8(kind::CODE_WANTED),
            Message::Code { code } => {
                writer.u8(kind::CODE);
                writer.bytes(code);
            }
        }
    }
}

impl Offer {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u8(kind::OFFER);
        writer.u32(self.transfer);
        writer.bytes(&self.run.0);
        writer.u32(self.part_size);
        writer.u16(self.streams);
        writer.u8(self.flags());
        writer.u32(self.entry_count);
        long_bytes(writer, self.entries.as_bytes());
        if let Some(early) = &self.early {
            writer.u32(early.crc32);
            failures(writer, &early.failures);
        }
    }

    fn flags(&self) -> u8 {
        let flags = [
            (self.verify, FLAG_VERIFY),
            (self.early.is_some(), FLAG_EARLY),
            (self.checksum, FLAG_CHECKSUM),
            (self.dry_run, FLAG_DRY_RUN),
        ];
        let set = flags.iter().filter(|(is_set, _)| *is_set);
        set.fold(0, |flags, (_, flag)| flags | flag)
    }
}

impl Accept {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u8(kind::ACCEPT);
        writer.u32(self.part_size);
        writer.u16(self.streams);
        ranges(writer, &self.have);
        ranges(writer, &self.claims);
    }
}

impl RoundEnd {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u8(kind::ROUND_END);
        writer.u32(self.round);
        match self.total {
            None => writer.u8(0),
            Some(total) => {
                writer.u8(1);
                writer.u64(total);
            }
        }
        count(writer, &self.streams);
        self.streams
            .iter()
            .for_each(|stream| writer.u16(stream.get()));
        checks(writer, &self.checks);
    }
}

impl Done {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u8(kind::DONE);
        writer.u64(self.files);
        writer.u64(self.bytes);
        writer.u64(self.same);
        writer.u64(self.skipped);
        writer.u64(self.held);
        writer.u64(self.failed);
        failures(writer, &self.failures);
        count(writer, &self.skips);
        self.skips.iter().for_each(|entry| writer.u32(entry.0));
        count(writer, &self.new_names);
        for new in self.new_names.iter() {
            writer.u32(new.entry.0);
            writer.u16(len16(new.as_bytes().len()));
            writer.bytes(new.as_bytes());
        }
    }
}

fn count<T, const MAX: usize>(writer: &mut Writer<'_>, list: &Bounded<T, MAX>) {
    writer.u32(len32(list.len()));
}

fn ranges(writer: &mut Writer<'_>, list: &PartRanges) {
    count(writer, list);
    for range in list.iter() {
        writer.u64(range.start);
        writer.u64(range.length);
    }
}

fn checks(writer: &mut Writer<'_>, list: &PartChecks) {
    count(writer, list);
    for check in list.iter() {
        writer.u64(check.index);
        writer.u32(check.crc32);
    }
}

fn failures(writer: &mut Writer<'_>, list: &Failures) {
    count(writer, list);
    for failure in list.iter() {
        writer.u32(failure.entry);
        writer.u8(failure.reason as u8);
    }
}

fn short_text(writer: &mut Writer<'_>, text: &PeerText) {
    writer.u16(len16(text.as_bytes().len()));
    writer.bytes(text.as_bytes());
}

fn long_bytes(writer: &mut Writer<'_>, bytes: &[u8]) {
    writer.u32(len32(bytes.len()));
    writer.bytes(bytes);
}

fn pad(writer: &mut Writer<'_>, padding: &[u8]) {
    long_bytes(writer, padding.get(..PADDING_BYTES).unwrap_or(padding));
}

//! What a sender says at the end of a round.

use crate::model::EntryFailure;
use crate::protocol::{Bounded, Message, PartCheck, PartChecks, PeerFailure, RoundEnd, StreamList};
use crate::session::connection::channel::MessageWriter;
use crate::session::error::SessionError;
use crate::session::send::part_queue::ClosedRound;

/// Queues what there is to say of files that failed.
///
/// # Errors
/// [`SessionError`] when something cannot be sealed.
pub(crate) fn queue_failures(
    writer: &mut MessageWriter,
    failures: &[EntryFailure],
) -> Result<(), SessionError> {
    let mut failed = failures.iter().copied().map(PeerFailure::from).peekable();
    while failed.peek().is_some() {
        writer.queue(&Message::SourceFailed(Bounded::take_from(&mut failed)))?;
    }
    Ok(())
}

/// Queues what ends a round on the first stream: checks and failures, as many messages as they need,
/// and the RoundEnd with the last checks and, where that was not known before, the length of it all.
///
/// # Errors
/// [`SessionError`] when something cannot be sealed, or the connection is gone.
pub(crate) fn queue_round_end(
    writer: &mut MessageWriter,
    closed: ClosedRound,
    total: Option<u64>,
    checks: &mut Vec<PartCheck>,
    failures: &[EntryFailure],
) -> Result<(), SessionError> {
    queue_failures(writer, failures)?;
    let mut checks = checks.drain(..).peekable();
    let mut last = PartChecks::take_from(&mut checks);
    while checks.peek().is_some() {
        writer.send(&Message::Checks(last))?;
        last = PartChecks::take_from(&mut checks);
    }
    writer.queue(&Message::RoundEnd(RoundEnd {
        round: closed.round,
        total,
        streams: StreamList::take_from(&mut closed.streams.into_iter()),
        checks: last,
    }))
}

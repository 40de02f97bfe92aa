//! Compares the parts that this side claims to have with the sender's digests, while other parts arrive.

use crate::crypto::{DigestKey, PieceDigest};
use crate::disk::{Checked, ClaimChecker, Staging};
use crate::model::{Manifest, PartIndex, PartLayout, PartRange, PartSet};
use crate::protocol::{Digests, Message, PartRanges, piece_digest};
use crate::session::connection::channel::{MessageWriter, ensure_due};
use crate::session::connection::clock::Liveness;
use crate::session::connection::end_cause::EndCause;
use crate::session::error::Error;
use crate::session::sync::{Monitor, lock};
use crate::session::threads::{on_threads, threads_within};
use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a thread collects parts that differ before it reports them. Early reports let the sender send them
/// while the rest is compared; few messages cost little.
const NAME_AFTER: Duration = Duration::from_millis(50);

/// The most threads that compare, each with one part in memory. Two already digest faster than most disks read.
const THREADS: usize = 4;

/// The claims of one transfer, shared by the thread that receives digests and those that compare.
pub(crate) struct Verifier<'a> {
    staging: &'a Staging,
    manifest: &'a Manifest,
    layout: PartLayout,
    transfer: u32,
    key: DigestKey,
    claims: PartSet,
    pieces: usize,
    state: Monitor<VerifierState>,
}

#[derive(Default)]
struct VerifierState {
    /// The digests received so far, for the pieces in the order of the stream.
    digests: Vec<PieceDigest>,
    /// Whether nothing is left to compare.
    is_stopped: bool,
    /// Whether all claims were compared.
    is_done: bool,
    /// Bytes that were compared and need not be sent.
    held: u64,
}

impl<'a> Verifier<'a> {
    /// A verifier of `claims` that has compared nothing yet.
    pub(crate) fn new(
        staging: &'a Staging,
        manifest: &'a Manifest,
        transfer: u32,
        key: DigestKey,
        claims: PartSet,
    ) -> Self {
        let layout = staging.layout();
        let pieces = claimed_parts(&claims, layout, manifest).map(|(_, pieces)| pieces.len());
        let pieces = pieces.sum();
        Verifier {
            staging,
            manifest,
            layout,
            transfer,
            key,
            claims,
            pieces,
            state: Monitor::default(),
        }
    }

    /// Takes digests that came.
    ///
    /// # Errors
    /// [`Error::NotVerified`] if there are more digests than claimed pieces.
    pub(crate) fn take(&self, digests: Digests) -> Result<(), Error> {
        self.state.change(|state| {
            state.digests.extend(digests);
            let has_room = state.digests.len() <= self.pieces;
            ensure_due(has_room, "more digests than pieces")
        })
    }

    /// All digests have come. Waits until everything was compared.
    ///
    /// # Errors
    /// [`Error::NotVerified`] when digests are missing.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        let are_all_here = self.state.lock().digests.len() >= self.pieces;
        ensure_due(are_all_here, "too few digests")?;
        if self.is_idle() {
            return Ok(());
        }
        drop(self.state.wait_while(|state| !state.is_done));
        Ok(())
    }

    /// Ends the comparison.
    pub(crate) fn stop(&self) {
        self.state.change(|state| state.is_stopped = true);
    }

    /// Bytes that were proved to be here and need not be sent.
    pub(crate) fn held(&self) -> u64 {
        self.state.lock().held
    }

    /// Compares parts in a few threads as their digests come, and reports those that differ and the end of the
    /// comparison to the sender. An error of the disk ends the session. `held` is called with the bytes of each
    /// part that is here. The sender waits for the end of the comparison, so each part counts as progress for
    /// `liveness`.
    pub(crate) fn run(
        &self,
        writer: &Mutex<MessageWriter>,
        cause: &EndCause,
        liveness: &Liveness,
        held: impl Fn(u64) + Sync,
    ) {
        let work = Mutex::new(self.claimed_parts());
        let compared = |bytes| {
            liveness.stall.moved();
            held(bytes);
        };
        on_threads(threads_within(THREADS), || {
            if let Err(error) = self.compare_all(&work, writer, &compared) {
                cause.raise(error);
                self.stop();
            }
        });
        if !self.state.lock().is_stopped
            && let Err(error) = send(PartRanges::default(), writer)
        {
            cause.raise(error);
        }
        self.state.change(|state| state.is_done = true);
    }

    /// Whether nothing is claimed.
    pub(crate) fn is_idle(&self) -> bool {
        self.pieces == 0
    }

    fn compare_all(
        &self,
        work: &Mutex<impl Iterator<Item = (PartIndex, Range<usize>)>>,
        writer: &Mutex<MessageWriter>,
        compared: &impl Fn(u64),
    ) -> Result<(), Error> {
        let mut checker = self.staging.checker();
        let mut differing = Vec::new();
        let mut named = Instant::now();
        let next = || lock(work).next();
        while let Some((part, pieces)) = next() {
            if self.state.lock().is_stopped {
                return Ok(());
            }
            let digests = match self.digests(&pieces) {
                Some(digests) => digests,
                None => {
                    name(&mut differing, writer)?;
                    let Some(digests) = self.wait_for_digests(&pieces) else {
                        return Ok(());
                    };
                    digests
                }
            };
            let mut here = 0;
            match self.compare(&mut checker, part, &digests)? {
                Checked::Held(bytes) => {
                    self.state.change(|state| state.held += bytes);
                    here = self.layout.length(part) as u64;
                }
                Checked::Differs => differing.push(part),
                Checked::Arrived => {}
            }
            compared(here);
            if named.elapsed() >= NAME_AFTER {
                name(&mut differing, writer)?;
                named = Instant::now();
            }
        }
        name(&mut differing, writer)
    }

    /// Compares parts again that counted as here until a file in them turned out to differ from the old one. Parts
    /// that were not claimed or that differ are taken back.
    ///
    /// # Errors
    /// The disk's error.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        loop {
            let unsettled = self.staging.take_unsettled();
            if unsettled.len() == 0 {
                return Ok(());
            }
            self.settle_parts(&unsettled)?;
        }
    }

    fn settle_parts(&self, unsettled: &PartSet) -> Result<(), Error> {
        let mut checker = self.staging.checker();
        for (part, pieces) in self.claimed_parts() {
            if unsettled.contains(part)
                && let Some(digests) = self.digests(&pieces)
                && let Checked::Held(bytes) = self.compare(&mut checker, part, &digests)?
            {
                self.state.change(|state| state.held += bytes);
            }
        }
        let present = self.staging.present();
        for part in unsettled.parts(self.layout) {
            if !present.contains(part) {
                self.staging.forget_part(part)?;
            }
        }
        Ok(())
    }

    fn compare(
        &self,
        checker: &mut ClaimChecker<'_>,
        part: PartIndex,
        digests: &[PieceDigest],
    ) -> Result<Checked, Error> {
        let checked = checker.check(part, |number, segment, bytes| {
            piece_digest(&self.key, self.transfer, segment, bytes) == digests[number]
        });
        Ok(checked?)
    }

    fn claimed_parts(&self) -> impl Iterator<Item = (PartIndex, Range<usize>)> + '_ {
        claimed_parts(&self.claims, self.layout, self.manifest)
    }

    /// The digests of these pieces; `None` if they have not come yet.
    fn digests(&self, pieces: &Range<usize>) -> Option<Vec<PieceDigest>> {
        let state = self.state.lock();
        Some(state.digests.get(pieces.clone())?.to_vec())
    }

    /// Waits for the digests of these pieces; `None` if nothing is left to compare.
    fn wait_for_digests(&self, pieces: &Range<usize>) -> Option<Vec<PieceDigest>> {
        let state = self
            .state
            .wait_while(|state| !state.is_stopped && state.digests.len() < pieces.end);
        match state.is_stopped {
            true => None,
            false => Some(state.digests[pieces.clone()].to_vec()),
        }
    }
}

/// Tells the sender which parts differ, so that it sends them in this round.
fn name(differing: &mut Vec<PartIndex>, writer: &Mutex<MessageWriter>) -> Result<(), Error> {
    let mut ranges: Vec<PartRange> = Vec::new();
    for part in differing.drain(..) {
        match ranges.last_mut() {
            Some(last) if last.start + last.length == part.get() => last.length += 1,
            _ => ranges.push(PartRange {
                start: part.get(),
                length: 1,
            }),
        }
    }
    match ranges.is_empty() {
        true => Ok(()),
        false => send(PartRanges::take_from(&mut ranges.into_iter()), writer),
    }
}

fn send(differing: PartRanges, writer: &Mutex<MessageWriter>) -> Result<(), Error> {
    match lock(writer).send(&Message::Differs(differing)) {
        // The thread that reads the connection notices this, too, and knows the peer's last message.
        Err(Error::Lost { .. }) => Ok(()),
        sent => sent,
    }
}

/// The claimed parts, each with the range of its pieces among all claimed pieces.
fn claimed_parts<'a>(
    claims: &'a PartSet,
    layout: PartLayout,
    manifest: &'a Manifest,
) -> impl Iterator<Item = (PartIndex, Range<usize>)> + 'a {
    let mut first = 0;
    claims.parts(layout).map(move |part| {
        let pieces = first..first + layout.segments(manifest, part).count();
        first = pieces.end;
        (part, pieces)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SealingKeys;
    use crate::disk::{Destination, Durability, Plan, PlanRules};
    use crate::model::{Existing, FileSize, ManifestBuilder, Mode, Mtime, TransferId, limits};
    use crate::protocol::StreamNumber;
    use crate::session::connection::patience::Patience;
    use crate::session::connection::transport::Connection;
    use std::net::{TcpListener, TcpStream};
    use std::path::Path;
    use std::sync::Arc;
    use std::thread;

    const PART: u32 = limits::PART_BYTES_MIN;
    const PARTS: usize = 20;

    /// Stages a file that replaces an older one and claims all parts of it.
    fn claimed(folder: &Path) -> (Staging, Arc<Manifest>) {
        let bytes = PARTS * PART as usize;
        std::fs::write(folder.join("file"), vec![1; bytes]).unwrap();
        let mut builder = ManifestBuilder::new();
        let (size, mode) = (FileSize::Known(bytes as u64), Mode::from_bits(0o644));
        builder
            .push_file(b"file", size, Mtime::default(), mode)
            .unwrap();
        let manifest = Arc::new(builder.finish().unwrap());
        let destination = Destination::locate(folder).unwrap();
        let rules = PlanRules {
            existing: Existing::Overwrite,
            ..PlanRules::default()
        };
        let plan = Plan::decide(&manifest, &destination, rules).unwrap();
        let (id, shared) = (TransferId([7; 16]), Arc::clone(&manifest));
        let staging = Staging::open(&destination, id, shared, plan, PART, Durability::Normal);
        (staging.unwrap(), manifest)
    }

    fn writer() -> (Mutex<MessageWriter>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let patience = Patience::WhileAlive(Arc::new(Liveness::new(Duration::from_secs(60))));
        let connection = Connection::new(stream, patience, Arc::default()).unwrap();
        let keys = SealingKeys::of_no_session();
        let writer = MessageWriter::new(connection, keys, StreamNumber::FIRST);
        (Mutex::new(writer), listener.accept().unwrap().0)
    }

    /// How long a session counts as stalled before and after its claims, all of them false, are compared.
    fn stalled(is_stopped: bool) -> [Duration; 2] {
        let folder = tempfile::tempdir().unwrap();
        let (staging, manifest) = claimed(folder.path());
        let claims = staging.claims();
        assert_eq!(claims.len(), PARTS as u64);
        let key = DigestKey::of_no_session();
        let verifier = Verifier::new(&staging, &manifest, 0, key, claims);
        let mut digests = vec![PieceDigest([9; 16]); verifier.pieces].into_iter();
        verifier.take(Digests::take_from(&mut digests)).unwrap();
        if is_stopped {
            verifier.stop();
        }
        let liveness = Liveness::new(Duration::from_secs(60));
        let waiting = liveness.stall.wait();
        thread::sleep(Duration::from_millis(20));
        drop(waiting);
        let before = liveness.stall.stalled();
        let ((writer, _peer), cause) = (writer(), EndCause::default());
        verifier.run(&writer, &cause, &liveness, |_| {});
        assert!(!cause.is_raised() && verifier.held() == 0);
        [before, liveness.stall.stalled()]
    }

    #[test]
    fn a_comparison_is_no_standing_still_even_where_nothing_is_the_same() {
        let [before, after] = stalled(false);
        assert!(before > Duration::ZERO);
        assert_eq!(after, Duration::ZERO);
    }

    #[test]
    fn a_comparison_that_is_stopped_compares_no_more() {
        let [before, after] = stalled(true);
        assert_eq!(before, after);
    }
}

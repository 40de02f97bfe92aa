//! Contents that are read or produced once, while they are sent. A thread fills parts, and the transfer takes them
//! in order.

use crate::disk::ArchiveSink;
use crate::session::error::Error;
use crate::session::sync::Monitor;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// Full parts that wait to be sent. A feed holds two more in memory: the one being filled and the one being sent.
const WAITING: usize = 1;

/// Writes all contents and returns. An error never counts as the end of the contents.
pub(crate) type Producer = Box<dyn FnOnce(&mut PartSink) -> Result<(), Error> + Send>;

/// Contents on their way into a transfer.
pub(crate) struct Feed {
    queue: Arc<Monitor<FeedState>>,
}

impl Feed {
    /// Starts to produce parts of `part_size` bytes. Nobody waits for the thread: a producer that is blocked
    /// when the feed is closed ends when its call returns.
    ///
    /// # Errors
    /// [`Error::System`] when the system has no thread to give.
    pub(crate) fn start(producer: Producer, part_size: u32) -> Result<Feed, Error> {
        let queue = Arc::<Monitor<FeedState>>::default();
        let mut sink = PartSink {
            queue: Arc::clone(&queue),
            part: Vec::new(),
            part_size: part_size as usize,
        };
        let work = move || {
            let produced = producer(&mut sink);
            sink.end(produced);
        };
        let thread = std::thread::Builder::new().name("feed".into());
        match thread.spawn(work) {
            Ok(_) => Ok(Feed { queue }),
            Err(source) => Err(Error::System { source }),
        }
    }

    /// A feed without contents, for a receiver that wants none.
    pub(crate) fn unwanted() -> Feed {
        let feed = Feed {
            queue: Arc::default(),
        };
        feed.queue.lock().end = Some(Ok(()));
        feed
    }

    /// Waits for the next part and puts it into `part`, reusing its memory. Every part but the last is full, and
    /// none is empty. False at the end of the contents, or when the feed is closed.
    ///
    /// # Errors
    /// The producer's error, after all parts that it made before.
    pub(crate) fn next(&self, part: &mut Vec<u8>) -> Result<bool, Error> {
        let mut state = self.queue.wait_while(|state| {
            !state.is_closed && state.end.is_none() && state.waiting.is_empty()
        });
        if state.is_closed {
            return Ok(false);
        }
        if let Some(next) = state.waiting.pop_front() {
            state.spare = Some(std::mem::replace(part, next));
            self.queue.notify();
            return Ok(true);
        }
        match state.end.replace(Ok(())) {
            Some(Err(error)) => Err(error),
            _ => Ok(false),
        }
    }

    /// Ends the feed: a thread that waits for a part returns, and so does the producer at its next part.
    pub(crate) fn close(&self) {
        self.queue.change(|state| state.is_closed = true);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.close();
    }
}

#[derive(Default)]
struct FeedState {
    waiting: VecDeque<Vec<u8>>,
    /// The buffer of a part that was sent, for the next one.
    spare: Option<Vec<u8>>,
    /// How the producer ended. Reported after all waiting parts.
    end: Option<Result<(), Error>>,
    is_closed: bool,
}

/// Where a producer writes. Bytes that don't fill a part wait for more.
pub(crate) struct PartSink {
    queue: Arc<Monitor<FeedState>>,
    part: Vec<u8>,
    part_size: usize,
}

impl PartSink {
    /// Reads `reader` to its end.
    ///
    /// # Errors
    /// What reading fails with. A closed feed is no error.
    pub(crate) fn read_all(&mut self, reader: &mut dyn Read) -> io::Result<()> {
        loop {
            self.part.reserve_exact(self.part_size - self.part.len());
            let room = (self.part_size - self.part.len()) as u64;
            let came = (&mut *reader).take(room).read_to_end(&mut self.part)?;
            if (came as u64) < room {
                return Ok(());
            }
            if !self.pass_on() {
                return Ok(());
            }
        }
    }

    /// Waits for room and passes the part on; false when the feed is closed.
    fn pass_on(&mut self) -> bool {
        let mut state = self
            .queue
            .wait_while(|state| !state.is_closed && state.waiting.len() >= WAITING);
        if state.is_closed {
            return false;
        }
        let mut empty = state.spare.take().unwrap_or_default();
        empty.clear();
        state
            .waiting
            .push_back(std::mem::replace(&mut self.part, empty));
        self.queue.notify();
        true
    }

    fn end(&mut self, produced: Result<(), Error>) {
        // After an error, the bytes so far are not sent: they must not look like the last part.
        if produced.is_ok() && !self.part.is_empty() {
            self.pass_on();
        }
        self.queue.change(|state| {
            state.end.get_or_insert(produced);
        });
    }
}

impl Write for PartSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.part_size - self.part.len();
        let taken = bytes.len().min(room);
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == self.part_size && !self.pass_on() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(taken)
    }

    /// Does nothing: a part that is not full cannot be sent before the end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes cannot be taken back: they have gone to the transfer.
impl ArchiveSink for PartSink {}

impl Drop for PartSink {
    /// A producer that panicked has not ended properly.
    fn drop(&mut self) {
        let source = io::Error::other("a bug ended the producer of the contents");
        self.end(Err(Error::System { source }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u32 = 8;

    fn all(feed: &Feed) -> Result<Vec<Vec<u8>>, Error> {
        let (mut parts, mut part) = (Vec::new(), Vec::new());
        while feed.next(&mut part)? {
            parts.push(part.clone());
        }
        Ok(parts)
    }

    fn read(bytes: &'static [u8]) -> Vec<Vec<u8>> {
        let producer = |sink: &mut PartSink| {
            let mut trickle = bytes
                .chunks(3)
                .fold(Box::new(io::empty()) as Box<dyn Read>, |before, piece| {
                    Box::new(before.chain(piece))
                });
            sink.read_all(&mut trickle).map_err(Error::lost)
        };
        all(&Feed::start(Box::new(producer), SIZE).unwrap()).unwrap()
    }

    #[test]
    fn every_part_is_full_but_the_last_and_none_is_empty() {
        assert_eq!(read(b""), Vec::<Vec<u8>>::new());
        assert_eq!(read(b"1234567"), [b"1234567"]);
        assert_eq!(read(b"12345678"), [b"12345678"]);
        let parts = read(b"12345678abcdefgh.");
        assert_eq!(parts, [&b"12345678"[..], b"abcdefgh", b"."]);
    }

    #[test]
    fn what_is_written_comes_in_parts_as_well() {
        let producer = |sink: &mut PartSink| {
            for _ in 0..7 {
                sink.write_all(b"abc").map_err(Error::lost)?;
            }
            Ok(())
        };
        let feed = Feed::start(Box::new(producer), SIZE).unwrap();
        let parts = all(&feed).unwrap();
        assert_eq!(parts.concat(), b"abc".repeat(7));
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 5]);
        assert!(!feed.next(&mut Vec::new()).unwrap(), "the end stays");
    }

    #[test]
    fn an_error_is_no_end_and_what_came_before_it_no_last_part() {
        let producer = |sink: &mut PartSink| {
            sink.write_all(b"12345678abc").map_err(Error::lost)?;
            Err(Error::Cancelled)
        };
        let feed = Feed::start(Box::new(producer), SIZE).unwrap();
        let mut part = Vec::new();
        assert!(feed.next(&mut part).unwrap());
        assert_eq!(part, b"12345678");
        assert!(matches!(feed.next(&mut part), Err(Error::Cancelled)));
    }

    #[test]
    fn a_panic_is_no_end() {
        let producer = |sink: &mut PartSink| {
            sink.part.push(1);
            std::panic::resume_unwind(Box::new("on purpose"));
        };
        let feed = Feed::start(Box::new(producer), SIZE).unwrap();
        assert!(matches!(all(&feed), Err(Error::System { .. })));
    }

    #[test]
    fn a_closed_feed_lets_both_sides_go() {
        let (told, ended) = std::sync::mpsc::channel();
        let producer = move |sink: &mut PartSink| {
            let result = sink.read_all(&mut io::repeat(0));
            told.send(result.is_ok()).unwrap();
            Ok(())
        };
        let feed = Feed::start(Box::new(producer), SIZE).unwrap();
        assert!(feed.next(&mut Vec::new()).unwrap());
        feed.close();
        assert!(!feed.next(&mut Vec::new()).unwrap());
        assert!(ended.recv().unwrap());
        assert!(!Feed::unwanted().next(&mut Vec::new()).unwrap());
    }
}

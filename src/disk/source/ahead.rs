//! Lists folders on a second thread, before the walk comes to them.

use super::SourceOptions;
use super::lister::{Folder, FolderOutcome, Lister};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

/// The second thread. It starts when it gets its first folder; without it the walk lists everything.
pub(super) struct Lookahead<'a> {
    options: &'a SourceOptions,
    desk: Arc<Desk>,
    /// `None` before the first folder, and if the system provides no thread.
    thread: Option<JoinHandle<()>>,
    asked: u64,
}

/// A folder that was handed to the second thread.
pub(super) struct Asked {
    number: u64,
    outcome: Receiver<FolderOutcome>,
}

/// The queue of folders.
#[derive(Default)]
struct Desk {
    state: Mutex<LookaheadState>,
    changed: Condvar,
}

#[derive(Default)]
struct LookaheadState {
    waiting: Vec<Order>,
    is_closed: bool,
}

struct Order {
    number: u64,
    folder: Folder,
    outcome: SyncSender<FolderOutcome>,
}

impl<'a> Lookahead<'a> {
    pub(super) fn new(options: &'a SourceOptions) -> Self {
        Lookahead {
            options,
            desk: Arc::default(),
            thread: None,
            asked: 0,
        }
    }

    /// Hands a folder to the second thread; `None` if there is none.
    pub(super) fn ask(&mut self, folder: Folder) -> Option<Asked> {
        if self.thread.is_none() {
            let (desk, options) = (Arc::clone(&self.desk), self.options.clone());
            let work = move || desk.work(&Lister::new(&options));
            self.thread = Some(Builder::new().spawn(work).ok()?);
        }
        self.asked += 1;
        let (sender, outcome) = sync_channel(1);
        let number = self.asked;
        self.desk.lock().waiting.push(Order {
            number,
            folder,
            outcome: sender,
        });
        self.desk.changed.notify_one();
        Some(Asked { number, outcome })
    }

    /// The listing; `None` if the second thread has not begun it. The request is then withdrawn.
    pub(super) fn listed(&self, asked: Asked) -> Option<FolderOutcome> {
        let mut state = self.desk.lock();
        let is_it = |order: &Order| order.number == asked.number;
        if let Some(at) = state.waiting.iter().rposition(is_it) {
            state.waiting.remove(at);
            return None;
        }
        drop(state);
        asked.outcome.recv().ok()
    }
}

impl Drop for Lookahead<'_> {
    fn drop(&mut self) {
        let mut state = self.desk.lock();
        state.is_closed = true;
        state.waiting.clear();
        drop(state);
        self.desk.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported, and the walk has listed the folder itself.
            let _ = thread.join();
        }
    }
}

impl Desk {
    /// Lists folders until the queue is closed. The last one is needed first.
    fn work(&self, lister: &Lister<'_>) {
        let mut state = self.lock();
        while !state.is_closed {
            let Some(order) = state.waiting.pop() else {
                let woken = self.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            // If the scan has failed meanwhile, the receiving end is gone.
            let _ = order.outcome.send(lister.list(order.folder));
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, LookaheadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::source::argument::{Root, Top};
    use std::thread;

    fn root(path: &std::path::Path) -> Root {
        Root {
            path: path.into(),
            first: 0,
            top: Top::Contents,
        }
    }

    #[test]
    fn a_request_that_was_not_begun_is_withdrawn() {
        let options = SourceOptions::default();
        let root = root(&std::env::temp_dir());
        let mut ahead = Lookahead::new(&options);
        ahead.thread = Some(thread::spawn(|| {}));
        let asked = [b"a", b"b"].map(|wire| ahead.ask(Folder::at(&root, wire, 1)).unwrap());
        for asked in asked {
            assert!(ahead.listed(asked).is_none());
        }
        assert!(ahead.desk.lock().waiting.is_empty());
    }

    #[test]
    fn folders_are_listed_on_the_second_thread() {
        let options = SourceOptions::default();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let root = root(folder.path());
        let mut ahead = Lookahead::new(&options);
        let asked = ahead.ask(Folder::at(&root, b"", 1)).unwrap();
        while !ahead.desk.lock().waiting.is_empty() {
            thread::yield_now();
        }
        let listed = ahead.listed(asked).unwrap().unwrap().unwrap();
        assert_eq!(listed.listing.get(0).unwrap().0, b"file");
        let asked = ahead.ask(Folder::at(&root, b"", 0)).unwrap();
        while !ahead.desk.lock().waiting.is_empty() {
            thread::yield_now();
        }
        assert!(ahead.listed(asked).unwrap().is_err());
    }
}

//! The question for an address while the search for a peer with the same code goes on.

use super::conversation::Conversation;
use crate::model::Existing;
use crate::session::sync::lock;
use crate::session::{
    Acceptance, Cancel, Conflicts, Event, Expansion, OfferSummary, Operator, PeerAddress, Reception,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// An operator that asks for the address of a peer that is not found, and takes the question back when the peer is
/// found.
pub(super) struct AddressQuestion<'scope, 'env> {
    inner: &'env dyn Operator,
    conversation: &'env Conversation<'env>,
    scope: &'scope Scope<'scope, 'env>,
    cancel: Cancel,
    is_wanted: Arc<AtomicBool>,
    asking: Mutex<Option<ScopedJoinHandle<'scope, ()>>>,
    typed: Arc<Mutex<Option<PeerAddress>>>,
}

impl<'scope, 'env> AddressQuestion<'scope, 'env> {
    /// A typed address cancels the search with `cancel`.
    pub(super) fn new(
        inner: &'env dyn Operator,
        conversation: &'env Conversation<'env>,
        scope: &'scope Scope<'scope, 'env>,
        cancel: &Cancel,
    ) -> Self {
        AddressQuestion {
            inner,
            conversation,
            scope,
            cancel: cancel.clone(),
            is_wanted: Arc::new(AtomicBool::new(true)),
            asking: Mutex::default(),
            typed: Arc::default(),
        }
    }

    /// The address that was typed, if any. The question is taken back.
    pub(super) fn address(&self) -> Option<PeerAddress> {
        self.take_back();
        lock(&self.typed).take()
    }

    fn take_back(&self) {
        self.is_wanted.store(false, Ordering::SeqCst);
        if let Some(asking) = lock(&self.asking).take() {
            // Only a panic makes this fail, and then the thread is over, too.
            let _ = asking.join();
        }
    }

    fn ask(&self) {
        let (conversation, cancel) = (self.conversation, self.cancel.clone());
        let (is_wanted, typed) = (Arc::clone(&self.is_wanted), Arc::clone(&self.typed));
        let ask = move || {
            let address = conversation.address_while(&|| is_wanted.load(Ordering::SeqCst));
            if address.is_some() {
                *lock(&typed) = address;
                cancel.cancel();
            }
        };
        let thread = Builder::new().name("address".into());
        // Without a thread, the search goes on without a question.
        *lock(&self.asking) = thread.spawn_scoped(self.scope, ask).ok();
    }
}

impl Operator for AddressQuestion<'_, '_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::Connected { .. } = event {
            self.take_back();
        }
        self.inner.event(event);
        if let Event::StillLooking(_) = event {
            self.ask();
        }
    }

    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        self.inner.accept(offer)
    }

    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        self.inner.resolve(conflicts)
    }

    fn accept_expansion(&self, growth: Expansion) -> Acceptance {
        self.inner.accept_expansion(growth)
    }

    fn compare(&self, phrase: &str) -> Acceptance {
        self.inner.compare(phrase)
    }

    fn one_time_code(&self) -> Option<String> {
        self.inner.one_time_code()
    }

    fn received(&self, reception: &Reception<'_>) {
        self.inner.received(reception);
    }
}

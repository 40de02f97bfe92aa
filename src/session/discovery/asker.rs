//! The thread that asks groups in rounds, then single hosts, and reads the answers to these queries.

use super::own_addresses::OwnAddresses;
use super::schedule::{PORTS, Round, Schedule};
use super::shared::Shared;
use super::sockets::{Senders, Sent};
use super::sweep::Sweep;
use crate::session::options::Discovery;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The pause before the senders' sockets are read for answers: short after a round, and doubled each time.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// How often to ask hosts while a sweep runs.
const SWEEP_STEP: Duration = Duration::from_millis(20);

pub(super) struct Asker {
    shared: Arc<Shared>,
    schedule: Schedule,
    sweep: Sweep,
    senders: Senders,
    look: Duration,
}

impl Asker {
    pub(super) fn new(shared: Arc<Shared>, now: Instant) -> Self {
        Asker {
            shared,
            schedule: Schedule::new(now),
            sweep: Sweep::new(now),
            senders: Senders::default(),
            look: FIRST_LOOK,
        }
    }

    /// Asks until the lookout ends.
    pub(super) fn run(&mut self) {
        loop {
            let now = Instant::now();
            if let Some(round) = self.schedule.due(now) {
                self.ask_groups(round);
                self.look = FIRST_LOOK;
            }
            let is_sweeping = self.ask_hosts(now);
            self.read_answers();
            let mut pause = self.schedule.next().saturating_duration_since(now);
            if !self.senders.is_empty() {
                pause = pause.min(self.look);
            }
            if is_sweeping {
                pause = pause.min(SWEEP_STEP);
            }
            if self.shared.wait(pause) {
                return;
            }
        }
    }

    /// Asks the groups of one round, from the current addresses.
    fn ask_groups(&mut self, round: Round) {
        let own = match self.shared.mode {
            Discovery::On => OwnAddresses::read(),
            Discovery::Loopback | Discovery::Off => OwnAddresses::default(),
        };
        let ports = &self.shared.ports;
        ports.join(&own);
        let query = {
            let mut state = self.shared.state.lock();
            state.exchange.own = own.clone();
            state.exchange.query()
        };
        let Some(query) = query else {
            return;
        };
        let mut sent = Sent::default();
        ports.ask_loopback(&query);
        ports.ask_interfaces(&query, round, &own, &mut sent);
        self.senders.renew(&own);
        self.senders.ask(&query, round, &mut sent);
        self.shared.state.lock().sent += sent;
    }

    /// Asks the hosts that are due, if no peer was found yet. Returns whether more are due soon.
    fn ask_hosts(&mut self, now: Instant) -> bool {
        let (own, query) = {
            let state = self.shared.state.lock();
            if state.exchange.has_found() || !self.sweep.is_running(now) {
                return false;
            }
            (state.exchange.own.v4.clone(), state.exchange.query())
        };
        let Some(query) = query else {
            return false;
        };
        let mut sent = Sent::default();
        while let Some(host) = self.sweep.due(now, &own) {
            let to = (host, *PORTS.start()).into();
            match self.shared.ports.send(&query, to) {
                // The system is still resolving too many hosts that may not exist, so this one is tried again
                // later.
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                result => sent.count(result),
            }
            self.sweep.was_asked();
        }
        self.shared.state.lock().sent += sent;
        self.sweep.is_running(now)
    }

    fn read_answers(&mut self) {
        let mut has_read = false;
        for socket in self.senders.each() {
            has_read |= self.shared.read_waiting(socket);
        }
        self.look = match has_read {
            true => FIRST_LOOK,
            false => (self.look * 2).min(LAST_LOOK),
        };
    }
}

//! All sessions, by client id; and what their queues may hold together.

use std::collections::{HashMap, hash_map};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use tokio::sync::Notify;

use super::{Link, Session, State};
use crate::access::Identity;
use crate::limits::{
    IDENTITY_QUEUE_BYTES_MAX, SESSIONS_MAX, SESSIONS_PER_IDENTITY_MAX, SESSIONS_QUEUE_BYTES_MAX,
};
use crate::packet::{ReasonCode, Will};
use crate::store::{SessionRecord, TakerId};

/// All sessions, by client id.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Sessions>);

#[derive(Default)]
struct Sessions {
    by_client: HashMap<Arc<str>, Arc<Session>>,
    /// By identity, for as long as it has a session.
    shares: HashMap<Option<Arc<str>>, Held>,
}

/// What one identity has.
#[derive(Default)]
struct Held {
    sessions: usize,
    share: Arc<Share>,
}

/// Bytes that wait in all sessions together.
#[derive(Default)]
pub(crate) struct Budget(AtomicUsize);

/// Bytes of them that wait in the sessions of one identity.
#[derive(Default)]
pub(crate) struct Share(AtomicUsize);

/// A connection that has its session.
pub(crate) struct Attached {
    pub(crate) session: Arc<Session>,
    pub(crate) link: Arc<Link>,
    pub(crate) is_present: bool,
    /// A session that has ended in its favour: its subscriptions are to be taken away.
    pub(crate) replaced: Option<Arc<Session>>,
    /// The will of the connection that was taken over, where it is to be published.
    pub(crate) will: Option<Will>,
}

/// What a client asks for with its CONNECT.
pub(crate) struct Request<'a> {
    pub(crate) client_id: &'a Arc<str>,
    pub(crate) identity: &'a Identity,
    pub(crate) clean_start: bool,
    pub(crate) expiry_seconds: u32,
    pub(crate) will: Option<Will>,
}

impl Registry {
    /// Makes this connection the session's only one; the session is made where there is none. The reason code where it
    /// cannot be.
    pub(crate) fn attach(
        &self,
        request: Request<'_>,
        next_taker: impl FnOnce() -> TakerId,
    ) -> Result<Attached, ReasonCode> {
        let mut sessions = self.sessions();
        let link = Link::new();
        let existing = sessions.by_client.get(request.client_id).cloned();
        if let Some(session) = &existing
            && session.identity != request.identity.name
            && !session.state().is_over(Instant::now())
        {
            return Err(ReasonCode::ClientIdentifierNotValid);
        }
        let mut replaced = None;
        let mut will = None;
        if let Some(session) = existing {
            let mut state = session.state();
            if let Some(old) = state.link.take() {
                old.end(ReasonCode::SessionTakenOver);
            }
            let now = Instant::now();
            // Without an expiry interval, it ends with the connection that is taken over.
            let is_resumed =
                !request.clean_start && !state.is_over(now) && state.expiry_seconds > 0;
            will = will_to_publish(&mut state, is_resumed, now);
            if is_resumed {
                state.link = Some(link.clone());
                state.offline_since = None;
                state.expiry_seconds = request.expiry_seconds;
                state.will = request.will;
                state.resume();
                drop(state);
                return Ok(Attached {
                    session,
                    link,
                    is_present: true,
                    replaced: None,
                    will,
                });
            }
            state.has_ended = true;
            drop(state);
            replaced = Some(session);
        } else if sessions.is_full(request.identity.name.as_ref()) {
            return Err(ReasonCode::QuotaExceeded);
        }
        let session = sessions.insert(Session::new(
            next_taker(),
            request.client_id.clone(),
            request.identity.name.clone(),
            State {
                link: Some(link.clone()),
                will: request.will,
                ..State::new(request.expiry_seconds)
            },
        ));
        Ok(Attached {
            session,
            link,
            is_present: false,
            replaced,
            will,
        })
    }

    /// Puts back a session that the store has, at start.
    pub(crate) fn restore(&self, record: SessionRecord, state: State) -> Arc<Session> {
        let client_id: Arc<str> = record.client_id.into();
        let identity = record.identity.map(Arc::from);
        let session = Session::new(record.taker, client_id, identity, state);
        session.stored.store(true, Ordering::Relaxed);
        self.sessions().insert(session)
    }

    /// Forgets a session that has ended, unless another one has its client id by now.
    pub(crate) fn remove(&self, session: &Arc<Session>) {
        let mut sessions = self.sessions();
        let current = sessions.by_client.get(&session.client_id);
        if current.is_some_and(|current| Arc::ptr_eq(current, session)) {
            sessions.by_client.remove(&session.client_id);
            sessions.let_go(session);
            let by_client = &mut sessions.by_client;
            if by_client.capacity() > 4 * by_client.len() + 1024 {
                by_client.shrink_to_fit();
            }
        }
    }

    /// The session of this client.
    pub(crate) fn get(&self, client_id: &str) -> Option<Arc<Session>> {
        self.sessions().by_client.get(client_id).cloned()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.sessions().by_client.values().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions().by_client.len()
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Sessions {
    /// Whether one more is one too many. Who may be anonymous is trusted with all of them.
    fn is_full(&self, identity: Option<&Arc<str>>) -> bool {
        let of_identity = |name: &Arc<str>| {
            let held = self.shares.get(&Some(name.clone()));
            held.is_some_and(|held| held.sessions >= SESSIONS_PER_IDENTITY_MAX)
        };
        self.by_client.len() >= SESSIONS_MAX || identity.is_some_and(of_identity)
    }

    fn insert(&mut self, session: Arc<Session>) -> Arc<Session> {
        let held = self.shares.entry(session.identity.clone()).or_default();
        held.sessions += 1;
        session.state().share = held.share.clone();
        let before = self
            .by_client
            .insert(session.client_id.clone(), session.clone());
        if let Some(before) = before {
            self.let_go(&before);
        }
        session
    }

    fn let_go(&mut self, session: &Session) {
        if let hash_map::Entry::Occupied(mut held) = self.shares.entry(session.identity.clone()) {
            held.get_mut().sessions -= 1;
            if held.get().sessions == 0 {
                held.remove();
            }
        }
    }
}

/// Takes the will of a client that is back, if it is to be published even so.
fn will_to_publish(state: &mut State, is_resumed: bool, now: Instant) -> Option<Will> {
    // Housekeeping comes by once a second, and may not have been here yet.
    let was_due = state.will_due.take().is_some_and(|due| due <= now);
    let is_online = state.offline_since.is_none();
    let will = state.will.take()?;
    // [MQTT-3.1.3-9]: a delayed will is not published when the session goes on.
    let is_published = !is_resumed || was_due || (will.delay_seconds == 0 && is_online);
    is_published.then_some(will)
}

impl Session {
    fn new(
        taker: TakerId,
        client_id: Arc<str>,
        identity: Option<Arc<str>>,
        state: State,
    ) -> Arc<Session> {
        Arc::new(Session {
            taker,
            client_id,
            identity,
            wake: Arc::new(Notify::new()),
            stored: AtomicBool::new(false),
            state: Mutex::new(state),
        })
    }
}

#[cfg(test)]
impl Share {
    pub(super) const fn new() -> Share {
        Share(AtomicUsize::new(0))
    }
}

impl Budget {
    /// Takes this many bytes, if there are as many left. What clients that are off line leave behind has three quarters,
    /// so that those that are there have their messages.
    pub(super) fn take(&self, share: &Share, bytes: usize, is_offline: bool) -> bool {
        let max = match is_offline {
            true => SESSIONS_QUEUE_BYTES_MAX / 4 * 3,
            false => SESSIONS_QUEUE_BYTES_MAX,
        };
        let of_all = self.0.fetch_add(bytes, Ordering::Relaxed);
        let of_identity = share.0.fetch_add(bytes, Ordering::Relaxed);
        let fits = of_all + bytes <= max && of_identity + bytes <= IDENTITY_QUEUE_BYTES_MAX;
        if !fits {
            self.give_back(share, bytes);
        }
        fits
    }

    /// Takes them in any case: what the store has is not to be lost.
    pub(super) fn take_anyway(&self, share: &Share, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        share.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self, share: &Share, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
        share.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

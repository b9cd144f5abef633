//! How sessions end, and what that leads to: wills, messages for others, subscriptions taken away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::access::Resolved;
use crate::broker::{Broker, Inner};
use crate::connection::WillAction;
use crate::packet::{ReasonCode, Will};
use crate::router::{RetainedFull, Wanted};
use crate::session::{Link, Session};
use crate::store::Change;

/// Time for a will message to find room in the inboxes of functions.
const WILL_TIMEOUT: Duration = Duration::from_secs(30);

impl Inner {
    /// A connection has ended; its session ends with it or waits for the next one. Nothing happens where another
    /// connection has taken the session over.
    pub(crate) fn detach(
        self: &Arc<Inner>,
        session: &Arc<Session>,
        link: &Arc<Link>,
        will: WillAction,
    ) {
        let mut state = session.state();
        if !state.is_linked(link) {
            return;
        }
        state.link = None;
        state.offline_since = Some(Instant::now());
        state.drop_volatile(&self.router.budget);
        let expiry_seconds = state.expiry_seconds;
        let mut due = None;
        match (will, &state.will) {
            (WillAction::Discard, _) => state.will = None,
            (WillAction::Publish, Some(pending)) => {
                let delay = pending.delay_seconds.min(expiry_seconds);
                if delay == 0 {
                    due = state.will.take();
                } else {
                    state.will_due = Some(Instant::now() + Duration::from_secs(delay.into()));
                }
            }
            (WillAction::Publish, None) => {}
        }
        state.has_ended |= expiry_seconds == 0;
        let has_ended = state.has_ended;
        if !has_ended {
            // Under the lock, so that what the next connection has to say comes behind it.
            let record = Change::Session(session.record(&state));
            self.router.spool.change(record, None);
        }
        drop(state);
        if let Some(will) = due {
            self.publish_will(session, will);
        }
        match has_ended {
            true => self.end_session(session),
            false => self.pass_shared_on(session),
        }
    }

    /// Gives what waits here of shared subscriptions to other members, where there are some that can have it.
    pub(crate) fn pass_shared_on(&self, session: &Session) {
        let mut groups = session.waiting_groups();
        groups.retain(|group| group.has_able_member());
        if groups.is_empty() {
            return;
        }
        let shared = session.take_shared(&groups, &self.router.budget);
        self.router.pass_on(shared);
    }

    /// Takes a session that has ended out of everything.
    pub(crate) fn end_session(self: &Arc<Inner>, session: &Arc<Session>) {
        self.registry.remove(session);
        let (subscriptions, will) = {
            let mut state = session.state();
            state.has_ended = true;
            (std::mem::take(&mut state.subscriptions), state.will.take())
        };
        for (text, options) in subscriptions {
            if let Ok(wanted) = Wanted::parse(text, options) {
                self.router
                    .unsubscribe(session, &wanted.filter, wanted.group.as_deref());
            }
        }
        let orphans = {
            let mut state = session.state();
            session.clear(&mut state, &self.router.spool, &self.router.budget)
        };
        self.router.pass_on(orphans);
        let gone = Change::SessionEnded(session.taker);
        if session.is_stored() {
            self.router.spool.change(gone, None);
        }
        if let Some(will) = will {
            self.publish_will(session, will);
        }
    }

    /// Publishes a will message, in its own time, if its client still may.
    pub(crate) fn publish_will(self: &Arc<Inner>, session: &Session, will: Will) {
        let permissions = self.permissions(session);
        if permissions.is_some_and(|permissions| !permissions.may_publish(&will.message.topic)) {
            let client = &*session.client_id;
            tracing::info!(client, "a will message is not permitted any more");
            return;
        }
        let inner = self.clone();
        // It ends by itself; a host that stops does not wait for it.
        tokio::spawn(async move {
            let published = inner.publish(will.due(), RetainedFull::Deliver);
            match tokio::time::timeout(WILL_TIMEOUT, published).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "a will message was not published"),
                Err(_) => tracing::warn!("a will message found no room in the inbox of a function"),
            }
        });
    }

    /// What the client of a session may do at present; none where that is known while it is connected only.
    fn permissions(&self, session: &Session) -> Option<Resolved> {
        let name = session.identity.as_deref()?;
        let permissions = self.access.permissions(name)?;
        Some(permissions.resolve(&session.client_id, Some(name)))
    }

    /// What an identity may do has changed, or it is gone, and so are its sessions.
    pub(crate) fn access_changed(self: &Arc<Inner>, identity: &str) {
        let is_gone = self.access.permissions(identity).is_none();
        for session in self.registry.all() {
            if session.identity.as_deref() != Some(identity) {
                continue;
            }
            let link = {
                let mut state = session.state();
                if is_gone {
                    state.will = None;
                    // It ends with its connection, which ends when it has looked.
                    state.expiry_seconds = 0;
                }
                state.link.clone()
            };
            match link {
                Some(link) => link.look(),
                None if is_gone => self.end_session(&session),
                None => {
                    if let Some(permissions) = self.permissions(&session) {
                        self.revoke(&session, &permissions);
                    }
                }
            }
        }
    }

    /// Takes away what a session may not have any more: subscriptions, what waits because of them, its will.
    pub(crate) fn revoke(&self, session: &Arc<Session>, permissions: &Resolved) {
        let subscriptions = {
            let mut state = session.state();
            state
                .will
                .take_if(|will| !permissions.may_publish(&will.message.topic));
            state.subscriptions.clone()
        };
        let mut kept = Vec::new();
        let mut are_all_kept = true;
        for (text, options) in subscriptions {
            let Ok(wanted) = Wanted::parse(text.clone(), options) else {
                continue;
            };
            if permissions.may_subscribe(&wanted.filter) {
                kept.push(wanted.filter);
                continue;
            }
            are_all_kept = false;
            let (client, filter) = (&*session.client_id, &*text);
            tracing::info!(client, filter, "a subscription is not permitted any more");
            session.state().subscriptions.remove(&text);
            self.router
                .unsubscribe(session, &wanted.filter, wanted.group.as_deref());
            if session.is_stored() {
                let change = Change::Unsubscribed(session.taker, text.to_string());
                self.router.spool.change(change, None);
            }
        }
        if !are_all_kept {
            let is_kept = |topic: &str| kept.iter().any(|filter| filter.matches(topic));
            session.keep_only(is_kept, &self.router.spool, &self.router.budget);
        }
    }
}

impl Broker {
    /// Ends a client's connection, and its session. Whether there was such a client.
    pub fn end_client(&self, client_id: &str) -> bool {
        let Some(session) = self.0.registry.get(client_id) else {
            return false;
        };
        let link = session.state().link.take();
        if let Some(link) = link {
            link.end(ReasonCode::AdministrativeAction);
        }
        self.0.end_session(&session);
        true
    }
}

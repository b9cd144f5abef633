//! Shared subscriptions: each message goes to one member of the group (MQTT 5, section 4.8.2).
//!
//! A message goes to the member on line that has the least to do, in turn among equals. What waits for one that does not
//! acknowledge is given to others after a while, so that it starves nobody. Where none is on line, it waits for one whose session persists.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::session::{Options, Session};

/// The members that share one filter under one name.
pub(crate) struct Group {
    name: Box<str>,
    members: Mutex<Vec<Member>>,
    turn: AtomicUsize,
}

#[derive(Clone)]
struct Member {
    session: Arc<Session>,
    options: Options,
}

impl Group {
    pub(crate) fn new(name: &str) -> Arc<Group> {
        Arc::new(Group {
            name: name.into(),
            members: Mutex::default(),
            turn: AtomicUsize::new(0),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Takes a member in, with these options from now on.
    pub(crate) fn join(&self, session: &Arc<Session>, options: Options) {
        let mut members = self.members();
        let present = members
            .iter_mut()
            .find(|member| Arc::ptr_eq(&member.session, session));
        match present {
            Some(member) => member.options = options,
            None => members.push(Member {
                session: session.clone(),
                options,
            }),
        }
    }

    /// Takes a member out. Whether the group is empty now.
    pub(crate) fn leave(&self, session: &Arc<Session>) -> bool {
        let mut members = self.members();
        members.retain(|member| !Arc::ptr_eq(&member.session, session));
        members.is_empty()
    }

    /// Whether a member is on line and acknowledges.
    pub(crate) fn has_able_member(&self) -> bool {
        let members = self.members();
        members.iter().any(|member| {
            let backlog = member.session.backlog();
            backlog.is_online && !backlog.is_stuck
        })
    }

    /// Whether this session is a member.
    pub(crate) fn has(&self, session: &Arc<Session>) -> bool {
        let members = self.members();
        members
            .iter()
            .any(|member| Arc::ptr_eq(&member.session, session))
    }

    pub(crate) fn len(&self) -> usize {
        self.members().len()
    }

    /// The member whose turn it is.
    pub(crate) fn choose(&self) -> Option<(Arc<Session>, Options)> {
        let members = self.members();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut best: Option<((bool, bool, usize), &Member)> = None;
        for offset in 0..members.len() {
            let member = &members[(turn + offset) % members.len()];
            let backlog = member.session.backlog();
            if backlog.has_ended {
                continue;
            }
            let rank = (!backlog.is_online, backlog.is_stuck, backlog.messages);
            if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                best = Some((rank, member));
            }
        }
        best.map(|(_, member)| (member.session.clone(), member.options.clone()))
    }

    fn members(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().expect("no holder of this lock panics")
    }
}

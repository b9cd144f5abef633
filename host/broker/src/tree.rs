//! Subscriptions by the levels of their filters: which takers does a topic have?
//!
//! A node is one level of filters; `+` and `#` are children of their own. What matches a topic is found in as many steps as
//! the topic has levels, for each way through `+`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::inbox::Inbox;
use crate::session::{Options, Session};
use crate::shared::Group;
use crate::tap::Tap;
use crate::topic::TopicFilter;

/// All subscriptions.
#[derive(Default)]
pub(crate) struct Tree {
    root: Node,
    count: usize,
}

#[derive(Default)]
struct Node {
    children: HashMap<Box<str>, Node>,
    any: Option<Box<Node>>,
    /// Those whose filter ends with this level.
    here: Vec<Subscriber>,
    /// Those whose filter ends with `#` below this level.
    below: Vec<Subscriber>,
}

/// Who gets the messages of a filter.
#[derive(Clone)]
pub(crate) enum Subscriber {
    Session(Arc<Session>, Options),
    Shared(Arc<Group>),
    /// The inbox of a function, and the number of the filter among the function's.
    Inbox(Arc<Inbox>, usize),
    Tap(Arc<Tap>),
}

/// What matches a topic.
#[derive(Default)]
pub(crate) struct Matches<'a> {
    pub(crate) lists: Vec<&'a [Subscriber]>,
}

impl Tree {
    /// Adds a session's subscription, in place of one of the same session and filter.
    pub(crate) fn subscribe(
        &mut self,
        filter: &TopicFilter,
        session: &Arc<Session>,
        options: Options,
    ) {
        let list = self.root.list(filter);
        let same = |subscriber: &&mut Subscriber| subscriber.is_session(session);
        match list.iter_mut().find(same) {
            Some(present) => *present = Subscriber::Session(session.clone(), options),
            None => {
                list.push(Subscriber::Session(session.clone(), options));
                self.count += 1;
            }
        }
    }

    /// Makes a session a member of the group of this name that shares this filter.
    pub(crate) fn share(
        &mut self,
        filter: &TopicFilter,
        name: &str,
        session: &Arc<Session>,
        options: Options,
    ) {
        let list = self.root.list(filter);
        let group = list.iter().find_map(|subscriber| match subscriber {
            Subscriber::Shared(group) if group.name() == name => Some(group.clone()),
            _ => None,
        });
        let group = group.unwrap_or_else(|| {
            let group = Group::new(name);
            list.push(Subscriber::Shared(group.clone()));
            group
        });
        let before = group.len();
        group.join(session, options);
        self.count += group.len() - before;
    }

    /// Adds what is not a session's.
    pub(crate) fn add(&mut self, filter: &TopicFilter, subscriber: Subscriber) {
        self.root.list(filter).push(subscriber);
        self.count += 1;
    }

    /// Takes a session's subscription away; with a name, its membership of that group, which is returned.
    pub(crate) fn unsubscribe(
        &mut self,
        filter: &TopicFilter,
        name: Option<&str>,
        session: &Arc<Session>,
    ) -> Option<Arc<Group>> {
        let left = RefCell::new(None);
        self.remove(filter, |subscriber| match (subscriber, name) {
            (Subscriber::Shared(group), Some(name)) if group.name() == name => {
                left.replace(Some(group.clone()));
                group.leave(session)
            }
            (subscriber, None) => subscriber.is_session(session),
            _ => false,
        });
        left.into_inner()
    }

    /// Takes away what is wanted of the subscribers of this filter.
    pub(crate) fn remove(&mut self, filter: &TopicFilter, wanted: impl Fn(&Subscriber) -> bool) {
        let levels: Vec<&str> = filter.as_str().split('/').collect();
        let removed = self.root.remove(&levels, &wanted);
        self.count = self.count.saturating_sub(removed);
    }

    /// How many subscriptions there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Who gets the messages of this topic.
    pub(crate) fn matches(&self, topic: &str) -> Matches<'_> {
        let mut matches = Matches::default();
        let mut levels = topic.split('/');
        let first = levels.next().unwrap_or_default();
        // [MQTT-4.7.2-1]: a leading wildcard does not match the server's own topics.
        if first.starts_with('$') {
            if let Some(child) = self.root.children.get(first) {
                child.collect(levels, &mut matches);
            }
        } else {
            self.root.collect(topic.split('/'), &mut matches);
        }
        matches
    }
}

impl Node {
    fn list(&mut self, filter: &TopicFilter) -> &mut Vec<Subscriber> {
        let mut node = self;
        for level in filter.as_str().split('/') {
            match level {
                "#" => return &mut node.below,
                "+" => node = node.any.get_or_insert_default(),
                level => node = node.children.entry(level.into()).or_default(),
            }
        }
        &mut node.here
    }

    fn remove(&mut self, levels: &[&str], wanted: &impl Fn(&Subscriber) -> bool) -> usize {
        let removed = |list: &mut Vec<Subscriber>| {
            let before = list.len();
            list.retain(|subscriber| !wanted(subscriber));
            if list.is_empty() {
                *list = Vec::new();
            }
            before - list.len()
        };
        match levels {
            [] => removed(&mut self.here),
            ["#", ..] => removed(&mut self.below),
            ["+", rest @ ..] => {
                let Some(any) = &mut self.any else { return 0 };
                let count = any.remove(rest, wanted);
                if any.is_empty() {
                    self.any = None;
                }
                count
            }
            [level, rest @ ..] => {
                let Some(child) = self.children.get_mut(*level) else {
                    return 0;
                };
                let count = child.remove(rest, wanted);
                if child.is_empty() {
                    self.children.remove(*level);
                    // Tables do not shrink by themselves: topics that come and go would fill the memory.
                    if self.children.capacity() > 4 * self.children.len() + 16 {
                        self.children.shrink_to_fit();
                    }
                }
                count
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.children.is_empty()
            && self.any.is_none()
            && self.here.is_empty()
            && self.below.is_empty()
    }

    fn collect<'a>(&'a self, mut levels: std::str::Split<'_, char>, matches: &mut Matches<'a>) {
        matches.add(&self.below);
        let Some(level) = levels.next() else {
            matches.add(&self.here);
            return;
        };
        if let Some(any) = &self.any {
            any.collect(levels.clone(), matches);
        }
        if let Some(child) = self.children.get(level) {
            child.collect(levels, matches);
        }
    }
}

impl Subscriber {
    fn is_session(&self, wanted: &Arc<Session>) -> bool {
        matches!(self, Subscriber::Session(session, _) if Arc::ptr_eq(session, wanted))
    }
}

impl<'a> Matches<'a> {
    fn add(&mut self, list: &'a [Subscriber]) {
        if !list.is_empty() {
            self.lists.push(list);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a Subscriber> {
        self.lists.iter().copied().flatten()
    }
}

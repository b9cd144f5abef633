//! SUBSCRIBE and UNSUBSCRIBE.

use std::sync::Arc;

use super::acknowledge::Acknowledgement;
use super::{Connection, End};
use crate::delivery::LazyReceipt;
use crate::limits::SUBSCRIPTIONS_MAX;
use crate::packet::{ReasonCode, RetainHandling, Subscribe, SubscribeFilter, Unsubscribe};
use crate::router::{SendRetained, Wanted};
use crate::session::Options;
use crate::store::Change;

impl Wanted {
    /// What a client asks for with this filter (MQTT 5, section 4.8.2 for `$share`).
    pub(crate) fn parse(text: Arc<str>, options: Options) -> Result<Wanted, ReasonCode> {
        let invalid = ReasonCode::TopicFilterInvalid;
        let (group, filter) = match text.strip_prefix("$share/") {
            None => (None, &*text),
            Some(rest) => {
                let (name, filter) = rest.split_once('/').ok_or(invalid)?;
                if name.is_empty() || name.contains(['+', '#']) {
                    return Err(invalid);
                }
                (Some(name.into()), filter)
            }
        };
        let filter = filter.parse().map_err(|_| invalid)?;
        Ok(Wanted {
            text: text.clone(),
            filter,
            group,
            options,
        })
    }
}

impl Connection {
    /// SUBSCRIBE: each filter has a reason code of its own.
    pub(super) fn subscribe(&mut self, subscribe: Subscribe) -> Result<(), End> {
        let wake = self.session.wake.clone();
        let mut receipt = LazyReceipt::new(&wake);
        let mut reasons = Vec::with_capacity(subscribe.filters.len());
        for filter in &subscribe.filters {
            let granted = self.subscribe_one(filter, subscribe.identifier, &mut receipt);
            reasons.push(match granted {
                Ok(()) => filter.qos as u8,
                Err(reason) => reason as u8,
            });
        }
        let packet = Acknowledgement::Subscribe(subscribe.packet_id, reasons);
        self.acknowledgements.push(packet, receipt.finish());
        Ok(())
    }

    fn subscribe_one(
        &mut self,
        filter: &SubscribeFilter,
        identifier: Option<u32>,
        receipt: &mut LazyReceipt<'_>,
    ) -> Result<(), ReasonCode> {
        let options = Options {
            qos: filter.qos,
            no_local: filter.no_local,
            retain_as_published: filter.retain_as_published,
            identifier,
        };
        let wanted = Wanted::parse((&*filter.filter).into(), options.clone())?;
        if !self.permissions().may_subscribe(&wanted.filter) {
            tracing::debug!(
                client = &*self.session.client_id,
                filter = &*wanted.text,
                "a subscription is not permitted"
            );
            return Err(ReasonCode::NotAuthorized);
        }
        let (is_new, survives) = {
            let mut state = self.session.state();
            if !state.is_linked(&self.link) {
                return Err(ReasonCode::UnspecifiedError);
            }
            let is_new = !state.subscriptions.contains_key(&wanted.text);
            if is_new && state.subscriptions.len() >= SUBSCRIPTIONS_MAX {
                return Err(ReasonCode::QuotaExceeded);
            }
            state
                .subscriptions
                .insert(wanted.text.clone(), options.clone());
            (is_new, state.expiry_seconds > 0)
        };
        if survives {
            let record = options.record(&wanted.text);
            let change = Change::Subscribed(self.session.taker, record);
            self.inner
                .router
                .spool
                .change(change, Some(receipt.share()));
        }
        let send = match filter.retain_handling {
            _ if wanted.group.is_some() => SendRetained::No,
            RetainHandling::AtSubscribe => SendRetained::Yes,
            RetainHandling::AtNewSubscription if is_new => SendRetained::Yes,
            RetainHandling::AtNewSubscription | RetainHandling::Never => SendRetained::No,
        };
        self.inner.router.subscribe(&self.session, &wanted, send);
        Ok(())
    }

    /// UNSUBSCRIBE.
    pub(super) fn unsubscribe(&mut self, unsubscribe: &Unsubscribe) {
        let wake = self.session.wake.clone();
        let mut receipt = LazyReceipt::new(&wake);
        let mut reasons = Vec::with_capacity(unsubscribe.filters.len());
        for filter in &unsubscribe.filters {
            let (removed, survives) = {
                let mut state = self.session.state();
                let removed = state.subscriptions.remove(&**filter);
                (removed, state.expiry_seconds > 0)
            };
            reasons.push(match &removed {
                Some(_) => ReasonCode::Success,
                None if crate::topic::is_filter(filter) => ReasonCode::NoSubscriptionExisted,
                None => ReasonCode::TopicFilterInvalid,
            });
            let Some(options) = removed else { continue };
            if let Ok(wanted) = Wanted::parse((&**filter).into(), options) {
                let router = &self.inner.router;
                router.unsubscribe(&self.session, &wanted.filter, wanted.group.as_deref());
            }
            if survives {
                let change = Change::Unsubscribed(self.session.taker, filter.to_string());
                self.inner
                    .router
                    .spool
                    .change(change, Some(receipt.share()));
            }
        }
        let packet = Acknowledgement::Unsubscribe(unsubscribe.packet_id, reasons);
        self.acknowledgements.push(packet, receipt.finish());
    }
}

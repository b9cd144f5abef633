//! Anonymous clients only, for the moment.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tidegate_broker::access::{Access, Authenticated, Credentials, Identity, Permissions, Refused};

pub(super) struct Anonymous {
    permissions: Arc<ArcSwapOption<Permissions>>,
    anywhere: bool,
}

impl Anonymous {
    pub(super) fn new(anywhere: bool) -> Anonymous {
        Anonymous {
            permissions: Arc::new(ArcSwapOption::from_pointee(Permissions::all())),
            anywhere,
        }
    }
}

impl Access for Anonymous {
    fn authenticate<'a>(&'a self, client: &'a Credentials) -> Authenticated<'a> {
        Box::pin(async {
            if client.address.ip().is_loopback() || self.anywhere {
                Ok(Identity {
                    name: None,
                    permissions: self.permissions.clone(),
                    expires: None,
                })
            } else {
                Err(Refused::NotAuthorized)
            }
        })
    }
}

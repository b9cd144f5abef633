//! Responses that the host gives by itself: one function for all of an app.

use super::{AppFunction, Translation};
use crate::cli::spin_app::files::LocalFiles;
use crate::cli::spin_app::source::Mistake;
use crate::model::app::AppMembership;
use crate::model::manifest::{HttpTrigger, Manifest};
use crate::model::static_response::StaticResponse;

impl Translation<'_> {
    /// The function of the app's static responses, if there are any.
    pub(super) fn responses(&self) -> Result<Option<AppFunction>, Mistake> {
        let mut manifest = Manifest {
            app: Some(AppMembership {
                name: self.app.clone(),
                component: None,
                private: false,
            }),
            ..Manifest::default()
        };
        let mut at = None;
        for trigger in &self.spin.trigger.http {
            let written = trigger.get_ref();
            let Some(response) = &written.static_response else {
                if written.component.is_none() {
                    let text = "a trigger needs a component or a static_response";
                    return Err(self.mistake(trigger, text));
                }
                continue;
            };
            at.get_or_insert(trigger.span());
            let given = response.get_ref();
            let (status, headers) = (given.status_code.unwrap_or(200), given.headers.clone());
            let own = StaticResponse::new(status, headers, given.body.clone());
            let own = own.map_err(|error| self.mistake(response, error))?;
            let Some(route) = self.route(trigger)? else {
                let text = "nothing calls a response that is private: give it a route";
                return Err(self.mistake(&written.route, text));
            };
            manifest.http.push(HttpTrigger {
                response: Some(own),
                ..HttpTrigger::new(route)
            });
        }
        let Some(at) = at else {
            return Ok(None);
        };
        let checked = manifest.check();
        checked.map_err(|error| self.source.mistake(at.clone(), error))?;
        Ok(Some(AppFunction {
            name: self.app.clone(),
            component: None,
            manifest,
            files: LocalFiles::new(),
            build: Vec::new(),
            requests: None,
            at,
        }))
    }
}

//! The trigger table: immutable, holding ready functions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::Method;

use crate::invoke::ready::ReadyFunction;
use crate::model::manifest::HttpTrigger;
use crate::model::name::Name;
use crate::model::route::{RouteParameters, RoutePattern, percent_decode};
use crate::model::static_response::StaticResponse;

/// All functions and what triggers them.
#[derive(Default)]
pub struct TriggerTable {
    functions: BTreeMap<Name, Arc<ReadyFunction>>,
    /// Routes whose first segment is exact, by that segment; each list in the order of precedence.
    exact: HashMap<Vec<u8>, Vec<Route>>,
    /// All other routes, in the order of precedence.
    open: Vec<Route>,
}

struct Route {
    trigger: HttpTrigger,
    /// The trigger's, for requests to share.
    pattern: Arc<RoutePattern>,
    function: Arc<ReadyFunction>,
}

/// What a request's method and path lead to.
pub enum RouteMatch<'a> {
    /// A function.
    Found {
        /// The function.
        function: &'a Arc<ReadyFunction>,
        /// The pattern that matched.
        route: &'a Arc<RoutePattern>,
        /// What the host answers in the function's stead.
        response: Option<&'a StaticResponse>,
        /// What the path gives to its parameters.
        parameters: RouteParameters,
    },
    /// The path is some function's, the method is not.
    MethodNotAllowed(Vec<Method>),
    /// No function has this path.
    NotFound,
}

/// Two functions with a trigger that some request would match equally well.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "route `{route}` of function `{function}` clashes with route `{other_route}` of function `{other_function}`: \
     give one of them another route, or other methods"
)]
pub struct RouteClash {
    /// The function that was looked at.
    pub function: Name,
    /// Its route.
    pub route: RoutePattern,
    /// The function that has the route already.
    pub other_function: Name,
    /// That function's route.
    pub other_route: RoutePattern,
}

impl TriggerTable {
    /// The table of these functions.
    pub fn new(functions: impl IntoIterator<Item = Arc<ReadyFunction>>) -> TriggerTable {
        let mut table = TriggerTable::default();
        for function in functions {
            for trigger in &function.manifest.http {
                let route = Route {
                    trigger: trigger.clone(),
                    pattern: Arc::new(trigger.route.clone()),
                    function: function.clone(),
                };
                match trigger.route.first_exact() {
                    Some(segment) => table
                        .exact
                        .entry(segment.as_bytes().to_vec())
                        .or_default()
                        .push(route),
                    None => table.open.push(route),
                }
            }
            table.functions.insert(function.name.clone(), function);
        }
        for routes in table.exact.values_mut().chain([&mut table.open]) {
            routes.sort_by(|a, b| a.trigger.route.precedence(&b.trigger.route));
        }
        table
    }

    /// The table with this function in it, in place of one of the same name.
    pub fn with(&self, function: Arc<ReadyFunction>) -> TriggerTable {
        let others = self
            .functions
            .values()
            .filter(|other| other.name != function.name)
            .cloned();
        TriggerTable::new(others.chain([function.clone()]).collect::<Vec<_>>())
    }

    /// The table without this function.
    pub fn without(&self, name: &Name) -> TriggerTable {
        TriggerTable::new(
            self.functions
                .values()
                .filter(|function| function.name != *name)
                .cloned(),
        )
    }

    /// What a function with these triggers would clash with: one route of each function that has one of them.
    pub fn clashes(
        &self,
        name: &Name,
        triggers: &[HttpTrigger],
    ) -> impl Iterator<Item = RouteClash> {
        let others = self
            .functions
            .values()
            .filter(move |function| function.name != *name);
        others.filter_map(move |other| {
            let clash = |other_trigger: &HttpTrigger| {
                let trigger = triggers
                    .iter()
                    .find(|trigger| trigger.clashes_with(other_trigger))?;
                Some(RouteClash {
                    function: name.clone(),
                    route: trigger.route.clone(),
                    other_function: other.name.clone(),
                    other_route: other_trigger.route.clone(),
                })
            };
            other.manifest.http.iter().find_map(clash)
        })
    }

    /// What this method and path lead to: exact before parameter before rest.
    pub fn match_http(&self, method: &Method, path: &str) -> RouteMatch<'_> {
        let first_segment = path
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap_or_default();
        let first_segment = if path.starts_with("//") {
            ""
        } else {
            first_segment
        };
        let exact = self
            .exact
            .get(&percent_decode(first_segment))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut allowed = Vec::new();
        for route in exact.iter().chain(&self.open) {
            let Some(parameters) = route.trigger.route.matches(path) else {
                continue;
            };
            let methods = &route.trigger.methods;
            if methods.is_empty() || methods.iter().any(|name| name.method() == method) {
                return RouteMatch::Found {
                    function: &route.function,
                    route: &route.pattern,
                    response: route.trigger.response.as_ref(),
                    parameters,
                };
            }
            allowed.extend(methods.iter().map(|name| name.method().clone()));
        }
        if allowed.is_empty() {
            RouteMatch::NotFound
        } else {
            RouteMatch::MethodNotAllowed(allowed)
        }
    }

    /// The function of this name.
    pub fn function(&self, name: &Name) -> Option<&Arc<ReadyFunction>> {
        self.functions.get(name)
    }

    /// All functions, in the order of their names.
    pub fn functions(&self) -> impl Iterator<Item = &Arc<ReadyFunction>> {
        self.functions.values()
    }
}

//! Outbound requests that stay in the process: to a function of the caller's own app. Who answers them is handed in,
//! since functions are known further up.

use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response};
use wasmtime_wasi_http::WasiBody;

use crate::model::name::Name;
use crate::model::outbound::Destination;

/// What is called.
pub enum Callee {
    /// The function of this component, whatever the path.
    Component(String),
    /// The function of the app whose route the path matches.
    Route,
}

impl Callee {
    /// What this destination calls, if it does not lead to the network.
    pub(super) fn of(destination: &Destination) -> Option<Callee> {
        match destination.component() {
            Some(component) => Some(Callee::Component(component.to_owned())),
            None => destination.is_own_app().then_some(Callee::Route),
        }
    }
}

/// A call by a function of an app.
pub struct InProcessCall {
    /// The app that caller and callee belong to.
    pub app: Name,
    /// What is called.
    pub callee: Callee,
    /// Functions that the caller's event has passed through.
    pub hops: u32,
    /// The request.
    pub request: Request<WasiBody>,
}

/// The answer, on its way. Dropping it, or the response's body before its end, cancels the called function.
pub type Answer = Pin<Box<dyn Future<Output = Response<WasiBody>> + Send>>;

/// Answers calls.
pub trait InProcess: Send + Sync {
    /// Answers one call. What goes wrong becomes the response that a client from outside would get.
    fn call(self: Arc<Self>, call: InProcessCall) -> Answer;
}

/// The calls that one invocation makes.
#[derive(Clone)]
pub struct AppCalls {
    /// Who answers them.
    pub in_process: Arc<dyn InProcess>,
    /// The caller's app.
    pub app: Name,
    /// Functions that its event has passed through.
    pub hops: u32,
}

impl AppCalls {
    pub(super) fn call(&self, callee: Callee, request: Request<WasiBody>) -> Answer {
        self.in_process.clone().call(InProcessCall {
            app: self.app.clone(),
            callee,
            hops: self.hops,
            request,
        })
    }
}

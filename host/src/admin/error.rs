//! What a client of the admin API is told when something fails: the only place that chooses a status for the API.
//!
//! A problem document (RFC 9457) with a stable code, a detail that says what to do, and the request's id.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tidegate_broker::PublishError;

use crate::access::devices::DeviceError;
use crate::deploy::activate::DeployError;
use crate::deploy::checks::Misfit;
use crate::deploy::inspect::NotAComponent;
use crate::deploy::manifest::ManifestError;
use crate::invoke::compile::CompileError;
use crate::invoke::componentize::ComponentizeError;
use crate::invoke::runtime::AsyncUnavailable;
use crate::limits;
use crate::model::device::InvalidDevice;
use crate::model::name::{InvalidName, Name};
use crate::model::secret::InvalidSecret;
use crate::observe::log::InvalidFilter;
use crate::storage::database::StorageError;

/// A problem document (RFC 9457).
#[derive(Serialize, JsonSchema)]
pub(super) struct Problem<'a> {
    title: &'a str,
    status: u16,
    /// Stable: what to go by.
    code: &'a str,
    /// What is wrong and what to do.
    detail: String,
    request_id: &'a str,
}

/// A request of the admin API that failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error(transparent)]
    Deploy(#[from] DeployError),
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    InvalidDevice(#[from] InvalidDevice),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(
        "a token is needed: sign in, or send `Authorization: Bearer …`; `tidegate token create` on the host makes one"
    )]
    NoToken,
    #[error("the token is not valid: {0}; `tidegate token create` on the host makes a new one")]
    BadToken(String),
    #[error("this needs the role `{needed}`, the token has `{held}`")]
    Forbidden {
        needed: &'static str,
        held: &'static str,
    },
    #[error(
        "the sign-in link has been used or has expired: paste a token from `tidegate token create` instead"
    )]
    BadLogin,
    #[error(
        "this request does not come from a page of this host: a session is for the dashboard alone, whose `Origin` has \
         the host and port of the request's `Host` (a proxy has to pass that on); elsewhere, send a token as \
         `Authorization: Bearer …`"
    )]
    ForeignOrigin,
    #[error("there is nothing at this path; the API begins with /api/v1")]
    NoSuchPath,
    #[error("this path does not take this method")]
    MethodNotAllowed,
    #[error("the component has more than {} MiB, the most that this host takes", limits::COMPONENT_BYTES_MAX >> 20)]
    UploadTooLarge,
    #[error("the files are too many or too large: at most {} with {} MiB together", limits::FILES_MAX, limits::FILES_BYTES_MAX >> 20)]
    FilesTooLarge,
    #[error("the request body has more than {0} bytes, the most that is allowed here")]
    BodyTooLarge(usize),
    #[error("the upload took more than {} s to arrive: try again on a faster connection", limits::UPLOAD_TIMEOUT.as_secs())]
    UploadTooSlow,
    #[error("{0}")]
    BadRequest(String),
    #[error("bucket `{0}` has no key `{1}`")]
    NoSuchKey(Name, String),
    #[error("MQTT is switched off on this host")]
    MqttOff,
    #[error(transparent)]
    BrokerStore(#[from] tidegate_broker::store::StoreError),
    #[error(
        "`{0}` has no record of an invocation `{1}`: the last ones are kept, failures longer than others"
    )]
    NoSuchInvocation(Name, String),
    #[error(transparent)]
    LogFilter(#[from] InvalidFilter),
    #[error("this process has a log of its own, which the host did not start")]
    NoLog,
    #[error("there is no client `{0}`; `tidegate broker clients` lists those that there are")]
    NoSuchClient(String),
    #[error("`{0}` has no dead letter `{1}`; `tidegate dead-letters` lists those that there are")]
    NoSuchDeadLetter(Name, String),
    #[error(
        "`{0}` has {1} messages in its inbox and {2} dead letters: say what becomes of them with `inbox=keep`, \
         for a function of the same name to take them over, or with `inbox=drop`"
    )]
    InboxNotEmpty(Name, usize, usize),
}

impl ApiError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            ApiError::Deploy(error) => deploy_status_and_code(error),
            ApiError::Name(_) => (S::BAD_REQUEST, "invalid_name"),
            ApiError::Secret(_) => (S::BAD_REQUEST, "secret_invalid"),
            ApiError::Device(error) => device_status_and_code(error),
            ApiError::InvalidDevice(_) => (S::BAD_REQUEST, "device_invalid"),
            ApiError::Storage(StorageError::BucketFull(_)) => {
                (S::INSUFFICIENT_STORAGE, "bucket_full")
            }
            ApiError::Storage(_) => (S::SERVICE_UNAVAILABLE, "storage_unavailable"),
            ApiError::Publish(PublishError::RetainedFull) => {
                (S::INSUFFICIENT_STORAGE, "retained_full")
            }
            ApiError::Publish(_) => (S::SERVICE_UNAVAILABLE, "broker_unavailable"),
            ApiError::NoToken => (S::UNAUTHORIZED, "token_missing"),
            ApiError::BadToken(_) => (S::UNAUTHORIZED, "token_invalid"),
            ApiError::Forbidden { .. } => (S::FORBIDDEN, "role_insufficient"),
            ApiError::ForeignOrigin => (S::FORBIDDEN, "origin_foreign"),
            ApiError::BadLogin => (S::UNAUTHORIZED, "login_invalid"),
            ApiError::NoSuchPath => (S::NOT_FOUND, "no_such_path"),
            ApiError::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method_not_allowed"),
            ApiError::UploadTooLarge => (S::PAYLOAD_TOO_LARGE, "component_too_large"),
            ApiError::UploadTooSlow => (S::REQUEST_TIMEOUT, "upload_too_slow"),
            ApiError::FilesTooLarge => (S::PAYLOAD_TOO_LARGE, "files_too_large"),
            ApiError::BodyTooLarge(_) => (S::PAYLOAD_TOO_LARGE, "body_too_large"),
            ApiError::BadRequest(_) => (S::BAD_REQUEST, "bad_request"),
            ApiError::NoSuchKey(..) => (S::NOT_FOUND, "no_such_key"),
            ApiError::MqttOff => (S::CONFLICT, "mqtt_off"),
            ApiError::BrokerStore(_) => (S::SERVICE_UNAVAILABLE, "storage_unavailable"),
            ApiError::NoSuchInvocation(..) => (S::NOT_FOUND, "no_such_invocation"),
            ApiError::LogFilter(_) => (S::BAD_REQUEST, "log_filter_invalid"),
            ApiError::NoLog => (S::CONFLICT, "log_not_ours"),
            ApiError::NoSuchClient(_) => (S::NOT_FOUND, "no_such_client"),
            ApiError::NoSuchDeadLetter(..) => (S::NOT_FOUND, "no_such_dead_letter"),
            ApiError::InboxNotEmpty(..) => (S::CONFLICT, "inbox_not_empty"),
        }
    }

    /// The problem document, with the request's id in it.
    pub(super) fn render(&self, request_id: &str) -> Response {
        let (status, code) = self.status_and_code();
        if status.is_server_error() {
            tracing::error!(code, error = %self, request_id, "a request of the admin API failed");
        }
        let problem = Problem {
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            code,
            detail: self.to_string(),
            request_id,
        };
        let mut response = (status, json!(problem).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn deploy_status_and_code(error: &DeployError) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match error {
        DeployError::NotAComponent(NotAComponent::Empty) => (S::BAD_REQUEST, "component_empty"),
        DeployError::NotAComponent(NotAComponent::CoreModule(error)) => match error {
            ComponentizeError::ForeignImports(_) => (S::UNPROCESSABLE_ENTITY, "import_unknown"),
            ComponentizeError::Invalid(_) => (S::UNPROCESSABLE_ENTITY, "core_module"),
            ComponentizeError::Host(_) => (S::INTERNAL_SERVER_ERROR, "compiler_unavailable"),
        },
        DeployError::NotAComponent(NotAComponent::Other(_)) => {
            (S::UNSUPPORTED_MEDIA_TYPE, "not_a_component")
        }
        DeployError::NotAComponent(NotAComponent::Invalid(_)) => {
            (S::UNPROCESSABLE_ENTITY, "component_invalid")
        }
        DeployError::Manifest(ManifestError::Parameter { .. }) => {
            (S::BAD_REQUEST, "parameter_invalid")
        }
        DeployError::Manifest(_) => (S::UNPROCESSABLE_ENTITY, "manifest_invalid"),
        DeployError::Misfit(misfit) => (S::UNPROCESSABLE_ENTITY, misfit_code(misfit)),
        DeployError::Async(AsyncUnavailable::SwitchedOff) => {
            (S::UNPROCESSABLE_ENTITY, "wasi_p3_off")
        }
        DeployError::Async(AsyncUnavailable::Failed(_)) => {
            (S::SERVICE_UNAVAILABLE, "wasi_p3_unavailable")
        }
        DeployError::Compile(CompileError::Invalid(_)) => {
            (S::UNPROCESSABLE_ENTITY, "component_invalid")
        }
        DeployError::Compile(CompileError::TooExpensive) => {
            (S::UNPROCESSABLE_ENTITY, "compile_limit")
        }
        DeployError::Compile(CompileError::Host(_)) => {
            (S::INTERNAL_SERVER_ERROR, "compiler_unavailable")
        }
        DeployError::Link(_) => (S::UNPROCESSABLE_ENTITY, "component_unlinkable"),
        DeployError::Export(_) => (S::UNPROCESSABLE_ENTITY, "export_mistyped"),
        DeployError::Clash(_) => (S::CONFLICT, "route_clash"),
        DeployError::NoSuchFunction(_) => (S::NOT_FOUND, "no_such_function"),
        DeployError::NoSuchRevision(..) => (S::NOT_FOUND, "no_such_revision"),
        DeployError::NothingToRollBackTo(_) => (S::CONFLICT, "nothing_to_roll_back_to"),
        DeployError::MissingSecret(_) => (S::UNPROCESSABLE_ENTITY, "secret_missing"),
        DeployError::NoSuchSecret(_) => (S::NOT_FOUND, "no_such_secret"),
        DeployError::SecretInUse(..) => (S::CONFLICT, "secret_in_use"),
        DeployError::TooManySecrets => (S::CONFLICT, "too_many_secrets"),
        DeployError::NoSuchDatabase(_) => (S::NOT_FOUND, "no_such_database"),
        DeployError::DatabaseGranted(..) => (S::CONFLICT, "database_granted"),
        DeployError::DatabaseInUse(_) => (S::CONFLICT, "database_in_use"),
        DeployError::Busy => (S::SERVICE_UNAVAILABLE, "uploads_busy"),
        DeployError::Storage(_) => (S::SERVICE_UNAVAILABLE, "storage_unavailable"),
        DeployError::Host(_) => (S::INTERNAL_SERVER_ERROR, "host_error"),
    }
}

fn device_status_and_code(error: &DeviceError) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match error {
        DeviceError::NoSuchDevice(_) => (S::NOT_FOUND, "no_such_device"),
        // The request said `If-None-Match: *`.
        DeviceError::Exists(_) => (S::PRECONDITION_FAILED, "device_exists"),
        DeviceError::CertificateTaken(..) => (S::CONFLICT, "certificate_taken"),
        DeviceError::TooMany => (S::CONFLICT, "too_many_devices"),
        DeviceError::NoRandomness | DeviceError::Failed => (S::INTERNAL_SERVER_ERROR, "host_error"),
        DeviceError::Storage(_) => (S::SERVICE_UNAVAILABLE, "storage_unavailable"),
    }
}

fn misfit_code(misfit: &Misfit) -> &'static str {
    match misfit {
        Misfit::NothingToTrigger(_) => "nothing_to_trigger",
        Misfit::TriggerWithoutExport { .. } => "export_missing",
        Misfit::NoProgram(_) => "program_missing",
        Misfit::MqttWithoutTopic | Misfit::TicksWithoutSchedule => "trigger_missing",
        Misfit::TwoHandlers(_) => "handler_ambiguous",
        Misfit::WrongVersions(_) => "import_version",
        Misfit::UnknownImports(_) => "import_unknown",
        Misfit::NoBucket(_)
        | Misfit::NoDatabase(_)
        | Misfit::NoPublish(_)
        | Misfit::NoBroker(_) => "grant_missing",
    }
}

/// An error on its way through axum; [`super::router`] renders it, where the request's id is known.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

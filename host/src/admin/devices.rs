//! Devices: list, show, add, change, give a new password, delete. A password is said once, in the answer that it was
//! made for.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_broker::access::PermissionFilter;

use super::error::ApiError;
use super::router::{AdminState, Administers, ApiResult, Host, Viewer, name};
use super::time::from_ms;
use crate::access::devices::{DeviceError, Put};
use crate::limits::DEVICES_PAGE;
use crate::model::device::{Device as Known, DeviceSettings};
use crate::model::name::Name;

/// An MQTT client that the host knows.
#[derive(Serialize, JsonSchema)]
pub(super) struct Device {
    name: Name,
    /// Topic filters that it may publish to.
    publish: Vec<PermissionFilter>,
    /// Topic filters that it may subscribe to.
    subscribe: Vec<PermissionFilter>,
    /// Names in client certificates that stand for it.
    certificates: Vec<String>,
    created_at: String,
}

/// A device that was added, with its password, or one that was changed.
#[derive(Serialize, JsonSchema)]
pub(super) struct PutDevice {
    #[serde(flatten)]
    device: Device,
    /// Shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// A device's new password.
#[derive(Serialize, JsonSchema)]
pub(super) struct DevicePassword {
    name: Name,
    /// Shown once.
    password: String,
}

/// A page of devices, by name.
#[derive(Serialize, JsonSchema)]
pub(super) struct Devices {
    devices: Vec<Device>,
    /// For the next page, if there is one.
    cursor: Option<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    cursor: Option<Name>,
}

/// Settings as the API takes them: what is left out is nothing, but for the name that a certificate has by default.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceRequest {
    #[serde(default)]
    publish: Vec<String>,
    #[serde(default)]
    subscribe: Vec<String>,
    certificates: Option<Vec<String>>,
}

/// `GET /devices`
pub(super) async fn list(
    _: Viewer,
    State(host): Host,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Devices>> {
    let mut devices = host.devices.list(query.cursor.as_ref(), DEVICES_PAGE + 1);
    let more = devices.len() > DEVICES_PAGE;
    devices.truncate(DEVICES_PAGE);
    let cursor = devices
        .last()
        .filter(|_| more)
        .map(|device| device.name.clone());
    let devices = devices.iter().map(Device::of).collect();
    Ok(Json(Devices { devices, cursor }))
}

/// `GET /devices/{name}`
pub(super) async fn show(
    _: Viewer,
    State(host): Host,
    Path(device): Path<String>,
) -> ApiResult<Json<Device>> {
    let device = host.devices.get(&name(&device)?)?;
    Ok(Json(Device::of(&device)))
}

/// `PUT /devices/{name}`: with `If-None-Match: *` a device is added only, with `If-Match: *` changed only.
pub(super) async fn put(
    Administers(actor): Administers,
    State(host): Host,
    Path(device): Path<String>,
    headers: HeaderMap,
    Json(request): Json<DeviceRequest>,
) -> ApiResult<(StatusCode, Json<PutDevice>)> {
    let device = name(&device)?;
    let certificates = request
        .certificates
        .unwrap_or_else(|| vec![device.to_string()]);
    let settings = DeviceSettings::parse(&request.publish, &request.subscribe, certificates)?;
    let put = match (headers.get(IF_NONE_MATCH), headers.get(IF_MATCH)) {
        (None, None) => Put::Either,
        (Some(any), None) if any == "*" => Put::Add,
        (None, Some(any)) if any == "*" => Put::Change,
        _ => {
            let reason = "of `If-None-Match` and `If-Match`, give one, and with `*`";
            return Err(ApiError::BadRequest(reason.to_owned()));
        }
    };
    let devices = host.devices.clone();
    let (changed, to) = (device.clone(), device.clone());
    let change = async move { devices.put(to, settings, put).await };
    let (device, password) = carry_through(&host, changed, change).await?;
    let status = match &password {
        Some(_) => {
            tracing::info!(device = %device.name, actor, "device added");
            StatusCode::CREATED
        }
        None => {
            tracing::info!(device = %device.name, actor, "device changed");
            StatusCode::OK
        }
    };
    let answer = PutDevice {
        device: Device::of(&device),
        password: password.map(|password| password.reveal().to_owned()),
    };
    Ok((status, Json(answer)))
}

/// `POST /devices/{name}/password`
pub(super) async fn renew_password(
    Administers(actor): Administers,
    State(host): Host,
    Path(device): Path<String>,
) -> ApiResult<Json<DevicePassword>> {
    let device = name(&device)?;
    let (devices, of) = (host.devices.clone(), device.clone());
    let change = async move { devices.renew_password(&of).await };
    let password = carry_through(&host, device.clone(), change).await?;
    tracing::info!(%device, actor, "device given a new password");
    Ok(Json(DevicePassword {
        name: device,
        password: password.reveal().to_owned(),
    }))
}

/// `DELETE /devices/{name}`
pub(super) async fn delete(
    Administers(actor): Administers,
    State(host): Host,
    Path(device): Path<String>,
) -> ApiResult<StatusCode> {
    let device = name(&device)?;
    let (devices, gone) = (host.devices.clone(), device.clone());
    let change = async move { devices.delete(&gone).await };
    carry_through(&host, device.clone(), change).await?;
    tracing::info!(%device, actor, "device deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a change and lets the broker know, whatever becomes of the request.
async fn carry_through<T: Send + 'static>(
    host: &Arc<AdminState>,
    device: Name,
    change: impl Future<Output = Result<T, DeviceError>> + Send + 'static,
) -> Result<T, DeviceError> {
    let broker = host.broker.clone();
    let change = async move {
        let done = change.await?;
        if let Some(broker) = broker {
            broker.access_changed(device.as_str());
        }
        Ok(done)
    };
    host.devices.carry_through(change).await
}

impl Device {
    fn of(device: &Known) -> Device {
        let settings = &device.settings;
        Device {
            name: device.name.clone(),
            publish: settings.permissions.publish.clone(),
            subscribe: settings.permissions.subscribe.clone(),
            certificates: settings.certificates.clone(),
            created_at: from_ms(device.created_ms),
        }
    }
}

//! What is uploaded: a component by itself, or a form with the parts `component`, `manifest` and `file`.

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest as _, Multipart, Request};
use http::header;
use tokio::time::timeout;

use super::error::ApiError;
use super::router::read_body;
use crate::deploy::activate::Upload;
use crate::limits::{
    COMPONENT_BYTES_MAX, FILES_BYTES_MAX, FILES_MAX, MANIFEST_BYTES_MAX, UPLOAD_TIMEOUT,
};
use crate::model::name::Name;

/// The body as a component, or as a form, if it arrives in time.
pub(super) async fn upload(
    name: Name,
    parameters: Vec<(String, String)>,
    request: Request,
) -> Result<Upload, ApiError> {
    let upload = timeout(UPLOAD_TIMEOUT, receive(name, parameters, request)).await;
    upload.unwrap_or(Err(ApiError::UploadTooSlow))
}

async fn receive(
    name: Name,
    parameters: Vec<(String, String)>,
    request: Request,
) -> Result<Upload, ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"multipart/form-data")) {
        let form = Multipart::from_request(request, &())
            .await
            .map_err(|error| ApiError::BadRequest(error.to_string()))?;
        return upload_from_form(name, parameters, form).await;
    }
    let too_large = || ApiError::UploadTooLarge;
    Ok(Upload {
        name,
        component: read_body(request.into_body(), COMPONENT_BYTES_MAX, too_large).await?,
        manifest: None,
        parameters,
        files: Vec::new(),
    })
}

async fn upload_from_form(
    name: Name,
    parameters: Vec<(String, String)>,
    mut form: Multipart,
) -> Result<Upload, ApiError> {
    let (mut component, mut manifest) = (None, None);
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut file_bytes_left = FILES_BYTES_MAX;
    while let Some(field) = form.next_field().await.map_err(cut_short)? {
        match field.name().unwrap_or_default() {
            "component" => {
                let too_large = || ApiError::UploadTooLarge;
                component = Some(read(field, COMPONENT_BYTES_MAX, too_large).await?);
            }
            "manifest" => {
                let too_large = || ApiError::BodyTooLarge(MANIFEST_BYTES_MAX);
                let bytes = read(field, MANIFEST_BYTES_MAX, too_large).await?;
                let not_text =
                    |_| ApiError::BadRequest("the part `manifest` is not text".to_owned());
                manifest = Some(String::from_utf8(bytes).map_err(not_text)?);
            }
            "file" => {
                let path = field.file_name().unwrap_or_default().to_owned();
                let too_large = || ApiError::FilesTooLarge;
                let bytes = read(field, file_bytes_left, too_large).await?;
                file_bytes_left -= bytes.len();
                files.push((path, bytes));
                if files.len() > FILES_MAX {
                    return Err(ApiError::FilesTooLarge);
                }
            }
            other => {
                let text = format!(
                    "the form has a part `{other}`; an upload has `component`, `manifest` and, for each file that the \
                     function reads, `file` with its path as the file name"
                );
                return Err(ApiError::BadRequest(text));
            }
        }
    }
    let missing = || ApiError::BadRequest("the form lacks the part `component`".to_owned());
    Ok(Upload {
        name,
        component: component.ok_or_else(missing)?,
        manifest,
        parameters,
        files,
    })
}

async fn read(
    mut field: Field<'_>,
    bytes_max: usize,
    too_large: impl Fn() -> ApiError,
) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(cut_short)? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn cut_short(error: MultipartError) -> ApiError {
    ApiError::BadRequest(format!("the form cannot be read: {}", error.body_text()))
}

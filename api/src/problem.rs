//! Errors as clients see them: RFC 9457 problem details, one shape for all.
//!
//! A handler returns a [`Problem`]; the outermost layer writes it, because only there the
//! request's path is at hand and what the router itself refuses can be given the same shape.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::store::StoreError;

/// The media type of every error.
const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, in words for the caller. Never the text of a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    /// Stable; programs compare this.
    code: &'static str,
    /// One sentence that names the input and says what to do.
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// For what the router or an extractor refused without a word of ours.
    fn of_status(status: StatusCode, path: &str) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("not-found", format!("there is nothing at \"{path}\"")),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method-not-allowed", format!("\"{path}\" is only read; use GET"))
            }
            StatusCode::INTERNAL_SERVER_ERROR => {
                ("internal", "this request failed for a reason that is not yours".to_owned())
            }
            _ => ("bad-request", format!("the request for \"{path}\" cannot be read")),
        };
        Self { status, code, detail }
    }

    fn body(&self, path: &str) -> String {
        json!({
            "type": format!("urn:crypto-pipeline:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": path,
            "code": self.code,
        })
        .to_string()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let error: &dyn std::error::Error = &error;
        tracing::error!(error, "store cannot be read");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store-unavailable",
            "the store cannot be read; try again in a moment",
        )
    }
}

/// The layer that writes every error as a problem.
pub(crate) async fn write_problems(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        None if has_own_form(&response) => return response,
        None => Problem::of_status(status, &path),
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, problem.body(&path).into())
}

/// `/health` says in its own form what is wrong.
fn has_own_form(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|media| media.as_bytes().starts_with(b"application/"))
}

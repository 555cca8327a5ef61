//! Static files: the console page, the examples and the SDK, as `npm run build` made them, and the API reference.

use std::path::{Component, Path, PathBuf};

use apigateway::Refused;
use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::pages::{self, Pages};
use crate::security::{Content, SecurityHeaders};
use crate::{Options, demo};

/// The machine-readable contract, as it was generated from the code's types.
const OPENAPI: &str = include_str!("../../../docs/api/openapi.json");
const ASYNCAPI: &str = include_str!("../../../docs/api/asyncapi.json");
const REFERENCE: &str = include_str!("reference.html");
const HTML: &str = "text/html; charset=utf-8";
/// Below it are the files that the SDK's captions load.
const CAPTIONS: &str = "captions";
/// The SDK's reference. Its pages name each other from where they are, so the folder must stand in the address.
const SDK_REFERENCE: &str = "/docs/sdk/";
const NOT_BUILT: &str = include_str!("not_built.html");

/// The site: its files, and what describes the server.
pub struct Site {
    pages: Pages,
    /// The folder of the files for captions, which need not be there.
    captions: PathBuf,
    /// Whether the page may offer the demo accounts. The list that is built with the page is empty.
    has_demo_accounts: bool,
    headers: SecurityHeaders,
}

impl Site {
    /// The site of a server.
    pub fn new(options: &Options) -> Self {
        Self {
            pages: Pages::of(options.console.clone()),
            captions: pages::captions(options.captions.clone()),
            has_demo_accounts: options.has_demo(),
            headers: SecurityHeaders::new(options.public_url.as_deref()),
        }
    }

    /// Answers a request that no route matches, if there is such a file.
    pub async fn serve(&self, request: Request<()>) -> Option<Result<Response<Bytes>, Refused>> {
        let path = request.uri().path();
        if SDK_REFERENCE.strip_suffix('/') == Some(path) {
            return Some(Ok(moved(SDK_REFERENCE)));
        }
        let (kind, body) = match path {
            "/docs" => (HTML, Bytes::from_static(REFERENCE.as_bytes())),
            "/openapi.json" => ("application/json", Bytes::from_static(OPENAPI.as_bytes())),
            "/asyncapi.json" => ("application/json", Bytes::from_static(ASYNCAPI.as_bytes())),
            // The page finds its files from both addresses; only this one is short.
            "/analytics" => self.file("/analytics/").await?,
            "/demo-accounts.json" if self.has_demo_accounts => ("application/json", Bytes::from(demo::listed())),
            _ => self.file(path).await?,
        };
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return Some(Err(Refused::Method { allowed: "GET, HEAD" }));
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let is_for_captions = path.strip_prefix('/').is_some_and(|path| Path::new(path).starts_with(CAPTIONS));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching(is_for_captions, path)));
        if is_for_captions {
            // For the pages of apps, whatever their origin: there is nothing in it that is not public.
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        self.headers.add(&mut headers, request.headers(), &content(is_for_captions, kind, &body));
        let mut response = Response::new(body);
        *response.headers_mut() = headers;
        Some(Ok(response))
    }

    async fn file(&self, path: &str) -> Option<(&'static str, Bytes)> {
        let relative = relative(path)?;
        let content = match relative.strip_prefix(CAPTIONS) {
            Ok(file) => tokio::fs::read(self.captions.join(file)).await.ok().map(Bytes::from),
            Err(_) => self.pages.read(&relative).await,
        };
        match content {
            Some(content) => Some((content_type(&relative), content)),
            None if path == "/" => Some((HTML, Bytes::from_static(NOT_BUILT.as_bytes()))),
            None => None,
        }
    }
}

/// Leads to another path of this server.
fn moved(to: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    response
}

/// How long browsers keep a file. Where the name holds a hash of what is in it, as `worker.0a1b2c3d4e5f6789.js` does, for ever.
fn caching(is_for_captions: bool, path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_named_by_content = is_for_captions && name.split('.').count() == 3;
    if is_named_by_content { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn content<'a>(is_for_captions: bool, kind: &str, body: &'a [u8]) -> Content<'a> {
    match kind {
        HTML => Content::Page(std::str::from_utf8(body).unwrap_or_default()),
        _ if is_for_captions => Content::Captions,
        _ => Content::File,
    }
}

/// The path below the root; `None` for anything that could lead out of it.
fn relative(path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix('/')?;
    let path = if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
    let plain = Path::new(&path).components().all(|part| matches!(part, Component::Normal(_)));
    let visible = !path.split('/').any(|part| part.starts_with('.'));
    (plain && visible && !path.contains(['\\', '\0', '%'])).then(|| PathBuf::from(path))
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => HTML,
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("wasm") => "application/wasm",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_by_its_content_is_kept_for_ever() {
        let kept = "public, max-age=31536000, immutable";
        assert_eq!(caching(true, "/captions/worker.0a1b2c3d4e5f6789.js"), kept);
        for (is_for_captions, path) in
            [(true, "/captions/assets.json"), (true, "/captions/LICENSES.txt"), (false, "/a.b.js")]
        {
            assert_eq!(caching(is_for_captions, path), "no-cache", "{path}");
        }
    }

    #[test]
    fn no_path_leads_out_of_the_root() {
        for path in ["/../secret", "/a/../../b", "/.env", "/a/.git/config", "/%2e%2e/x", "//etc/passwd", "/a\\b", "x"] {
            assert_eq!(relative(path), None, "{path}");
        }
        assert_eq!(relative("/"), Some(PathBuf::from("index.html")));
        assert_eq!(relative("/examples/"), Some(PathBuf::from("examples/index.html")));
        assert_eq!(relative("/sdk/tunrtc.js"), Some(PathBuf::from("sdk/tunrtc.js")));
    }
}

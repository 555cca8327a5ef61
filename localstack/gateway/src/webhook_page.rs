//! The operator's page about webhooks, at `/webhooks`: endpoints, what came of telling them, and telling them again.
//!
//! It is there under the machine's own names alone (`localhost`, `127.0.0.1`, `[::1]`), so that no other page can have itself called one
//! of them, and for whoever types in an API key: HTTP's Basic authentication, which the browser asks for. A browser keeps that, so what
//! changes something has to come from this page itself, which the browser says (`Sec-Fetch-Site`). It is made here, without a script: a
//! secret in a script's hands is what API keys are refused for in pages.
//!
//! `/analytics-key` asks for a key in the same way and leads to the page about calls. Its script never sees the key: the browser adds it to
//! what the page reads, as it does to everything below the directory in which it was asked (RFC 7617, section 2.2).

use std::fmt::Write;
use std::time::Duration;

use auth::Callers;
use bytes::Bytes;
use domain::endpoints::{self, Wanted};
use domain::ports::{Delivery, EndpointChange, EventPlace, From, Page};
use domain::webhooks::Endpoint;
use domain::{Error, ProjectId, Result, WebhookId};
use gateway::Surroundings;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE,
};
use http::{HeaderName, Method, Request, Response, StatusCode};
use protocol::endpoints::WebhookView;
use protocol::webhooks::test_event;
use protocol::{Page as Cursor, format_time};
use runtime::{Runtime, SettingError};
use store::Store;
use webhook::WebhookLines;

use crate::security::{Content, SecurityHeaders};

const HEAD: &str = include_str!("webhook_page.html");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// At the top, so that the browser adds the key to `/api`, too.
const CALLS_WITH_KEY: &str = "/analytics-key";
const CALLS: &str = "/analytics#key";
/// So many hundreds of events are replayed at once. Whoever wants more has the route for it.
const REPLAYED: usize = 20;
/// So many tries are shown at a time.
const TRIES: usize = 50;

/// The page.
pub struct WebhookPage {
    surroundings: Surroundings,
    store: Store,
    lines: WebhookLines,
    callers: Callers,
    headers: SecurityHeaders,
}

/// What the path asks for.
enum Asked<'a> {
    /// The page about calls, with a key.
    Calls,
    All,
    One(WebhookId),
    Act(WebhookId, &'a str),
}

/// What is answered.
enum Shown {
    Page(String),
    /// It was done, and what came of it is shown there.
    Done(String),
}

impl WebhookPage {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> std::result::Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            lines: runtime.get()?,
            callers: runtime.get()?,
            headers: SecurityHeaders::new(None),
        })
    }

    /// Answers what is this page's to answer.
    pub async fn serve(&self, request: &Request<()>) -> Option<Response<Bytes>> {
        let asked = asked(request.uri().path()).filter(|_| is_own_name(request.headers()))?;
        let shown = self.show(request, asked).await;
        let mut response = Response::new(Bytes::new());
        let (status, page) = match shown {
            Ok(Shown::Page(page)) => (StatusCode::OK, page),
            Ok(Shown::Done(path)) => {
                let location = HeaderValue::from_str(&path).expect("an identifier is plain");
                response.headers_mut().insert(LOCATION, location);
                (StatusCode::SEE_OTHER, String::new())
            }
            Err(error) => {
                let (status, title) = gateway::problem::status(&error);
                if status == StatusCode::UNAUTHORIZED {
                    let basic = HeaderValue::from_static(
                        "Basic realm=\"TunRTC: an API key and its secret\", charset=\"UTF-8\"",
                    );
                    response.headers_mut().insert(WWW_AUTHENTICATE, basic);
                }
                (status, page(title, &format!("<p>{}</p>", escaped(&error.to_string()))))
            }
        };
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.headers.add(headers, request.headers(), &Content::Page(&page));
        *response.body_mut() = Bytes::from(page);
        Some(response)
    }

    async fn show(&self, request: &Request<()>, asked: Asked<'_>) -> Result<Shown> {
        let project = self.project(request.headers()).await?;
        match (asked, request.method()) {
            (Asked::Calls, &Method::GET) => Ok(Shown::Done(CALLS.to_owned())),
            (Asked::All, &Method::GET) => {
                let all = endpoints::all(&self.store, &project).await?;
                Ok(Shown::Page(list(&project, &all)))
            }
            (Asked::One(id), &Method::GET) => {
                let endpoint = endpoints::find(&self.store, &project, id).await?;
                let before = query(request, "before").and_then(|cursor| Cursor::parse(None, Some(cursor)).ok()?.before);
                let context = self.surroundings.context(self.surroundings.clock.now());
                let tries = endpoints::deliveries(&self.store, context, (&project, id), TRIES, before.as_ref()).await?;
                Ok(Shown::Page(detail(&endpoint, &tries)))
            }
            (Asked::Act(id, what), &Method::POST) => {
                if request.headers().get(FETCH_SITE).is_none_or(|site| site != "same-origin") {
                    return Err(Error::forbidden("this has to be asked for from the page itself"));
                }
                self.act(&project, id, what, query(request, "minutes")).await?;
                Ok(Shown::Done(format!("/webhooks/{id}")))
            }
            _ => Err(Error::NotFound),
        }
    }

    /// The project of the key that was typed in.
    async fn project(&self, headers: &HeaderMap) -> Result<ProjectId> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let context = self.surroundings.context(self.surroundings.clock.now());
        let life = context.policy.access_token;
        let caller = self.callers.verify(&self.store, given, context.now, life).await?.fresh()?;
        caller.require_project()?;
        Ok(caller.scope().project.clone())
    }

    async fn act(&self, project: &ProjectId, id: WebhookId, what: &str, minutes: Option<&str>) -> Result<()> {
        let context = self.surroundings.context(self.surroundings.clock.now());
        match what {
            "test" => {
                let endpoint = endpoints::find_enabled(&self.store, project, id).await?;
                let event = store::event_id(&id, &WebhookId::new(context.ids, context.now).to_string());
                endpoints::send_test(&self.lines, &endpoint, test_event(&event, &endpoint, context.now)).await
            }
            "replay" => {
                let minutes: u32 = minutes.and_then(|minutes| minutes.parse().ok()).unwrap_or(60);
                let mut from = From::Time(context.now.minus(Duration::from_secs(60) * minutes));
                for _ in 0..REPLAYED {
                    let wanted = Wanted { from, limit: 100, kinds: None };
                    let (_, next) = endpoints::replay(
                        &self.store,
                        &self.lines,
                        context,
                        (project, id),
                        &wanted,
                        protocol::webhooks::name,
                    )
                    .await?;
                    let Some(place) = next else { break };
                    from = From::After(place);
                }
                Ok(())
            }
            "off" | "on" => {
                let disabled_at = Some((what == "off").then_some(context.now));
                let change = EndpointChange { disabled_at, ..EndpointChange::default() };
                endpoints::change(&self.store, project, id, &change).await.map(drop)
            }
            _ => Err(Error::NotFound),
        }
    }
}

fn asked(path: &str) -> Option<Asked<'_>> {
    if path == CALLS_WITH_KEY {
        return Some(Asked::Calls);
    }
    let rest = path.strip_prefix("/webhooks")?;
    let mut steps = rest.split('/').filter(|step| !step.is_empty());
    match (steps.next(), steps.next(), steps.next()) {
        (None, ..) => Some(Asked::All),
        (Some(id), None, _) => id.parse().ok().map(Asked::One),
        (Some(id), Some(what), None) => id.parse().ok().map(|id| Asked::Act(id, what)),
        _ => None,
    }
}

/// Whether the machine was asked by a name that no other machine has.
fn is_own_name(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    matches!(name.map_or(host, |(name, _)| name), "localhost" | "127.0.0.1" | "[::1]")
}

fn query<'a>(request: &'a Request<()>, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
}

fn escaped(text: &str) -> String {
    let entity = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(entity).collect()
}

fn page(title: &str, main: &str) -> String {
    HEAD.replace("{title}", &escaped(title)).replace("{main}", main)
}

/// A button that asks for something of an endpoint.
fn button(id: WebhookId, what: &str, words: &str) -> String {
    format!("<form method=\"post\" action=\"/webhooks/{id}/{what}\"><button>{words}</button></form>")
}

fn state(endpoint: &Endpoint) -> String {
    match endpoint.disabled_at {
        Some(at) => format!("<span><b class=\"bad\">off</b> since {}</span>", format_time(at)),
        None => "<span><b class=\"good\">on</b></span>".to_owned(),
    }
}

fn list(project: &ProjectId, all: &[Endpoint]) -> String {
    let rows = all.iter().fold(String::new(), |mut rows, endpoint| {
        let view = WebhookView::new(endpoint, None);
        let (id, url, says) = (endpoint.id, escaped(&view.url), escaped(&view.description));
        // Writing into a text does not fail.
        let _written = write!(
            rows,
            "<tr><td data-of=\"Address\"><a href=\"/webhooks/{id}\">{url}</a></td><td data-of=\"Description\">{says}</td>\
             <td data-of=\"Types\">{}</td><td data-of=\"State\">{}</td></tr>",
            if endpoint.kinds.is_none() { "everything".to_owned() } else { view.types.join(", ") },
            state(endpoint),
        );
        rows
    });
    let main = match all {
        [] => "<p>There is no endpoint yet. A backend names one with <code>POST /api/webhooks</code>.</p>".to_owned(),
        _ => format!(
            "<table><thead><tr><th>Address<th>Description<th>Types<th>State</tr></thead><tbody>{rows}</tbody></table>"
        ),
    };
    page(&format!("Webhooks of {project}"), &main)
}

fn detail(endpoint: &Endpoint, tries: &Page<Delivery, EventPlace>) -> String {
    let id = endpoint.id;
    let buttons = match endpoint.disabled_at {
        Some(_) => button(id, "on", "Switch on"),
        None => [
            button(id, "test", "Send a test"),
            button(id, "replay?minutes=60", "Replay the last hour"),
            button(id, "replay?minutes=1440", "Replay the last day"),
            button(id, "replay?minutes=10080", "Replay 7 days"),
            button(id, "off", "Switch off"),
        ]
        .concat(),
    };
    let rows: String = tries.items.iter().map(row).collect();
    let table = match rows.as_str() {
        "" => "<p>Nothing was sent in the last 3 days.</p>".to_owned(),
        rows => format!(
            "<table><thead><tr><th>When<th>Event<th>Try<th>Answer<th>Outcome</tr></thead><tbody>{rows}</tbody></table>"
        ),
    };
    let more = tries.next.as_ref().map(|last| {
        let cursor = Cursor::cursor(last);
        format!("<p><a href=\"/webhooks/{id}?before={cursor}\">Older</a></p>")
    });
    let main = format!(
        "<p><a href=\"/webhooks\">All endpoints</a></p><p>{} {}</p><div class=\"buttons\">{buttons}</div>\
         <h2>What came of telling it</h2>{table}{}",
        state(endpoint),
        escaped(&endpoint.description),
        more.unwrap_or_default(),
    );
    page(&endpoint.url, &main)
}

fn row(delivery: &Delivery) -> String {
    let answer = match (delivery.status, &delivery.failure) {
        (Some(status), _) => status.to_string(),
        (None, failure) => escaped(failure.as_deref().unwrap_or("none")),
    };
    let class = if delivery.outcome == "delivered" { "good" } else { "bad" };
    format!(
        "<tr><td data-of=\"When\">{}</td><td data-of=\"Event\">{}<br><code>{}</code></td><td data-of=\"Try\">{}</td>\
         <td data-of=\"Answer\">{answer}, {} ms</td><td data-of=\"Outcome\"><b class=\"{class}\">{}</b></td></tr>",
        format_time(delivery.at),
        escaped(&delivery.kind),
        escaped(&delivery.event),
        delivery.attempt,
        delivery.took.as_millis(),
        delivery.outcome,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_machine_itself_are_its_own() {
        let of = |host: &str| is_own_name(&HeaderMap::from_iter([(HOST, host.parse().expect("a value"))]));
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "[::1]"] {
            assert!(of(host), "{host}");
        }
        for host in ["", "localhost.evil.example", "192.168.0.7:5000", "evil.example:5000", "localhost:x", "[::2]:5000"]
        {
            assert!(!of(host), "{host}");
        }
    }

    #[test]
    fn a_path_is_the_list_an_endpoint_or_something_to_do() {
        let id = "019aab3f-5c00-7000-8000-000000000000";
        assert!(matches!(asked("/webhooks"), Some(Asked::All)));
        assert!(matches!(asked("/webhooks/"), Some(Asked::All)));
        assert!(matches!(asked(&format!("/webhooks/{id}")), Some(Asked::One(_))));
        assert!(matches!(asked(&format!("/webhooks/{id}/test")), Some(Asked::Act(_, "test"))));
        assert!(matches!(asked("/analytics-key"), Some(Asked::Calls)));
        for path in ["/", "/webhook", "/webhooks/x", &format!("/webhooks/{id}/a/b")] {
            assert!(asked(path).is_none(), "{path}");
        }
    }

    #[test]
    fn what_others_wrote_stays_text() {
        assert_eq!(escaped("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
    }
}

//! What each path answers.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Body;
use super::answer::{Asker, Outcome, with_body};
use super::credential::Credential;
use super::question::{Question, set};
use super::shared::{Request as Asked, Shared};
use crate::crypto::Secret;
use crate::vault::RequestText;
use crate::view::AnswerView;

/// Largest body, in bytes: a token and what is required of it.
const BODY_LIMIT: usize = 8 * 1024;

/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(10);

/// What is logged of a program's question that is none.
const NO_QUESTION: &str = "a question of POST /v1/verify is none; its answer says why";

/// What is logged of a token where only an operator writes.
const TOKEN_IN_OURS: &str = "a token in the query of /auth/nginx or /auth/proxy is refused: there the proxy's configuration says what is required";

/// What a proxy says of the client's request.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// OpenMetrics 1.0, which Prometheus reads.
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Route {
    Ask(Asker),
    Health,
    Metrics,
    Ready,
}

fn route(path: &str) -> Option<Route> {
    let is_under = |asker: &Asker| {
        let rest = path.strip_prefix(asker.path());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    Some(match path {
        "/healthz" => Route::Health,
        "/readyz" => Route::Ready,
        "/metrics" => Route::Metrics,
        _ if path == Asker::Api.path() => Route::Ask(Asker::Api),
        _ => {
            let mut proxies = [Asker::Nginx, Asker::Proxy, Asker::Envoy].into_iter();
            Route::Ask(proxies.find(is_under)?)
        }
    })
}

/// Answers one request, whatever it is.
pub(super) async fn answer(
    shared: &Shared,
    peer: Option<&str>,
    request: Request<Incoming>,
) -> Response<Body> {
    let Some(route) = route(request.uri().path()) else {
        return told(
            StatusCode::NOT_FOUND,
            "there is nothing at this path; see `keywright serve --help`",
        );
    };
    let (allowed, allow) = match route {
        Route::Ask(Asker::Api) => (request.method() == Method::POST, "POST"),
        Route::Ask(_) => (true, ""),
        _ => (
            [Method::GET, Method::HEAD].contains(request.method()),
            "GET, HEAD",
        ),
    };
    if !allowed {
        let mut refused = told(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path takes another method",
        );
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(allow));
        return refused;
    }
    match route {
        Route::Health => told(StatusCode::OK, "ok"),
        Route::Ready if shared.is_stopping() => told(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        Route::Ready => match shared.known().await {
            Some(_) => told(StatusCode::OK, "ready"),
            None => told(StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        },
        Route::Metrics => {
            let answer = Response::new(Body::default());
            with_body(answer, METRICS, shared.metrics.text().into_bytes())
        }
        Route::Ask(Asker::Api) => answer_api(shared, peer, request).await,
        Route::Ask(asker) => answer_proxy(shared, peer, asker, &request).await,
    }
}

async fn answer_proxy(
    shared: &Shared,
    peer: Option<&str>,
    asker: Asker,
    request: &Request<Incoming>,
) -> Response<Body> {
    let headers = request.headers();
    let text = |name: HeaderName| {
        headers
            .get(name)
            .map(|it| String::from_utf8_lossy(it.as_bytes()))
    };
    // What the client asked of the proxy.
    let (method, target) = match asker {
        Asker::Envoy => {
            // It appends the client's path and query to its prefix, so that a query there is the client's own.
            let target = request.uri().path_and_query().map_or("", |it| it.as_str());
            let target = target.strip_prefix(asker.path());
            (Some(request.method().clone()), target.map(Cow::from))
        }
        Asker::Nginx => (
            text(ORIGINAL_METHOD).and_then(|it| it.parse().ok()),
            text(ORIGINAL_URI),
        ),
        _ => (
            text(FORWARDED_METHOD).and_then(|it| it.parse().ok()),
            text(FORWARDED_URI),
        ),
    };
    let question = match asker {
        Asker::Envoy => asked_in_headers(headers, method.as_ref()),
        _ => {
            let query = request.uri().query().unwrap_or("");
            if Question::query_has_token(query) {
                let fields = [("what", TOKEN_IN_OURS.to_owned())];
                shared.log.warn_once("token-in-query", &fields);
            }
            Question::of(query, method.as_ref())
        }
    };
    let target = target.as_deref();
    let in_query = target.is_some_and(Question::has_token);
    let client = client(headers, peer);
    let asked = Asked {
        asker,
        credential: Credential::of(headers),
        question,
        in_query,
        request: RequestText {
            method: method.as_ref().map(Method::as_str),
            path: target,
            client: client.as_deref(),
            id: None,
        },
        id: shared.request_id(headers),
    };
    shared.decide(asked).await.0
}

/// The requirements that Envoy is told to add to what it forwards, where a client's own of the same names are overridden.
fn asked_in_headers(headers: &HeaderMap, method: Option<&Method>) -> Result<Question, String> {
    let mut question = Question::default();
    for (name, value) in headers {
        let Some(what) = name.as_str().strip_prefix("x-keywright-") else {
            continue;
        };
        if !["require", "env", "project"].contains(&what) {
            return Err(
                "of the headers X-Keywright-… there are Require, Env and Project".to_owned(),
            );
        }
        let value = value
            .to_str()
            .map_err(|_| format!("`{name}` is not visible ASCII"))?;
        let requirements = &mut question.requirements;
        match what {
            "require" => question.require(value, method)?,
            "env" => set(&mut requirements.environment, "X-Keywright-Env", value)?,
            _ => set(&mut requirements.project, "X-Keywright-Project", value)?,
        }
    }
    Ok(question)
}

/// The client's address as the proxy in front says it, and else the proxy's own. For people to read: nothing depends on it.
fn client<'a>(headers: &'a HeaderMap, peer: Option<&'a str>) -> Option<Cow<'a, str>> {
    let text = |name: HeaderName| headers.get_all(name).iter().next_back()?.to_str().ok();
    let real = text(REAL_IP);
    let forwarded = || text(FORWARDED_FOR)?.rsplit(',').next();
    let said = real.or_else(forwarded).map(str::trim);
    let said = said.and_then(|said| match said.parse().ok()? {
        // It is written in one way only.
        IpAddr::V4(_) => Some(Cow::Borrowed(said)),
        IpAddr::V6(address) => Some(Cow::Owned(address.to_canonical().to_string())),
    });
    said.or(peer.map(Cow::Borrowed))
}

/// The body of a question that a program asks.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiBody<'a> {
    /// As it stands in the body, so that no parser copies it.
    #[serde(borrow, default)]
    token: Option<&'a RawValue>,
    #[serde(default)]
    require: Vec<String>,
    env: Option<String>,
    project: Option<String>,
}

#[derive(Serialize)]
struct ApiAnswer<'a> {
    schema: u32,
    #[serde(flatten)]
    answer: AnswerOrCode<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnswerOrCode<'a> {
    Answer(AnswerView<'a>),
    Code {
        valid: bool,
        code: &'static str,
        key_id: Option<&'a str>,
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
}

async fn answer_api(
    shared: &Shared,
    peer: Option<&str>,
    request: Request<Incoming>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY_TIME, Limited::new(body, BODY_LIMIT).collect()).await
    {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(err)) if err.is::<http_body_util::LengthLimitError>() => {
            return told(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("a body has at most {BODY_LIMIT} bytes"),
            );
        }
        Ok(Err(_)) => return told(StatusCode::BAD_REQUEST, "the body could not be read"),
        Err(_) => return told(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
    };
    let read = match body.is_empty() {
        true => Ok(ApiBody::default()),
        false => serde_json::from_slice::<ApiBody<'_>>(&body).map_err(|err| {
            // serde's own words may repeat what was in the body.
            format!("the body is no question at line {}, column {}; it is a JSON object with `token`, and `require` (a list), \
                     `env` and `project` where they are wanted", err.line(), err.column())
        }),
    };
    let query = head.uri.query().unwrap_or("");
    let question = read.and_then(|body| {
        let mut question = Question::of_program(query)?;
        for word in &body.require {
            question.require(word, None)?;
        }
        let requirements = &mut question.requirements;
        if let Some(environment) = &body.env {
            set(&mut requirements.environment, "env", environment)?;
        }
        if let Some(project) = &body.project {
            set(&mut requirements.project, "project", project)?;
        }
        let token = body
            .token
            .map(|quoted| Secret::from_json_string(quoted.get()).ok_or("`token` is a string"));
        Ok((question, token.transpose()?))
    });
    let (question, token, why) = match question {
        Ok((question, token)) => (Ok(question), token, None),
        // Who asks is told; in the log there would be as many reasons as anybody likes.
        Err(why) => (Err(NO_QUESTION.to_owned()), None, Some(why)),
    };
    let credential = Credential::of(&head.headers);
    let client = client(&head.headers, peer);
    let asked = Asked {
        asker: Asker::Api,
        credential: credential.and(token.as_ref().map(Secret::as_slice)),
        question,
        in_query: false,
        request: RequestText {
            client: client.as_deref(),
            ..RequestText::default()
        },
        id: shared.request_id(&head.headers),
    };
    let (response, outcome) = shared.decide(asked).await;
    let answer = match &outcome {
        Outcome::Checked(verdict) | Outcome::Limited(verdict, _) => {
            AnswerOrCode::Answer(AnswerView::of(verdict))
        }
        other => AnswerOrCode::Code {
            valid: false,
            code: other.code(),
            key_id: None,
            name: None,
            error: why.as_deref(),
        },
    };
    let text = serde_json::to_vec(&ApiAnswer { schema: 1, answer }).unwrap_or_default();
    with_body(response, JSON, text)
}

/// A short answer for people.
fn told(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    with_body(response, TEXT, format!("{text}\n").into_bytes())
}

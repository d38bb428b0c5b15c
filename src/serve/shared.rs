//! What all connections share: the keys, the limits, what is recorded, and how an answer is decided.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Response};

use tokio::task::yield_now;

use super::answer::{Asker, Identities, Outcome};
use super::credential::Credential;
use super::limit::{Limiter, RetryAfter};
use super::log::Log;
use super::metrics::Metrics;
use super::question::Question;
use super::record::Recording;
use super::{Body, reason};
use crate::crypto::SecretSlice;
use crate::key::{Span, Timestamp};
use crate::vault::{Checked, Code, KnownKeys, RequestText, Verifier};

pub(super) struct Shared {
    verifier: Arc<Verifier>,
    /// Held by the one that reads the vault again; the others wait for it without a thread each.
    renewing: tokio::sync::Mutex<()>,
    is_available: AtomicBool,
    served: RwLock<Option<Arc<Served>>>,
    limiter: Limiter,
    since: Instant,
    recording: Recording,
    pub(super) metrics: Arc<Metrics>,
    pub(super) log: Arc<Log>,
    clock: fn() -> Timestamp,
    is_stopping: AtomicBool,
    /// What the ids of requests begin with in this process, and how many there were.
    ids: (String, AtomicU64),
}

/// What is known, and what was made of it.
pub(super) struct Served {
    known: Arc<KnownKeys>,
    identities: Identities,
}

/// A request that asks for an answer.
pub(super) struct Request<'a> {
    pub(super) asker: Asker,
    pub(super) credential: Credential<'a>,
    pub(super) question: Result<Question, String>,
    /// A token stood in the query of the client's own request.
    pub(super) in_query: bool,
    /// As the client sent it to the proxy.
    pub(super) request: RequestText<'a>,
    pub(super) id: HeaderValue,
}

impl Shared {
    pub(super) fn new(
        verifier: Arc<Verifier>,
        recording: Recording,
        (log, metrics): (Arc<Log>, Arc<Metrics>),
        clock: fn() -> Timestamp,
        id_start: String,
    ) -> Self {
        Self {
            verifier,
            renewing: tokio::sync::Mutex::new(()),
            is_available: AtomicBool::new(true),
            served: RwLock::default(),
            limiter: Limiter::default(),
            since: Instant::now(),
            recording,
            metrics,
            log,
            clock,
            is_stopping: AtomicBool::new(false),
            ids: (id_start, AtomicU64::new(0)),
        }
    }

    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// What is known now; `None` while the vault cannot be read.
    pub(super) async fn known(&self) -> Option<Arc<Served>> {
        let looks = self.verifier.looks();
        // Requests that have come by now share a look.
        yield_now().await;
        let known = match self.verifier.current_since(looks, (self.clock)()) {
            Some(known) => known,
            None => self.renewed().await?,
        };
        let before = self
            .served
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(served) = before.filter(|served| Arc::ptr_eq(&served.known, &known)) {
            return Some(served);
        }
        self.metrics.keys.set(known.len() as i64);
        let end = known.expires_at().map_or(0, |end| end.0);
        self.metrics.access_end.set(end);
        self.metrics.available.set(1);
        let served = Arc::new(Served::new(known));
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&served));
        Some(served)
    }

    async fn renewed(&self) -> Option<Arc<KnownKeys>> {
        let _one = self.renewing.lock().await;
        let now = (self.clock)();
        if let Some(known) = self.verifier.current(now) {
            return Some(known);
        }
        let (verifier, begun) = (Arc::clone(&self.verifier), Instant::now());
        let renewed = tokio::task::spawn_blocking(move || verifier.renew(now)).await;
        for warning in self.verifier.take_warnings() {
            self.log.warn_once("warning", &[("what", warning)]);
        }
        let was_available = self
            .is_available
            .swap(matches!(renewed, Ok(Ok(_))), Ordering::Relaxed);
        let why = match renewed {
            Ok(Ok(known)) => {
                let time = begun.elapsed();
                self.metrics.reads.inc();
                self.metrics.read_time.set(time.as_secs_f64());
                let fields = [
                    ("keys", known.len().to_string()),
                    ("ms", time.as_millis().to_string()),
                ];
                self.log.info("vault-read", &fields);
                return Some(known);
            }
            Ok(Err(err)) => reason(&*err),
            Err(_) => "reading the vault failed unexpectedly".to_owned(),
        };
        self.metrics.failed_reads.inc();
        self.metrics.available.set(0);
        if was_available {
            self.log.error("vault-unavailable", &[("why", why)]);
        }
        None
    }

    /// The id of a request: the proxy's, where it is one, or a new one.
    pub(super) fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        const GIVEN: HeaderName = HeaderName::from_static("x-request-id");
        let is_id = |value: &&HeaderValue| {
            let bytes = value.as_bytes();
            !bytes.is_empty() && bytes.len() <= 64 && bytes.iter().all(u8::is_ascii_graphic)
        };
        if let Some(given) = headers.get(GIVEN).filter(is_id) {
            return given.clone();
        }
        let (start, count) = &self.ids;
        let mut id = String::with_capacity(start.len() + 20);
        // Writing into a text does not fail.
        let _ = write!(id, "{start}-{:x}", count.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    /// Decides, counts, records, and puts it into HTTP.
    pub(super) async fn decide(&self, asked: Request<'_>) -> (Response<Body>, Outcome) {
        let Request {
            asker,
            credential,
            question,
            in_query,
            request,
            id,
        } = asked;
        let question = match question {
            Ok(question) => question,
            Err(why) => {
                let fields = [("path", asker.path().to_owned()), ("why", why)];
                self.log.warn_once("bad-request", &fields);
                return self.answer(asker, Outcome::BadQuestion, &Question::default(), None, &id);
            }
        };
        if in_query || question.has_token {
            let what = "a token in a query is not read; it belongs into Authorization or X-API-Key"
                .to_owned();
            self.log.warn_once("token-in-query", &[("what", what)]);
        }
        let Some(served) = self.known().await else {
            return self.answer(asker, Outcome::Unavailable, &question, None, &id);
        };
        let checked = self.check(&served.known, credential, &question);
        let (checked, wait) = self.limit(checked);
        let verdict = checked.verdict.clone();
        let request = RequestText {
            id: id.to_str().ok(),
            ..request
        };
        if !self
            .recording
            .record(checked.into_recorded(None), request)
            .await
        {
            return self.answer(asker, Outcome::Unavailable, &question, None, &id);
        }
        let outcome = match wait {
            Some(RetryAfter(seconds)) => Outcome::Limited(verdict, seconds),
            None => Outcome::Checked(verdict),
        };
        self.answer(asker, outcome, &question, Some(&served), &id)
    }

    fn check(&self, known: &KnownKeys, credential: Credential<'_>, question: &Question) -> Checked {
        let now = (self.clock)();
        // No token has two words, so that two different ones are malformed.
        let presented = match credential {
            Credential::None => SecretSlice::new(b""),
            Credential::One(presented) => presented,
            Credential::Several => SecretSlice::new(b"two tokens"),
        };
        known.check(presented, &question.requirements, now)
    }

    /// Takes one from what the key may do in a time; only an answer that would let it through counts.
    fn limit(&self, checked: Checked) -> (Checked, Option<RetryAfter>) {
        let Some((id, rate)) = checked.verdict.rate() else {
            return (checked, None);
        };
        match self.limiter.take(id, rate, self.since.elapsed()) {
            Ok(()) => (checked, None),
            Err(wait) => (checked.limited(), Some(wait)),
        }
    }

    fn answer(
        &self,
        asker: Asker,
        outcome: Outcome,
        question: &Question,
        served: Option<&Served>,
        id: &HeaderValue,
    ) -> (Response<Body>, Outcome) {
        self.metrics.answered(outcome.code());
        let identity = match (&outcome, served) {
            (Outcome::Checked(verdict), Some(served)) if verdict.code == Code::Valid => {
                let key = verdict.key.as_ref();
                key.map(|key| served.identities.of(key))
            }
            _ => None,
        };
        let requirements = &question.requirements;
        let response = outcome.response(asker, requirements, identity.as_deref(), id);
        (response, outcome)
    }
}

impl Served {
    /// Warns of an access token that ends soon: nothing can be answered after that.
    pub(super) fn tell_end(&self, log: &Log, now: Timestamp) {
        const SOON: Span = Span::days(14);
        if let Some(end) = self
            .known
            .expires_at()
            .filter(|end| *end <= now.after(SOON))
        {
            log.warn("access-token-ends", &[("at", end.to_string())]);
        }
    }

    /// How many keys are known.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    fn new(known: Arc<KnownKeys>) -> Self {
        Self {
            known,
            identities: Identities::default(),
        }
    }
}

//! The page of the format says which fields the JSON of each object has: it is held against the types that are sealed.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::activity::{USE_VERBS, UseEvent};
use super::audit::AuditCode;
use super::head::{ScopeHeadMeta, ScopeMeta};
use super::log::{Event, Verb};
use super::own::{OwnBody, OwnRecord};
use super::request::{RequestText, UseRequest};
use crate::key::{
    Actor, Brand, Context, Details, Generation, IssuedDetails, Key, KeyKind, PermissionSet,
    ProviderDetails, Revocation, Role, Scope, Timestamp,
};

const PAGE: &str = include_str!("../crypto/mod.rs");
const NOW: Timestamp = Timestamp(1_800_000_000);

/// The words in the page's row of this name, without what is said of each in parentheses.
fn row(name: &str) -> Vec<&'static str> {
    let (_, section) = PAGE.split_once("//! ## JSON").expect("its section");
    let (section, _) = section.split_once("//! ##").expect("the next section");
    let begin = format!("//! | {name} | ");
    let mut rows = section.lines().filter_map(|line| line.strip_prefix(&begin));
    let (row, None) = (rows.next().expect(name), rows.next()) else {
        panic!("`{name}` is there twice");
    };
    let outside = row.split('(').map(|part| match part.split_once(')') {
        Some((_, after)) => after,
        None => part,
    });
    outside
        .flat_map(|part| part.split('`').skip(1).step_by(2))
        .collect()
}

/// The fields of the page's row, and whether each may be null. Some of them may be left out.
fn fields(name: &str) -> BTreeMap<String, bool> {
    let field = |word: &str| {
        let name = word.trim_end_matches(['?', '*']);
        (name.to_owned(), word.ends_with('?'))
    };
    row(name).into_iter().map(field).collect()
}

/// Those that are never left out.
fn fixed_fields(name: &str) -> Vec<&'static str> {
    let mut names = row(name);
    names.retain(|word| !word.ends_with('*'));
    names
        .iter()
        .map(|word| word.trim_end_matches('?'))
        .collect()
}

fn use_event(request: Option<UseRequest>) -> UseEvent {
    UseEvent {
        verb: "get".to_owned(),
        code: "get".to_owned(),
        generation: 1,
        actor: actor(),
        program: None,
        access: None,
        times: request.is_some().then_some(NonZeroU64::MAX),
        request,
    }
}

/// Of which all is told.
fn use_request() -> UseRequest {
    let told = RequestText {
        method: Some("GET"),
        path: Some("/"),
        client: Some("::1"),
        id: Some("1"),
    };
    UseRequest::new(told).expect("a request")
}

fn json(object: &impl Serialize) -> Value {
    serde_json::to_value(object).expect("plain data")
}

/// Of an object in which all is null that can be.
fn written(object: &Value) -> BTreeMap<String, bool> {
    let object = object.as_object().expect("an object");
    let field = |(name, value): (&String, &Value)| (name.clone(), value.is_null());
    object.iter().map(field).collect()
}

fn actor() -> Actor {
    "tester".parse().expect("an actor")
}

fn scope() -> Scope {
    Scope {
        project: "shop".parse().expect("a project"),
        environment: "production".parse().expect("an environment"),
    }
}

fn role() -> Role {
    Role {
        name: "reader".parse().expect("a role"),
        permissions: PermissionSet::default(),
        context: Context::default(),
    }
}

fn key(details: Details) -> Key {
    Key {
        name: "ci".parse().expect("a name"),
        created_at: NOW,
        created_by: actor(),
        revoked: None,
        tags: Vec::new(),
        note: None,
        generations: vec![Generation {
            number: 1,
            created_at: NOW,
            created_by: actor(),
            delivered_at: None,
            expires_at: None,
            superseded_at: None,
        }],
        details,
    }
}

fn issued() -> Key {
    key(Details::Issued(IssuedDetails {
        brand: Brand::default(),
        permissions: PermissionSet::default(),
        context: Context::default(),
        roles: vec![role()],
        rate: Some("100/m".parse().expect("a rate")),
    }))
}

fn own(body: OwnBody) -> OwnRecord {
    let name = "of/it".to_owned();
    OwnRecord { name, body }
}

#[test]
fn keys_and_roles_have_the_fields_of_the_page() {
    let issued = json(&issued());
    let provider = json(&key(Details::Provider(ProviderDetails::default())));
    let revoked = json(&Revocation {
        at: NOW,
        by: actor(),
    });
    for (name, object) in [
        ("key", &issued),
        ("key", &provider),
        ("… generation", &issued["generations"][0]),
        ("… issued", &issued["details"]["issued"]),
        ("… provider", &provider["details"]["provider"]),
        ("… revoked", &revoked),
        ("role", &issued["details"]["issued"]["roles"][0]),
    ] {
        assert_eq!(fields(name), written(object), "{name}");
    }
}

#[test]
fn records_of_the_own_scope_have_the_fields_of_the_page() {
    let slot = json(&own(OwnBody::Slot {
        name: "ci".parse().expect("a name"),
        created_at: NOW,
        created_by: actor(),
    }));
    let role = json(&own(OwnBody::Role {
        role: role(),
        created_at: NOW,
        created_by: actor(),
    }));
    for (name, object) in [
        ("own record", &slot),
        ("own record", &role),
        ("… body role", &role["body"]["role"]),
        ("… body slot", &slot["body"]["slot"]),
        ("role", &role["body"]["role"]["role"]),
    ] {
        assert_eq!(fields(name), written(object), "{name}");
    }
}

#[test]
fn scopes_and_their_heads_have_the_fields_of_the_page() {
    let Scope {
        project,
        environment,
    } = scope();
    let meta = ScopeMeta {
        project: project.clone(),
        environment: environment.clone(),
        kind: KeyKind::Issued,
        created_at: NOW,
    };
    let head = ScopeHeadMeta {
        project,
        environment,
        kind: KeyKind::Issued,
        sequence: 1,
        rows: 0,
        default: None,
    };
    assert_eq!(fields("scope"), written(&json(&meta)));
    assert_eq!(fields("scope head"), written(&json(&head)));
}

#[test]
fn log_entries_and_events_have_the_fields_of_the_page() {
    let entry = Event::of_vault(Verb::Init).entry("0".repeat(32), NOW, actor());
    assert_eq!(fields("log entry"), written(&json(&entry)));
    assert_eq!(fields("… its scope"), written(&json(&scope())));
    assert_eq!(row("… its verb"), Verb::ALL.map(Verb::text));
    let event = json(&use_event(Some(use_request())));
    assert_eq!(fields("event"), written(&event));
    assert_eq!(fields("… request"), written(&event["request"]));
    let bare = json(&use_event(None));
    let mut left: Vec<_> = written(&bare).into_keys().collect();
    let mut fixed = fixed_fields("event");
    left.sort_unstable();
    fixed.sort_unstable();
    assert_eq!(left, fixed);
    assert_eq!(fixed_fields("… request"), [""; 0]);
    assert_eq!(row("… a use's verb"), USE_VERBS);
    let codes: Vec<_> = AuditCode::all().map(AuditCode::text).collect();
    assert_eq!(row("… a use's code"), codes);
}

/// "Written by a newer keywright", wherever in the object the field is.
#[test]
fn a_field_that_is_not_on_the_page_is_not_read() {
    let role = OwnBody::Role {
        role: role(),
        created_at: NOW,
        created_by: actor(),
    };
    let event = Event {
        scope: Some((scope(), KeyKind::Issued)),
        ..Event::of_vault(Verb::Create)
    };
    let entry = event.entry("0".repeat(32), NOW, actor());
    for place in [
        "",
        "/generations/0",
        "/details/issued",
        "/details/issued/roles/0",
    ] {
        reads_no_other_field(&issued(), place);
    }
    for place in ["", "/body/role", "/body/role/role"] {
        reads_no_other_field(&own(role.clone()), place);
    }
    for place in ["", "/scope"] {
        reads_no_other_field(&entry, place);
    }
    for place in ["", "/request"] {
        reads_no_other_field(&use_event(Some(use_request())), place);
    }
}

fn reads_no_other_field<T: DeserializeOwned + Serialize>(object: &T, place: &str) {
    let mut json = json(object);
    assert!(T::deserialize(&json).is_ok());
    json.pointer_mut(place).expect(place)["newer"] = Value::Null;
    assert!(T::deserialize(&json).is_err(), "`{place}`");
}

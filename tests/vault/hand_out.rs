//! Which keys go into which variables, and what stops them.

use keywright::crypto::SecretValue;
use keywright::key::{Assignment, KeyKind, Scope, Span, Timestamp};
use keywright::vault::{
    AuditFilter, HandOut, KeyEdit, ListEdit, Readiness, Selection, Vault, VaultError, Wanted,
};

use crate::fixture::{
    DAY, NOW, Place, find, issue_named, name, reference, refused, scope, secret, set, shop, value,
    who,
};

/// Everything of `shop/production` that has a variable.
fn all() -> Selection {
    Selection {
        scope: shop(),
        listed: None,
        only: Vec::new(),
        except: Vec::new(),
        tags: Vec::new(),
        added: Vec::new(),
        kept: Vec::new(),
        allowed: Vec::new(),
        allow_missing: false,
    }
}

fn assignments(texts: &[&str]) -> Vec<Assignment> {
    texts
        .iter()
        .map(|text| text.parse().expect("an assignment"))
        .collect()
}

/// A key in `shop/production` whose value is its name.
fn set_for(vault: &mut Vault, text: &str, variable: &str) {
    set_in(vault, &shop(), text, variable, None);
}

fn set_in(
    vault: &mut Vault,
    scope: &Scope,
    text: &str,
    variable: &str,
    expires_at: Option<Timestamp>,
) {
    let edit = KeyEdit {
        variable: Some(Some(variable.parse().expect("a variable"))),
        expires_at: Some(expires_at),
        tags: ListEdit::replaced_by(vec![format!("tag-{text}").parse().expect("a tag")]),
        ..KeyEdit::default()
    };
    vault
        .set_new(&name(text), scope, &value(text), &edit, &who(), NOW)
        .expect("stored");
}

fn hand_out(
    vault: &mut Vault,
    selection: &Selection,
    now: Timestamp,
) -> Result<HandOut, VaultError> {
    vault.hand_out(selection, "run", Some("node"), &who(), now)
}

/// `VARIABLE=value` of all that is handed out.
#[track_caller]
fn handed(vault: &mut Vault, selection: &Selection) -> Vec<String> {
    let out = hand_out(vault, selection, NOW).expect("handed out");
    let text = |value: &SecretValue| String::from_utf8(value.expose().to_vec()).expect("text");
    out.values
        .iter()
        .map(|handed| format!("{}={}", handed.variable, text(&handed.value)))
        .collect()
}

/// A vault with `a` for A, `b/live` for B_KEY, and `bare` without a variable.
fn three(place: &Place) -> Vault {
    let mut vault = place.create();
    set_for(&mut vault, "b/live", "B_KEY");
    set_for(&mut vault, "a", "A");
    set(&mut vault, "bare", "bare");
    vault
}

#[test]
fn options_narrow_and_add() {
    let place = Place::new();
    let mut vault = three(&place);
    let patterns = |texts: &[&str]| -> Vec<_> {
        texts
            .iter()
            .map(|text| text.parse().expect("a pattern"))
            .collect()
    };
    let id = find(&mut vault, "a").id.to_string();
    for (selection, expected) in [
        (all(), &["A=a", "B_KEY=b/live"][..]),
        (
            Selection {
                only: patterns(&["a"]),
                ..all()
            },
            &["A=a"],
        ),
        (
            Selection {
                only: patterns(&[&id]),
                ..all()
            },
            &["A=a"],
        ),
        (
            Selection {
                only: patterns(&["B_*"]),
                ..all()
            },
            &["B_KEY=b/live"],
        ),
        (
            Selection {
                only: patterns(&["b*", "A"]),
                ..all()
            },
            &["A=a", "B_KEY=b/live"],
        ),
        (
            Selection {
                except: patterns(&["*/live"]),
                ..all()
            },
            &["A=a"],
        ),
        (
            Selection {
                except: patterns(&["nothing"]),
                ..all()
            },
            &["A=a", "B_KEY=b/live"],
        ),
        (
            Selection {
                only: patterns(&["*"]),
                except: patterns(&["A"]),
                ..all()
            },
            &["B_KEY=b/live"],
        ),
        (
            Selection {
                tags: vec!["tag-a".parse().expect("a tag")],
                ..all()
            },
            &["A=a"],
        ),
        (
            Selection {
                except: patterns(&["*"]),
                added: assignments(&["C=bare"]),
                ..all()
            },
            &["C=bare"],
        ),
        // What is added wins over what has the variable anyway.
        (
            Selection {
                added: assignments(&["A=bare"]),
                ..all()
            },
            &["A=bare", "B_KEY=b/live"],
        ),
        (
            Selection {
                kept: vec!["A".parse().expect("a variable")],
                ..all()
            },
            &["B_KEY=b/live"],
        ),
        (
            Selection {
                listed: Some(assignments(&["X=a", "Y=bare", "Z=a"])),
                ..all()
            },
            &["X=a", "Y=bare", "Z=a"],
        ),
        (
            Selection {
                listed: Some(assignments(&[&format!("X={id}")])),
                ..all()
            },
            &["X=a"],
        ),
        (
            Selection {
                listed: Some(Vec::new()),
                ..all()
            },
            &[],
        ),
        (
            Selection {
                scope: scope("nobody/here"),
                ..all()
            },
            &[],
        ),
    ] {
        assert_eq!(handed(&mut vault, &selection), expected, "{selection:?}");
    }
    let idle = Selection {
        only: patterns(&["a", "z*", "bare"]),
        ..all()
    };
    let told = refused(hand_out(&mut vault, &idle, NOW)).to_string();
    assert_eq!(
        told,
        "no key with a variable in shop/production is called `z*`, `bare`"
    );
}

#[test]
fn a_key_that_is_not_ready_stops_everything() {
    let place = Place::new();
    let mut vault = three(&place);
    set_in(
        &mut vault,
        &shop(),
        "old",
        "OLD",
        Some(NOW.after(Span::days(1))),
    );
    set_for(&mut vault, "gone", "GONE");
    let gone = find(&mut vault, "gone");
    vault.revoke(&gone, &who(), NOW).expect("revoked");
    issue_named(&mut vault, "issued");
    let later = NOW.after(DAY).after(Span::days(1));
    let wanted = assignments(&["A=a", "I=issued", "N=nowhere"]);
    let selection = Selection {
        added: wanted,
        ..all()
    };
    let told = refused(hand_out(&mut vault, &selection, later));
    assert!(
        matches!(&told, VaultError::NotReady { kinds, .. } if kinds.contains(&Readiness::Missing))
    );
    assert_eq!(
        told.to_string(),
        "`gone` is revoked, `issued` is an issued key, `nowhere` is missing, `old` has expired \
         in shop/production"
    );
    // Nothing was recorded of it.
    let a = find(&mut vault, "a");
    assert_eq!(vault.usage_of(&a, 0, 10).expect("read").total.requests, 0);

    let all_the_same = Selection {
        allow_missing: true,
        ..selection.clone()
    };
    let out = hand_out(&mut vault, &all_the_same, later).expect("handed out");
    let names = |out: &HandOut| -> Vec<String> {
        out.values
            .iter()
            .map(|handed| handed.variable.to_string())
            .collect()
    };
    assert_eq!(names(&out), ["A", "B_KEY"]);
    let left: Vec<Readiness> = out
        .left_out
        .iter()
        .map(|left| left.readiness(later))
        .collect();
    assert_eq!(
        left,
        [
            Readiness::Revoked,
            Readiness::Issued,
            Readiness::Missing,
            Readiness::Expired
        ]
    );

    // What is not required is left out, too.
    let mut optional = assignments(&["A=a", "N=nowhere", "G=gone"]);
    optional
        .iter_mut()
        .skip(1)
        .for_each(|assignment| assignment.required = false);
    let listed = Selection {
        listed: Some(optional),
        ..all()
    };
    let out = hand_out(&mut vault, &listed, later).expect("handed out");
    assert_eq!((names(&out), out.left_out.len()), (vec!["A".to_owned()], 2));
}

#[test]
fn two_keys_for_one_variable_are_a_mistake_unless_one_has_ended() {
    let place = Place::new();
    let mut vault = three(&place);
    set_for(&mut vault, "a2", "A");
    let told = refused(hand_out(&mut vault, &all(), NOW)).to_string();
    assert_eq!(told, "`a`, `a2` want the same variable, `A`");
    let old = find(&mut vault, "a");
    vault.revoke(&old, &who(), NOW).expect("revoked");
    assert_eq!(handed(&mut vault, &all()), ["A=a2", "B_KEY=b/live"]);
    // Both have ended: that is what is told.
    let new = find(&mut vault, "a2");
    vault.revoke(&new, &who(), NOW).expect("revoked");
    let told = refused(hand_out(&mut vault, &all(), NOW)).to_string();
    assert_eq!(told, "`a` is revoked, `a2` is revoked in shop/production");
}

#[test]
fn no_other_scope_is_reached() {
    let place = Place::new();
    let mut vault = three(&place);
    let elsewhere = scope("shop/development");
    set_in(&mut vault, &elsewhere, "dev", "DEV", None);
    let id = find(&mut vault, "a").id;
    let in_development = Selection {
        scope: elsewhere.clone(),
        ..all()
    };
    assert_eq!(handed(&mut vault, &in_development), ["DEV=dev"]);
    for wanted in [format!("X={id}"), "X=a".to_owned()] {
        for listed in [true, false] {
            let wanted = assignments(&[&wanted]);
            let selection = match listed {
                true => Selection {
                    listed: Some(wanted),
                    ..in_development.clone()
                },
                false => Selection {
                    added: wanted,
                    ..in_development.clone()
                },
            };
            let told = refused(hand_out(&mut vault, &selection, NOW));
            assert!(
                matches!(&told, VaultError::NotReady { kinds, .. } if kinds.contains(&Readiness::Missing)),
                "{told}"
            );
        }
    }
    // The twin: by another command the id is found in every scope.
    let reference = reference(id.as_str());
    let found = vault
        .find(Wanted::Named(&reference), &elsewhere, false)
        .expect("found");
    assert_eq!(found.scope, shop());
}

#[test]
fn dangerous_names_have_to_be_allowed_one_by_one() {
    let place = Place::new();
    let mut vault = three(&place);
    set_for(&mut vault, "loader", "LD_PRELOAD");
    let selection = Selection {
        added: assignments(&["PATH=bare"]),
        ..all()
    };
    let told = refused(hand_out(&mut vault, &selection, NOW)).to_string();
    assert_eq!(
        told,
        "`LD_PRELOAD`, `PATH` must not be set: they could change which code runs"
    );
    let allowed = vec!["LD_PRELOAD".parse().expect("a variable")];
    let one = Selection {
        allowed: allowed.clone(),
        ..selection
    };
    let told = refused(hand_out(&mut vault, &one, NOW)).to_string();
    assert_eq!(
        told,
        "`PATH` must not be set: it could change which code runs"
    );
    let both = Selection { allowed, ..all() };
    assert_eq!(
        handed(&mut vault, &both),
        ["A=a", "B_KEY=b/live", "LD_PRELOAD=loader"]
    );
}

#[test]
fn each_value_is_recorded_with_its_program_and_a_look_is_not() {
    let place = Place::new();
    let mut vault = three(&place);
    let looked = vault.preview(&all(), NOW).expect("looked");
    assert_eq!(looked.ready.len(), 2);
    let a = find(&mut vault, "a");
    assert_eq!(vault.usage_of(&a, 0, 10).expect("read").events.len(), 0);
    handed(&mut vault, &all());
    let usage = vault.usage_of(&a, 0, 10).expect("read");
    assert_eq!((usage.total.requests, usage.events.len()), (1, 1));
    let (at, event) = &usage.events[0];
    assert_eq!(
        (*at, event.verb.as_str(), event.code.as_str()),
        (NOW, "run", "run")
    );
    assert_eq!(
        (event.program.as_deref(), event.is_allowed()),
        (Some("node"), true)
    );
    let (audit, _) = vault
        .audit(None, &shop(), &AuditFilter::default())
        .expect("an audit");
    let told: Vec<_> = audit
        .entries
        .iter()
        .filter(|entry| entry.verb == "run")
        .map(|entry| (entry.kind, entry.detail.as_deref()))
        .collect();
    assert_eq!(told, [(Some(KeyKind::Provider), Some("program node")); 2]);
}

#[test]
fn bytes_come_as_they_are() {
    let place = Place::new();
    let mut vault = place.create();
    let bytes = b" \xff\n\r\t'\"$(x)\\ ";
    let edit = KeyEdit {
        variable: Some(Some("A".parse().expect("a variable"))),
        ..KeyEdit::default()
    };
    let exact = SecretValue::new(secret(bytes)).expect("a value");
    vault
        .set_new(&name("a"), &shop(), &exact, &edit, &who(), NOW)
        .expect("stored");
    let out = hand_out(&mut vault, &all(), NOW).expect("handed out");
    assert_eq!(out.values[0].value.expose(), bytes);
}

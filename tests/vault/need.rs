//! What a project needs: what is there, what is elsewhere, and what was meant perhaps.

use keywright::key::{Assignment, KeyKind};
use keywright::vault::{KeyEdit, Need, VaultError};

use crate::fixture::*;

fn told(need: &Need) -> (bool, Vec<String>, Option<&str>) {
    let elsewhere = need.elsewhere.iter().map(ToString::to_string);
    let is_there = need.assigned.found.is_some();
    (is_there, elsewhere.collect(), need.nearest.as_deref())
}

#[test]
fn what_is_missing_is_looked_for_elsewhere_and_among_the_names_here() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "sk-1");
    set(&mut vault, "aside", "sk-2");
    for (text, at) in [("stripe", "shop/staging"), ("stripe", "bank/production")] {
        let (text, value) = (name(text), value("sk-3"));
        let kept = vault.set_new(&text, &scope(at), &value, &KeyEdit::default(), &who(), NOW);
        kept.expect("kept");
    }
    let mut listed: Vec<String> = vec!["A=openai".into(), "B=stripe".into()];
    listed.extend((0..11).map(|number| format!("C{number}=openia")));
    listed.push("D=nothing like it".into());
    let listed: Vec<Assignment> = listed
        .iter()
        .map(|text| text.parse().expect("an assignment"))
        .collect();
    let needs = vault.needs(&listed, &shop()).expect("told");
    assert_eq!(needs.len(), listed.len());
    assert_eq!(told(&needs[0]), (true, vec![], None));
    // What is elsewhere is not compared with the names here, and takes none of the room for that.
    let elsewhere = ["bank/production", "shop/staging"].map(str::to_owned);
    assert_eq!(told(&needs[1]), (false, elsewhere.to_vec(), None));
    for (at, need) in needs[2..13].iter().enumerate() {
        let nearest = (at < 10).then_some("openai");
        assert_eq!(told(need), (false, vec![], nearest), "{at}");
    }
    let near = vault.needs(&listed[13..], &shop()).expect("told");
    assert_eq!(told(&near[0]), (false, vec![], None));
}

/// Whose access token opens the issued keys of a scope alone is told so, and not that the others are missing.
#[test]
fn keys_that_are_closed_are_not_called_missing() {
    let place = Place::new();
    let mut vault = place.create();
    set(&mut vault, "openai", "sk-1");
    issue_named(&mut vault, "ci");
    let listed = ["A=openai".parse::<Assignment>().expect("an assignment")];
    for (kind, opens) in [(KeyKind::Provider, true), (KeyKind::Issued, false)] {
        let access =
            vault.create_access(&name(&format!("{kind}")), &shop(), kind, None, &who(), NOW);
        let access = access.expect("an access token");
        let credential = keywright::vault::Credential::access_token(&access);
        let mut opened = place.open_with(&credential).expect("opens");
        match opened.needs(&listed, &shop()) {
            Ok(needs) => assert!(opens && needs[0].assigned.found.is_some()),
            Err(VaultError::ScopeClosed { .. }) => assert!(!opens),
            Err(other) => panic!("{other:?}"),
        }
        // The same keys of another scope.
        let elsewhere = opened.needs(&listed, &scope("shop/staging"));
        assert!(matches!(refused(elsewhere), VaultError::ScopeClosed { .. }));
    }
}

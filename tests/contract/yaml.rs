//! As much of YAML as the printed configurations have: blocks, lists, texts, and maps in braces. Everything else fails.

use serde_json::{Map, Value};

/// All that is no map and no list is a text.
#[track_caller]
pub(crate) fn parse(text: &str) -> Value {
    let lines = text.lines().filter_map(|line| {
        let content = line.trim_start();
        let is_told = !content.is_empty() && !content.starts_with('#');
        is_told.then(|| (line.len() - content.len(), content.to_owned()))
    });
    let mut lines: Vec<(usize, String)> = lines.collect();
    let mut at = 0;
    let value = block(&mut lines, &mut at, 0);
    assert_eq!(
        at,
        lines.len(),
        "read to its end, and not: {:?}",
        lines.get(at)
    );
    value
}

fn block(lines: &mut [(usize, String)], at: &mut usize, indent: usize) -> Value {
    let is_list = lines[*at].1.starts_with("- ");
    let (mut list, mut map) = (Vec::new(), Map::new());
    while let Some((found, content)) = lines.get(*at).cloned() {
        if found < indent {
            break;
        }
        assert_eq!(found, indent, "indented as its neighbours: {content}");
        match content.strip_prefix("- ") {
            Some(item) => {
                assert!(is_list, "a map goes on: {content}");
                if pair(item).is_some() {
                    lines[*at] = (indent + 2, item.to_owned());
                    list.push(block(lines, at, indent + 2));
                } else {
                    list.push(scalar(item));
                    *at += 1;
                }
            }
            None => {
                assert!(!is_list, "a list goes on: {content}");
                let (name, rest) = pair(&content).expect("a name and a colon");
                *at += 1;
                let value = match rest {
                    "" => {
                        let inner = lines.get(*at).map_or(0, |(inner, _)| *inner);
                        assert!(inner > indent, "something is in it: {content}");
                        block(lines, at, inner)
                    }
                    rest => scalar(rest),
                };
                let before = map.insert(name.to_owned(), value);
                assert!(before.is_none(), "there once: {content}");
            }
        }
    }
    if is_list { list.into() } else { map.into() }
}

/// A name and what stands behind it.
fn pair(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        let (name, rest) = rest.split_once('"')?;
        return Some((name, rest.strip_prefix(':')?.trim()));
    }
    if text.starts_with('{') {
        return None;
    }
    match text.split_once(": ") {
        Some((name, rest)) => Some((name, rest.trim())),
        None => Some((text.strip_suffix(':')?, "")),
    }
}

fn scalar(text: &str) -> Value {
    if let Some(inner) = text.strip_prefix("{ ") {
        let inner = inner.strip_suffix(" }").expect("the brace is closed");
        let mut map = Map::new();
        let (mut depth, mut start) = (0, 0);
        let ends = inner.char_indices().filter_map(|(at, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (c == ',' && depth == 0).then_some(at)
        });
        let ends: Vec<usize> = ends.chain([inner.len()]).collect();
        for end in ends {
            let (name, value) = pair(inner[start..end].trim()).expect("a pair");
            map.insert(name.to_owned(), scalar(value));
            start = (end + 1).min(inner.len());
        }
        return map.into();
    }
    let quoted = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let plain = quoted.unwrap_or(text);
    let is_plain =
        !plain.contains(['"', '\\', '\'']) && !text.starts_with(['|', '>', '&', '*', '[']);
    assert!(is_plain, "more than is read here: {text}");
    plain.into()
}

/// The texts of a list.
#[track_caller]
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap_or_else(|| panic!("a list: {list}"));
    list.iter().map(|it| it.as_str().expect("a text")).collect()
}

#[test]
fn it_is_read() {
    let text = "# x\na:\n  - b: 1\n    c: \"d: e\"\n  - f\nflow: { x: 1, y: { z: \"::1\", w: 2 } }\n\"@t\": u\n";
    let expected = serde_json::json!({
        "a": [{ "b": "1", "c": "d: e" }, "f"],
        "flow": { "x": "1", "y": { "z": "::1", "w": "2" } },
        "@t": "u",
    });
    assert_eq!(parse(text), expected);
}

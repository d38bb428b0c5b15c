//! What a request asks beyond a good token: the operator's requirements, in the query or a header.

use std::fmt::Display;
use std::str::FromStr;

use hyper::Method;

use crate::key::{Permission, has_secret};
use crate::vault::Requirements;

/// Most bytes of a requirement in all.
const LIMIT: usize = 4096;

/// What is asked of a token, and what was odd about the question.
#[derive(Debug, Default)]
pub(super) struct Question {
    pub(super) requirements: Requirements,
    /// A token stood where none is read.
    pub(super) has_token: bool,
}

/// Names under which others put credentials into a query.
const TOKEN_NAMES: [&str; 6] = [
    "access_token",
    "api_key",
    "apikey",
    "api-key",
    "key",
    "token",
];

const NO_METHOD: &str = "`require=method` needs the client's method, which a proxy sends as X-Original-Method (nginx) or X-Forwarded-Method";

impl Question {
    /// Of a query as the operator writes it: `require=write&env=production&project=shop`, where `require=method` stands for
    /// what the client's method does, if it is known. `require` may come several times and have several permissions with commas between.
    ///
    /// # Errors
    /// Everything else, a token as well: a requirement that is mistyped must not be none.
    pub(super) fn of(query: &str, method: Option<&Method>) -> Result<Self, String> {
        let question = Self::read(query, method)?;
        match question.has_token {
            true => Err(unknown("")),
            false => Ok(question),
        }
    }

    /// Of a program's query, where `require=method` is none. A token in it is not read, and no error.
    ///
    /// # Errors
    /// As [`Question::of`].
    pub(super) fn of_program(query: &str) -> Result<Self, String> {
        Self::read(query, None)
    }

    fn read(query: &str, method: Option<&Method>) -> Result<Self, String> {
        let mut question = Self::default();
        if query.len() > LIMIT {
            return Err(format!("a query of more than {LIMIT} bytes"));
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or("the query is not percent-encoded UTF-8")?;
            match name {
                "require" => question.require(&value, method)?,
                "env" => set(&mut question.requirements.environment, "env", &value)?,
                "project" => set(&mut question.requirements.project, "project", &value)?,
                _ if TOKEN_NAMES.contains(&name) || has_secret(&value) => question.has_token = true,
                _ => return Err(unknown(name)),
            }
        }
        Ok(question)
    }

    /// One requirement, or several with commas between.
    ///
    /// # Errors
    /// For what is no permission.
    pub(super) fn require(&mut self, text: &str, method: Option<&Method>) -> Result<(), String> {
        for word in text.split(',').map(str::trim) {
            let word = match (word, method) {
                ("method", Some(method)) => verb(method),
                ("method", None) => return Err(NO_METHOD.to_owned()),
                _ => word,
            };
            let wanted: Permission = word.parse().map_err(|err| format!("`require`: {err}"))?;
            self.requirements.permissions.push(wanted);
        }
        Ok(())
    }

    /// Whether a token stands in the query of a request that a client made.
    pub(super) fn has_token(target: &str) -> bool {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        Self::query_has_token(query)
    }

    /// The same of the query alone.
    pub(super) fn query_has_token(query: &str) -> bool {
        query.split('&').any(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            TOKEN_NAMES.iter().any(|it| name.eq_ignore_ascii_case(it)) || has_secret(value)
        })
    }
}

/// What a method does (RFC 9110, section 9.2.1): the safe ones read, all others write.
fn verb(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => "read",
        _ => "write",
    }
}

pub(super) fn set<T: FromStr<Err: Display>>(
    field: &mut Option<T>,
    name: &str,
    text: &str,
) -> Result<(), String> {
    if field.is_some() {
        return Err(format!("`{name}` comes twice"));
    }
    *field = Some(text.parse().map_err(|err| format!("`{name}`: {err}"))?);
    Ok(())
}

/// A name is repeated only where it can be nothing else than a name.
fn unknown(name: &str) -> String {
    let is_word =
        (1..=24).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match is_word {
        true => format!("`{name}` is no requirement; there are `require`, `env` and `project`"),
        false => "the query has something that is no requirement; there are `require`, `env` and `project`".to_owned(),
    }
}

/// Percent-decoded (RFC 3986, section 2.1), `+` being a space as forms write it; `None` for what is not UTF-8 then.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(query: &str, method: &Method) -> String {
        match Question::read(query, Some(method)) {
            Err(why) => why,
            Ok(Question {
                requirements,
                has_token,
            }) => {
                let mut words: Vec<String> = requirements
                    .permissions
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                words.extend(requirements.environment.map(|it| it.to_string()));
                words.extend(requirements.project.map(|it| it.to_string()));
                words.extend(has_token.then(|| "token!".to_owned()));
                words.join(" ")
            }
        }
    }

    #[test]
    fn requirements_are_read() {
        for (query, expected) in [
            ("", ""),
            ("&&", ""),
            ("require=write", "write"),
            ("require=write%3Ainvoices", "write:invoices"),
            ("require=write:invoices,read", "write:invoices read"),
            ("require=read&require=deploy", "read deploy"),
            ("require=method", "read"),
            ("env=production&project=shop", "production shop"),
            ("project=my%2Dshop", "my-shop"),
            ("token=x", "token!"),
            ("api_key=x&require=read", "read token!"),
        ] {
            assert_eq!(told(query, &Method::GET), expected, "{query}");
        }
        for (method, expected) in [
            (Method::HEAD, "read"),
            (Method::OPTIONS, "read"),
            (Method::POST, "write"),
            (Method::DELETE, "write"),
            (Method::from_bytes(b"PURGE").expect("a method"), "write"),
        ] {
            assert_eq!(told("require=method", &method), expected);
        }
    }

    #[test]
    fn only_what_is_a_name_is_repeated() {
        let (short, long) = ("a".repeat(24), "a".repeat(25));
        for (name, is_told) in [
            ("requires", true),
            ("a_b", true),
            (&short, true),
            (&long, false),
            ("", false),
            ("Requires", false),
            ("a-b", false),
            ("a1", false),
        ] {
            let why = unknown(name);
            assert_eq!(why.starts_with(&format!("`{name}` is")), is_told, "{why}");
            assert!(is_told || why.starts_with("the query has"), "{why}");
        }
    }

    #[test]
    fn a_mistyped_requirement_is_never_none() {
        for query in [
            "requires=write",
            "Require=write",
            "require=",
            "require",
            "require=WRITE!",
            "require=read,,write",
            "env=",
            "env=a&env=b",
            "project=a&project=a",
            "environment=production",
            "require=%zz",
            "require=%",
            "require=%ff",
            "=write",
            "key=write",
            "token=x",
            "require=read&api_key=x",
            "x",
        ] {
            assert!(Question::of(query, Some(&Method::GET)).is_err(), "{query}");
        }
        assert!(Question::of("require=method", None).is_err());
        assert!(Question::of_program("require=method").is_err());
        assert!(Question::of_program("requires=write").is_err());
        assert!(Question::of(&"&".repeat(LIMIT), None).is_ok());
        assert!(Question::of(&"&".repeat(LIMIT + 1), None).is_err());
    }

    #[test]
    fn a_clients_token_in_a_query_is_noticed() {
        for (target, expected) in [
            ("/", false),
            ("/?page=2", false),
            ("/token?x=1", false),
            ("/?token=1", true),
            ("/?a&API_KEY=1", true),
        ] {
            assert_eq!(Question::has_token(target), expected, "{target}");
        }
    }
}

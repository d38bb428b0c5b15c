//! All that is known of a key but its secrets: what its record seals as JSON.

use serde::{Deserialize, Serialize};

use super::{
    Actor, Generation, GenerationState, IssuedDetails, KeyKind, KeyName, Model, Note, ParseError,
    Provider, Status, Tag, Timestamp, VariableName,
};

/// A key's metadata. Field names are part of the file format.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub name: KeyName,
    pub created_at: Timestamp,
    pub created_by: Actor,
    pub revoked: Option<Revocation>,
    pub tags: Vec<Tag>,
    pub note: Option<Note>,
    /// Oldest first, at most [`Key::GENERATIONS`]; the last may be pending.
    pub generations: Vec<Generation>,
    pub details: Details,
}

/// Who ended a key, and when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    pub at: Timestamp,
    pub by: Actor,
}

/// What only one kind of key has.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Details {
    Issued(IssuedDetails),
    Provider(ProviderDetails),
}

/// What only a provider key has.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderDetails {
    pub providers: Vec<Provider>,
    pub models: Vec<Model>,
    pub variable: Option<VariableName>,
    /// The present value with all but its ends hidden, so that a list needs no value.
    pub masked: String,
}

impl ProviderDetails {
    /// Most providers, and most models.
    pub const LABELS: usize = 32;

    /// Whether there are few enough of both.
    ///
    /// # Errors
    /// When there are more than [`ProviderDetails::LABELS`].
    pub fn check(&self) -> Result<(), ParseError> {
        let counts = [
            ("providers", self.providers.len()),
            ("models", self.models.len()),
        ];
        match counts.into_iter().find(|(_, count)| *count > Self::LABELS) {
            None => Ok(()),
            Some((what, count)) => Err(ParseError::new(format!(
                "a key has at most {} {what}, not {count}",
                Self::LABELS
            ))),
        }
    }
}

impl Key {
    /// Generations kept on an issued key; the oldest that has ended is dropped.
    pub const GENERATIONS: usize = 8;
    /// Most tags.
    pub const TAGS: usize = 32;

    /// Which kind of key it is.
    pub fn kind(&self) -> KeyKind {
        match self.details {
            Details::Issued(_) => KeyKind::Issued,
            Details::Provider(_) => KeyKind::Provider,
        }
    }

    /// The issued half, if it is one.
    pub fn issued(&self) -> Option<&IssuedDetails> {
        match &self.details {
            Details::Issued(issued) => Some(issued),
            Details::Provider(_) => None,
        }
    }

    /// The provider half, if it is one.
    pub fn provider(&self) -> Option<&ProviderDetails> {
        match &self.details {
            Details::Issued(_) => None,
            Details::Provider(provider) => Some(provider),
        }
    }

    /// The newest generation that was delivered.
    pub fn current(&self) -> Option<&Generation> {
        self.generations
            .iter()
            .rev()
            .find(|generation| generation.delivered_at.is_some())
    }

    /// The generation that was made and never shown, if there is one.
    pub fn pending(&self) -> Option<&Generation> {
        self.generations
            .last()
            .filter(|generation| generation.delivered_at.is_none())
    }

    /// The older generation that still works at `now`, if there is one.
    pub fn overlapping(&self, now: Timestamp) -> Option<&Generation> {
        self.generations
            .iter()
            .find(|generation| generation.state(now) == GenerationState::Overlap)
    }

    /// When the present token or value expires, or the one that waits to be delivered; `None` for never.
    pub fn expires_at(&self) -> Option<Timestamp> {
        let present = self.current().or(self.generations.last());
        present.and_then(|generation| generation.expires_at)
    }

    /// The generation that [`Key::expires_at`] is about.
    pub(crate) fn present_mut(&mut self) -> Option<&mut Generation> {
        let delivered = |generation: &Generation| generation.delivered_at.is_some();
        let at = self.generations.iter().rposition(delivered);
        match at {
            Some(at) => self.generations.get_mut(at),
            None => self.generations.last_mut(),
        }
    }

    /// Where it stands at `now`.
    pub fn status(&self, now: Timestamp) -> Status {
        if self.revoked.is_some() {
            return Status::Revoked;
        }
        match self.current().map(|generation| generation.state(now)) {
            // Without a successor it was ended by an import: its token works in another vault, if anywhere.
            None | Some(GenerationState::Rotated) => Status::Undelivered,
            Some(GenerationState::Expired) => Status::Expired,
            Some(_) if self.overlapping(now).is_some() => Status::Overlap,
            Some(_) => Status::Active,
        }
    }
}

/// Sorts tags and drops doubles.
///
/// # Errors
/// When there are more than [`Key::TAGS`].
pub fn tag_list(mut tags: Vec<Tag>) -> Result<Vec<Tag>, ParseError> {
    tags.sort();
    tags.dedup();
    if tags.len() > Key::TAGS {
        return Err(ParseError::new(format!(
            "a key has at most {} tags, not {}",
            Key::TAGS,
            tags.len()
        )));
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_and_none_is_there_twice() {
        let tags = |count: usize| -> Vec<Tag> {
            let tags = (0..count).rev().chain([0]);
            tags.map(|number| format!("tag {number:02}").parse().expect("a tag"))
                .collect()
        };
        let list = tag_list(tags(32)).expect("few enough");
        assert!(list.len() == 32 && list.is_sorted_by(|a, b| a.as_str() < b.as_str()));
        for count in [33, 34] {
            let refusal = tag_list(tags(count)).expect_err("too many").to_string();
            assert_eq!(refusal, format!("a key has at most 32 tags, not {count}"));
        }
    }

    #[test]
    fn a_provider_key_has_so_many_labels_and_no_more() {
        let provider = "openai".parse::<Provider>().expect("a provider");
        let model = "gpt-5".parse::<Model>().expect("a model");
        let of = |providers, models| ProviderDetails {
            providers: vec![provider.clone(); providers],
            models: vec![model.clone(); models],
            ..ProviderDetails::default()
        };
        assert!(of(0, 0).check().is_ok() && of(32, 32).check().is_ok());
        for (providers, models, told) in [
            (33, 32, "a key has at most 32 providers, not 33"),
            (34, 33, "a key has at most 32 providers, not 34"),
            (32, 33, "a key has at most 32 models, not 33"),
        ] {
            let refusal = of(providers, models).check().expect_err("too many");
            assert_eq!(refusal.to_string(), told);
        }
    }
}

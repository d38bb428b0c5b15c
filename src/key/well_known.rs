//! Providers that many programs know, the environment variable that each documents for its key, and how such keys begin.

use super::{Provider, VariableName};

/// A provider, by the word that names it.
#[derive(Debug, Eq, PartialEq)]
pub struct WellKnown {
    pub provider: &'static str,
    /// What its own documentation calls it; `None` where programs differ.
    pub variable: Option<&'static str>,
    /// How its keys begin, where no other provider's begin so. What many share, such as `sk-`, says nothing.
    pub prefixes: &'static [&'static str],
}

/// All of them, by name.
#[rustfmt::skip]
pub const WELL_KNOWN: &[WellKnown] = &[
    row("anthropic", "ANTHROPIC_API_KEY", &["sk-ant-"]),
    row("cerebras", "CEREBRAS_API_KEY", &["csk-"]),
    row("cloudflare", "CLOUDFLARE_API_TOKEN", &[]),
    row("cohere", "CO_API_KEY", &[]),
    row("datadog", "DD_API_KEY", &[]),
    row("deepseek", "DEEPSEEK_API_KEY", &[]),
    row("digitalocean", "DIGITALOCEAN_ACCESS_TOKEN", &["doo_v1_", "dop_v1_"]),
    row("elevenlabs", "ELEVENLABS_API_KEY", &[]),
    row("gemini", "GEMINI_API_KEY", &["AIza"]),
    row("github", "GITHUB_TOKEN", &["gho_", "ghp_", "ghs_", "ghu_", "github_pat_"]),
    row("gitlab", "GITLAB_TOKEN", &["gldt-", "glpat-", "glptt-"]),
    row("groq", "GROQ_API_KEY", &["gsk_"]),
    row("heroku", "HEROKU_API_KEY", &["HRKU-"]),
    row("huggingface", "HF_TOKEN", &["hf_"]),
    row("linear", "LINEAR_API_KEY", &["lin_api_"]),
    row("mistral", "MISTRAL_API_KEY", &[]),
    row("netlify", "NETLIFY_AUTH_TOKEN", &["nfp_"]),
    row("notion", "NOTION_TOKEN", &["ntn_"]),
    row("npm", "NPM_TOKEN", &["npm_"]),
    row("nvidia", "NVIDIA_API_KEY", &["nvapi-"]),
    row("openai", "OPENAI_API_KEY", &["sk-admin-", "sk-proj-", "sk-svcacct-"]),
    row("openrouter", "OPENROUTER_API_KEY", &["sk-or-"]),
    row("perplexity", "PERPLEXITY_API_KEY", &["pplx-"]),
    row("pinecone", "PINECONE_API_KEY", &["pcsk_"]),
    // Each program that uploads has a variable of its own.
    WellKnown { provider: "pypi", variable: None, prefixes: &["pypi-"] },
    row("replicate", "REPLICATE_API_TOKEN", &["r8_"]),
    row("resend", "RESEND_API_KEY", &[]),
    row("sendgrid", "SENDGRID_API_KEY", &["SG."]),
    row("sentry", "SENTRY_AUTH_TOKEN", &["sntrys_", "sntryu_"]),
    row("slack", "SLACK_BOT_TOKEN", &["xapp-", "xoxb-", "xoxp-"]),
    row("stripe", "STRIPE_SECRET_KEY", &["rk_live_", "rk_test_", "sk_live_", "sk_test_"]),
    row("supabase", "SUPABASE_ACCESS_TOKEN", &["sbp_"]),
    row("tavily", "TAVILY_API_KEY", &["tvly-"]),
    row("together", "TOGETHER_API_KEY", &[]),
    row("twilio", "TWILIO_AUTH_TOKEN", &[]),
    row("vercel", "VERCEL_TOKEN", &[]),
    row("voyage", "VOYAGE_API_KEY", &[]),
    row("xai", "XAI_API_KEY", &["xai-"]),
];

/// How keys of several providers begin.
const SHARED_BEGINNING: &str = "sk-";

const fn row(
    provider: &'static str,
    variable: &'static str,
    prefixes: &'static [&'static str],
) -> WellKnown {
    WellKnown {
        provider,
        variable: Some(variable),
        prefixes,
    }
}

impl WellKnown {
    /// The provider that is called exactly this.
    pub fn named(word: &str) -> Option<&'static Self> {
        WELL_KNOWN.iter().find(|known| known.provider == word)
    }

    /// The provider whose documentation names this variable.
    pub fn of_variable(variable: &VariableName) -> Option<&'static Self> {
        let known = |known: &&Self| known.variable == Some(variable.as_str());
        WELL_KNOWN.iter().find(known)
    }

    /// Its word as a key keeps it.
    pub fn name(&self) -> Provider {
        let name = self.provider.parse();
        name.expect("the table has valid names, which a test proves")
    }

    /// Its variable as a key keeps it.
    pub fn variable_name(&self) -> Option<VariableName> {
        let parsed = self.variable.map(str::parse);
        parsed.map(|name| name.expect("the table has valid variables, which a test proves"))
    }

    /// The provider whose keys begin like this one. The longest beginning counts.
    pub fn of_key(key: &[u8]) -> Option<&'static Self> {
        let length = |known: &Self| {
            let fitting = known
                .prefixes
                .iter()
                .filter(|prefix| key.starts_with(prefix.as_bytes()));
            fitting.map(|prefix| prefix.len()).max()
        };
        WELL_KNOWN
            .iter()
            .filter_map(|known| Some((length(known)?, known)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, known)| known)
    }

    /// Whether a word is in all likelihood a key, not a name that begins like one: after the beginning there are 16 letters
    /// and digits in a row, with both among them.
    pub fn is_key(word: &str) -> bool {
        let is_random = |run: &str| {
            run.len() >= 16
                && run.bytes().any(|b| b.is_ascii_digit())
                && run.bytes().any(|b| b.is_ascii_alphabetic())
        };
        let beginnings = WELL_KNOWN.iter().flat_map(|known| known.prefixes);
        beginnings.chain([&SHARED_BEGINNING]).any(|beginning| {
            word.strip_prefix(beginning).is_some_and(|rest| {
                rest.split(|c: char| !c.is_ascii_alphanumeric())
                    .any(is_random)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::key::KeyName;

    #[test]
    fn each_provider_stands_in_its_place_once() {
        assert!(
            WELL_KNOWN.is_sorted_by(|a, b| a.provider < b.provider),
            "by name, and none twice"
        );
        for known in WELL_KNOWN {
            assert_eq!(known.name().as_str(), known.provider);
            assert!(known.provider.parse::<KeyName>().is_ok(), "{known:?}");
            assert_eq!(WellKnown::named(known.provider), Some(known));
            assert!(known.prefixes.is_sorted(), "{known:?}");
            let of_variable = known
                .variable_name()
                .map(|name| WellKnown::of_variable(&name));
            assert!(
                of_variable.is_none_or(|found| found == Some(known)),
                "{known:?}"
            );
        }
        assert_eq!(WellKnown::named("OpenAI"), None);
        assert_eq!(WellKnown::named("openai-2"), None);
    }

    #[test]
    fn a_key_is_told_from_a_name() {
        for key in [
            "sk-proj-abcdefghijklmnop0123",
            "sk-abcdefghijklmnop0123",
            "ghp_0123456789abcdefABCDEF",
            "sk-ant-api03-x_0123456789abcdefg",
        ] {
            assert!(WellKnown::is_key(key), "{key}");
        }
        for name in [
            "openai",
            "github_pat_for_release_bot",
            "sk-learn-service-account-2026",
            "sk-abcdefghijklmnopqrst",
            "xai-20261121202611212026",
            "uQCT8H872CoBuQCT8H872CoB",
        ] {
            assert!(!WellKnown::is_key(name), "{name}");
        }
    }

    #[test]
    fn variables_are_valid_and_nobody_shares_one() {
        let variables: Vec<VariableName> = WELL_KNOWN
            .iter()
            .filter_map(WellKnown::variable_name)
            .collect();
        let distinct: BTreeSet<&VariableName> = variables.iter().collect();
        assert_eq!(distinct.len(), variables.len());
        assert!(variables.len() > 30);
    }

    #[test]
    fn every_prefix_tells_one_provider() {
        let mut all = Vec::new();
        for known in WELL_KNOWN {
            for prefix in known.prefixes {
                assert!(prefix.len() >= 3 && prefix.is_ascii(), "{prefix}");
                assert_eq!(WellKnown::of_key(prefix.as_bytes()), Some(known));
                all.push((*prefix, known.provider));
            }
        }
        for (one, of_one) in &all {
            for (other, of_other) in &all {
                let clash = one.starts_with(other) && of_one != of_other;
                assert!(!clash, "`{one}` of {of_one}, `{other}` of {of_other}");
            }
        }
        // What several providers use is nobody's.
        for shared in ["sk-", "sk_", "pk_live_", "key-", ""] {
            assert_eq!(WellKnown::of_key(shared.as_bytes()), None, "{shared}");
        }
    }
}

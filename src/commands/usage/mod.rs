mod documents;
mod every_key;
mod one_key;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use self::every_key::usage_of_all;
use self::one_key::usage_of_one;
use super::args::OptionalKeyArg;
use crate::error::{CommandError, Exit};
use crate::key::{Period, Periods, Span, Timestamp, When};
use crate::output::{Cell, Tone};
use crate::session::Session;
use crate::vault::{Tally, UsageCount};
use crate::view::counted;

/// How far back `--since` reaches.
const YEARS: i64 = 10;
/// Where nobody looks, and no width is known.
const PIPED_WIDTH: u16 = 80;

/// Show how often keys were used, and what they were answered
///
/// Without a name: every key with a spark line of its requests, oldest first, those that were refused, and attempts with
/// its id and a wrong secret. With a name: a bar a day, its generations, the answers it was given, who used it, from
/// which addresses and for which paths (where HTTP requests were verified), and its latest uses.
///
/// Uses are counted by the day (UTC). Weeks begin on Monday; with `--by week` or `--by month` the first one is whole, and
/// only the present one is not over. Where a terminal has too few columns, neighbours share a character.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright usage
  keywright usage my-service
  keywright usage my-service --since 2026-10-01 --by week
  keywright usage --unused 30d -e production")]
pub(crate) struct UsageArgs {
    #[command(flatten)]
    key: OptionalKeyArg,

    /// Count from here on: a duration such as 30d, of which today is the last day, a date (UTC) or an RFC 3339 time
    #[arg(long, value_name = "WHEN", default_value = "30d")]
    since: When,

    /// What a character or bar is for
    #[arg(long, value_name = "PERIOD", default_value = "day",
          value_parser = PossibleValuesParser::new(Period::NAMES).try_map(|name| name.parse::<Period>()))]
    by: Period,

    /// Only keys that were not used for this long, such as 30d, and are older than that
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["name", "default"])]
    unused: Option<Span>,
}

impl UsageArgs {
    fn periods(&self, now: Timestamp) -> Result<Periods, CommandError> {
        let first_day = self.since.first_day(now);
        let first_day = first_day.map_err(|err| {
            CommandError::new(Exit::Usage, err)
                .hint("--since takes a duration such as 30d, or a time in the past")
        })?;
        let oldest = now.day() - YEARS * 366;
        if first_day < oldest {
            let message = format!("--since reaches back at most {YEARS} years");
            return Err(CommandError::message(Exit::Usage, message).hint(
                "counts are kept for 400 days, unless `usage_days` in the settings says otherwise",
            ));
        }
        Ok(Periods::new(self.by, first_day, now.day()))
    }
}

pub(crate) fn usage(args: &UsageArgs, session: &mut Session) -> Result<Exit, CommandError> {
    let periods = args.periods(session.now)?;
    session.with_vault(|vault, session| match args.key.find(vault, session)? {
        None => usage_of_all(args, &periods, vault, session),
        Some(found) => usage_of_one(&found, &periods, vault, session),
    })
}

/// The sum of each period.
fn tallies(counts: &[UsageCount], periods: &Periods) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); periods.count()];
    for count in counts {
        if let Some(at) = periods.position(count.day) {
            tallies[at].add(count);
        }
    }
    tallies
}

/// `2026-10-23 to 2026-11-21 (UTC)`.
fn range(periods: &Periods) -> String {
    let date = |day| Timestamp::of_day(day).date();
    format!(
        "{} to {} (UTC)",
        date(periods.first_day()),
        date(periods.last_day())
    )
}

fn wrong_secret_cell(attempts: u64) -> Cell {
    match attempts {
        0 => Cell::new("-"),
        attempts => Cell::toned(counted(attempts, "attempt"), Tone::Bad),
    }
}

fn refused_cell(sum: Tally) -> Cell {
    match sum.refused {
        0 => Cell::new(0),
        refused => Cell::toned(format!("{refused} ({})", share(sum)), Tone::Warning),
    }
}

/// The refused part of all requests, in per cent. Only none is 0, only all is 100.
fn share(sum: Tally) -> String {
    let percent = u128::from(sum.refused) * 100 / u128::from(sum.requests.max(1));
    format!("{}%", percent.max(u128::from(sum.refused > 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_none_is_no_share_and_only_all_is_the_whole() {
        let share = |refused, requests| {
            share(Tally {
                requests,
                refused,
                ..Tally::default()
            })
        };
        assert_eq!(share(0, 0), "0%");
        assert_eq!(share(1, 1000), "1%");
        assert_eq!(share(1, 4), "25%");
        assert_eq!(share(999, 1000), "99%");
        assert_eq!(share(u64::MAX, u64::MAX), "100%");
    }
}

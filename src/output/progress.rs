//! How much of something long is done, at the terminal.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::working::PATIENCE;

/// While this lives, a bar says how far it went. Dropping it clears the line, so drop it before anything is written or
/// asked.
///
/// It is drawn only when a step is done, never by a thread of its own: a program that was started may ask something on
/// the same terminal meanwhile.
#[must_use = "it shows something only while it lives"]
pub(crate) struct Progress(Option<Bar>);

struct Bar {
    began: Instant,
    bar: ProgressBar,
    is_shown: bool,
}

impl Progress {
    /// Shows nothing at all.
    pub(super) fn unseen() -> Self {
        Self(None)
    }

    /// Shows `what` on standard error, which has to be a terminal, at the first step after [`PATIENCE`].
    pub(super) fn seen(what: &'static str, total: usize, unicode: bool) -> Self {
        // No colour, so that there is none to switch off.
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len}");
        let style = style.expect("a template of our own");
        let parts = if unicode { "█▌ " } else { "#- " };
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
            .with_style(style.progress_chars(parts))
            .with_message(what);
        bar.set_length(total as u64);
        Self(Some(Bar {
            began: Instant::now(),
            bar,
            is_shown: false,
        }))
    }

    /// So many steps are done, of all.
    pub(crate) fn reach(&mut self, done: usize) {
        let Some(Bar {
            began,
            bar,
            is_shown,
        }) = &mut self.0
        else {
            return;
        };
        if !*is_shown && began.elapsed() >= PATIENCE {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            *is_shown = true;
        }
        bar.set_position(done as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Bar { bar, .. }) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

//! A sign of life at the terminal while something takes long.

use std::convert::Infallible;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is done sooner shows nothing.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Between two steps of the spinner.
const STEP: Duration = Duration::from_millis(100);

/// While this lives, a spinner says what is going on. Dropping it clears the line, so drop it before anything is written
/// or asked.
#[must_use = "it shows something only while it lives"]
pub(crate) struct Working(Option<Spinning>);

struct Spinning {
    /// Nothing is ever sent: that it is dropped is the message.
    end: Sender<Infallible>,
    thread: JoinHandle<()>,
}

impl Working {
    /// Shows nothing at all.
    pub(super) fn unseen() -> Self {
        Self(None)
    }

    /// Shows `what` on standard error, which has to be a terminal, once [`PATIENCE`] is over.
    pub(super) fn seen(what: &'static str, unicode: bool) -> Self {
        let (end, ended) = mpsc::channel();
        let spin = move || spin(&ended, what, unicode);
        // Without a thread to spare, the work is more important than the sign of it.
        let thread = Builder::new().spawn(spin).ok();
        Self(thread.map(|thread| Spinning { end, thread }))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(Spinning { end, thread }) = self.0.take() {
            drop(end);
            // It only draws; whatever became of it, the work is done.
            let _ = thread.join();
        }
    }
}

fn spin(ended: &Receiver<Infallible>, what: &'static str, unicode: bool) {
    let goes_on = |time| matches!(ended.recv_timeout(time), Err(RecvTimeoutError::Timeout));
    if !goes_on(PATIENCE) {
        return;
    }
    // No colour, so that there is none to switch off. The last character is the one of a spinner that has ended.
    let steps = if unicode {
        "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "
    } else {
        "|/-\\ "
    };
    let style = ProgressStyle::with_template("{spinner} {msg}").expect("a template of our own");
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(style.tick_chars(steps))
        .with_message(what);
    spinner.tick();
    while goes_on(STEP) {
        spinner.tick();
    }
    spinner.finish_and_clear();
}

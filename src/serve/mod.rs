//! The HTTP service.

#![cfg_attr(
    not(test),
    expect(dead_code, reason = "until the service asks the limiter")
)]

mod limit;

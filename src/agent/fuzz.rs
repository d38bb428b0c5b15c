//! Frames of the agent's protocol.

use super::protocol::{FRAME, Request, Response};

/// A request and an answer at once. What is understood says the same when it is sent on.
pub(crate) fn frame(data: &[u8]) -> bool {
    let mut bytes = [0; FRAME];
    let length = data.len().min(FRAME);
    bytes[..length].copy_from_slice(&data[..length]);
    if let Some(answer) = Response::decode(&bytes) {
        assert!(answer.version().len() <= 3 * FRAME);
        let sent = answer.encode(None);
        let again = Response::decode(&sent).expect("an answer");
        // An unknown code stays one, and an answer of another protocol is sent in this one.
        assert_eq!((again.code, again.process), (answer.code, answer.process));
        assert_eq!((again.idle, again.max), (answer.idle, answer.max));
        assert!(again.is_ours || !answer.is_ours);
    }
    let came = bytes;
    let Ok(request) = Request::decode(&mut bytes) else {
        return false;
    };
    if matches!(request, Request::Put(..)) {
        assert_eq!(bytes[24..56], [0; 32], "the key stays in the frame");
    }
    let mut sent = request.encode();
    let first = **sent;
    // What it says, to whatever protocol the rest belongs.
    let said = match request {
        Request::Get(_) | Request::Peek(_) => 0..24,
        Request::Lock => 0..8,
        Request::Put(..) => 0..FRAME,
        Request::Status => 6..7,
        Request::Stop(_) => 56..60,
    };
    assert_eq!((first[6], &first[said.clone()]), (came[6], &came[said]));
    let again = Request::decode(&mut sent).expect("a request");
    assert_eq!(**again.encode(), first);
    true
}

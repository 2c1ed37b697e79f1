//! Whatever bytes come in at a control socket or back from it: they are a message, which is written and read again, or an error; never a
//! crash, and never more memory than they are long.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shakedown::real::control::{Request, decode_reply, encode_reply};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(Request::decode(&request.encode()), Ok(request));
    }
    if let Ok((id, reply)) = decode_reply(bytes) {
        assert_eq!(decode_reply(&encode_reply(id, &reply)), Ok((id, reply)));
    }
});

use super::*;

#[test]
fn messages_come_back_as_they_were_and_no_part_of_one_is_one() {
    let id = WorkerId(7);
    for command in [
        Command::Start { name: "a".into(), argv: vec!["ls".into(), "-l".into()] },
        Command::Stop(id),
        Command::Kill(id),
        Command::Restart(id),
        Command::Signal(id, -1),
        Command::Send(id, b"\0x".to_vec()),
        Command::CloseInput(id),
        Command::List,
        Command::Follow,
        Command::StopSession,
    ] {
        let request = Request { id: 9, command };
        let bytes = request.encode();
        assert_eq!(Request::decode(&bytes), Ok(request.clone()));
        for shorter in 0..bytes.len() {
            assert!(Request::decode(&bytes[..shorter]).is_err(), "{request:?} cut at {shorter}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Request::decode(&longer), Err((Some(9), Malformed::Long(1))));
    }
    let entry = Entry { id, name: "n".into(), state: "ready".into(), incarnation: 2, pid: Some(3) };
    for reply in [
        Reply::Done,
        Reply::Started(id),
        Reply::Refused("no".into()),
        Reply::Listed(vec![entry.clone(), Entry { pid: None, ..entry }]),
        Reply::Fact { at_ns: 5, worker: None, incarnation: 0, fact: "SessionStopped".into() },
        Reply::Missed(4),
        Reply::Over,
    ] {
        assert_eq!(decode_reply(&encode_reply(1, &reply)), Ok((1, reply)));
    }
}

#[test]
fn strangers_and_other_versions_are_told_apart() {
    assert_eq!(heard_greeting(&greeting()), Ok(()));
    assert_eq!(heard_greeting(b"shakedown-control\x02"), Err(Malformed::Version(2)));
    assert_eq!(heard_greeting(b"GET / HTTP/1.1"), Err(Malformed::NoGreeting));
    assert_eq!(Request::decode(&[0, 0, 0, 0, 0, 0, 0, 1, 77]), Err((Some(1), Malformed::Unknown(77))));
    let absurd = [&[0; 8][..], &[0, 0, 0, 0, 1, b'n', 255, 255, 255, 255]].concat();
    assert_eq!(Request::decode(&absurd), Err((Some(0), Malformed::Short("argument"))));
}

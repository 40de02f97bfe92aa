use super::*;
use crate::protocol::StreamNumber;

#[test]
fn streams_join_their_session() {
    let (dialler, listener) = both_proven();
    let stream = StreamNumber::joined(7).unwrap();
    let (joining, body) = DiallerJoins::start(&dialler, stream).unwrap();
    let request = JoinRequest::parse(&body).unwrap();
    assert_eq!(request.session_id(), listener.session_id());
    let (accepted, answer) = request.accept(&listener).unwrap();
    assert_eq!(accepted, stream);
    assert_eq!(joining.on_join(&dialler, &answer).unwrap(), stream);
}

#[test]
fn joins_of_another_stream_nonce_session_or_side_are_refused() {
    let (dialler, listener) = both_proven();
    let stream = StreamNumber::joined(7).unwrap();
    let (_, body) = DiallerJoins::start(&dialler, stream).unwrap();
    let accept = |body: &[u8]| JoinRequest::parse(body)?.accept(&listener);
    assert!(accept(&body).is_ok());
    for place in 8..body.len() {
        let mut edited = body.clone();
        edited[place] ^= 1;
        match place {
            8..24 => assert_error!(accept(&edited), HandshakeError::NoSession),
            _ => assert_error!(accept(&edited), HandshakeError::Unproven),
        }
    }
    for end in 0..body.len() {
        assert!(accept(&body[..end]).is_err());
    }
    assert_error!(
        accept(&[&body[..], &[0]].concat()),
        HandshakeError::Malformed
    );
    let (other, _) = both_proven();
    let (_, foreign) = DiallerJoins::start(&other, stream).unwrap();
    assert_error!(accept(&foreign), HandshakeError::NoSession);
    let mut posing = foreign;
    posing[8..24].copy_from_slice(&listener.session_id());
    assert_error!(accept(&posing), HandshakeError::Unproven);
    let (_, reflected) = DiallerJoins::start(&listener, stream).unwrap();
    assert_error!(accept(&reflected), HandshakeError::Unproven);
}

#[test]
fn an_invalid_stream_number_is_refused_despite_its_proof() {
    let (dialler, listener) = both_proven();
    let mut claim = dialler.session_id().to_vec();
    claim.extend_from_slice(&StreamNumber::FIRST.get().to_be_bytes());
    claim.extend_from_slice(&[5; 32]);
    let proof = dialler.join_proof(&claim);
    let body = [&MAGIC[..], &claim, &proof].concat();
    let request = JoinRequest::parse(&body).unwrap();
    assert_error!(request.accept(&listener), HandshakeError::Malformed);
}

#[test]
fn answers_to_a_join_are_checked() {
    let (dialler, listener) = both_proven();
    let stream = StreamNumber::joined(1).unwrap();
    let join = || {
        let (joining, body) = DiallerJoins::start(&dialler, stream).unwrap();
        let request = JoinRequest::parse(&body).unwrap();
        (joining, request.accept(&listener).unwrap().1)
    };
    let (_, recorded) = join();
    let (joining, _) = join();
    assert_error!(
        joining.on_join(&dialler, &recorded),
        HandshakeError::Unproven
    );
    for place in 0..recorded.len() {
        let (joining, mut answer) = join();
        answer[place] ^= 1;
        assert_error!(joining.on_join(&dialler, &answer), HandshakeError::Unproven);
    }
    // The dialler's own nonce and proof, sent back.
    let (joining, body) = DiallerJoins::start(&dialler, stream).unwrap();
    assert_error!(
        joining.on_join(&dialler, &body[26..]),
        HandshakeError::Unproven
    );
    let (joining, answer) = join();
    assert_error!(
        joining.on_join(&dialler, &answer[..63]),
        HandshakeError::Malformed
    );
}

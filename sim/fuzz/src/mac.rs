//! The code of a document: who may say what.

use portcullis_agent::codec::{decode, seal, verify};
use portcullis_agent::config::{Authentication, Key, KeyRing};

/// A code is right for one document and one secret: no other octets pass with it, and a link that
/// has no secrets takes no code. ET-73
pub(crate) fn run(document: &[u8]) {
    let key = |octet: u8| Key::from_octets(&[octet; 32]).expect("long enough");
    let (first, second) = (key(1), key(2));
    let link = |ring| Authentication::Mac(ring);
    let both = link(KeyRing::new(first.clone(), Some(second.clone())));
    let other = link(KeyRing::new(key(3), None));
    // Nobody who does not know a secret has made one of these.
    assert!(verify(document, &both).is_err());
    let mut sealed = document.to_vec();
    if seal(&mut sealed, &first).is_err() {
        assert_eq!(verify(document, &Authentication::None), Ok(()));
        return;
    }
    assert_eq!(sealed.len(), document.len());
    // The key that the document names decides, whoever sealed it.
    let names_first = verify(&sealed, &both).is_ok();
    assert!(verify(&sealed, &other).is_err());
    assert!(verify(&sealed, &Authentication::None).is_err());
    if let Ok(message) = decode(&sealed) {
        // The code says nothing: with another one, the document is the same message.
        let mut again = sealed.clone();
        seal(&mut again, &second).expect("the place is still there");
        assert_eq!(decode(&again), Ok(message));
    }
    if names_first {
        assert_no_other_passes(&sealed, &both);
    }
}

/// One bit differs, at places all over the document: refused.
fn assert_no_other_passes(sealed: &[u8], link: &Authentication) {
    let step = sealed.len() / 64 + 1;
    for at in (0..sealed.len()).step_by(step) {
        let mut changed = sealed.to_vec();
        changed[at] ^= 1 << (at % 8);
        assert!(verify(&changed, link).is_err(), "octet {at} may differ");
    }
}

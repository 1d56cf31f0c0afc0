//! NaCl's secretbox: XSalsa20 and Poly1305 (Bernstein, "Cryptography in NaCl", sections 7 to 9).

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};
use zeroize::Zeroizing;

/// Bytes of the authenticator in front of the ciphertext.
const TAG_BYTES: usize = 16;

/// The stream, and the authenticator that its first 32 bytes make.
fn start(key: &[u8; 32], nonce: &[u8; 24]) -> (XSalsa20, Poly1305) {
    let mut stream = XSalsa20::new(&(*key).into(), &(*nonce).into());
    let mut first = Zeroizing::new([0; 32]);
    stream.apply_keystream(first.as_mut());
    (stream, Poly1305::new(&(*first).into()))
}

/// Encrypts.
pub(super) fn seal(key: &[u8; 32], nonce: &[u8; 24], plain: &[u8]) -> Vec<u8> {
    let (mut stream, authenticator) = start(key, nonce);
    let mut boxed = vec![0; TAG_BYTES];
    boxed.extend_from_slice(plain);
    let (tag, text) = boxed.split_at_mut(TAG_BYTES);
    stream.apply_keystream(text);
    tag.copy_from_slice(authenticator.compute_unpadded(text).as_slice());
    boxed
}

/// Decrypts; `None` where key or bytes are not the ones that were sealed.
pub(super) fn open(key: &[u8; 32], nonce: &[u8; 24], boxed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (tag, text) = boxed.split_at_checked(TAG_BYTES)?;
    let (mut stream, authenticator) = start(key, nonce);
    // Who can time this has the file before him and may try passwords without us.
    if authenticator.compute_unpadded(text).as_slice() != tag {
        return None;
    }
    let mut plain = Zeroizing::new(text.to_vec());
    stream.apply_keystream(&mut plain);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_opens_with_its_key_and_unchanged_only() {
        let (key, nonce) = ([1; 32], [2; 24]);
        let boxed = seal(&key, &nonce, b"plain");
        assert_eq!(open(&key, &nonce, &boxed).unwrap().as_slice(), b"plain");
        assert!(open(&[3; 32], &nonce, &boxed).is_none());
        assert!(open(&key, &[3; 24], &boxed).is_none());
        for position in 0..boxed.len() {
            let mut changed = boxed.clone();
            changed[position] ^= 1;
            assert!(open(&key, &nonce, &changed).is_none(), "{position}");
        }
        assert!(open(&key, &nonce, &boxed[..10]).is_none());
    }
}

//! Project Wycheproof and RFC 9106, against the very crates that seal vaults.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use wycheproof::{aead, hkdf as hkdf_vectors, mac};

#[test]
fn xchacha20_poly1305_is_as_wycheproof_expects() {
    let set = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).expect("its vectors");
    let mut sealed = 0;
    for (group, test) in set
        .test_groups
        .iter()
        .flat_map(|group| group.tests.iter().map(move |test| (group, test)))
    {
        let Ok(nonce) = <[u8; 24]>::try_from(test.nonce.as_ref()) else {
            // Our nonces have one length, by their type; vectors with others must be the ones that are to be refused.
            assert_ne!(group.nonce_size, 192, "case {}", test.tc_id);
            assert!(test.result.must_fail(), "case {}", test.tc_id);
            continue;
        };
        let cipher = XChaCha20Poly1305::new_from_slice(test.key.as_ref()).expect("32 bytes");
        let nonce = XNonce::from(nonce);
        let mut body = [test.ct.as_ref(), test.tag.as_ref()].concat();
        let opened = cipher.decrypt_in_place(&nonce, test.aad.as_ref(), &mut body);
        assert_eq!(
            opened.is_err(),
            test.result.must_fail(),
            "case {}",
            test.tc_id
        );
        if opened.is_ok() {
            assert_eq!(body, test.pt.as_ref(), "case {}", test.tc_id);
            cipher
                .encrypt_in_place(&nonce, test.aad.as_ref(), &mut body)
                .expect("sealed");
            let expected = [test.ct.as_ref(), test.tag.as_ref()].concat();
            assert_eq!(body, expected, "case {}", test.tc_id);
            sealed += 1;
        }
    }
    assert!(sealed > 100, "only {sealed} cases were sealed");
}

#[test]
fn hkdf_sha256_is_as_wycheproof_expects() {
    let set = hkdf_vectors::TestSet::load(hkdf_vectors::TestName::HkdfSha256).expect("its vectors");
    let mut derived = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let hkdf = Hkdf::<Sha256>::new(Some(test.salt.as_ref()), test.ikm.as_ref());
        let mut out = vec![0; test.size];
        let outcome = hkdf.expand(test.info.as_ref(), &mut out);
        assert_eq!(
            outcome.is_err(),
            test.result.must_fail(),
            "case {}",
            test.tc_id
        );
        if outcome.is_ok() {
            assert_eq!(out, test.okm.as_ref(), "case {}", test.tc_id);
            derived += 1;
        }
    }
    assert!(derived > 50, "only {derived} cases were derived");
}

#[test]
fn hmac_sha256_is_as_wycheproof_expects() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).expect("its vectors");
    let mut made = 0;
    for (group, test) in set
        .test_groups
        .iter()
        .flat_map(|group| group.tests.iter().map(move |test| (group, test)))
    {
        let mut hmac = Hmac::<Sha256>::new_from_slice(test.key.as_ref()).expect("any length");
        hmac.update(test.msg.as_ref());
        let verified = match group.tag_size {
            256 => hmac.verify_slice(test.tag.as_ref()),
            _ => hmac.verify_truncated_left(test.tag.as_ref()),
        };
        assert_eq!(
            verified.is_err(),
            test.result.must_fail(),
            "case {}",
            test.tc_id
        );
        made += usize::from(verified.is_ok());
    }
    assert!(made > 50, "only {made} cases were made");
}

/// RFC 9106, section 5.3.
#[test]
fn argon2id_is_as_its_rfc_says() {
    let params = ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(AssociatedData::new(&[4; 12]).expect("short"))
        .build()
        .expect("valid");
    let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params);
    let mut tag = [0; 32];
    argon2
        .expect("valid")
        .hash_password_into(&[1; 32], &[2; 16], &mut tag)
        .expect("hashed");
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
    );
}

//! Certificates: a root, an intermediate, and leaves as a scenario wants them.

use crate::lab::Lab;
use anyhow::Result;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder, X509NameRef};
use std::path::PathBuf;

/// The name of the origin in every scenario.
pub(crate) const ORIGIN_NAME: &str = "origin.example.com";

/// A root and the intermediate that signs the leaves.
pub(crate) struct Authority {
    root: X509,
    intermediate: X509,
    intermediate_key: PKey<Private>,
}

/// The key of a leaf.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    P256,
    P384,
    P521,
    Rsa1024,
    Rsa2048,
    Ed25519,
}

/// A leaf to be made. [`Leaf::GOOD`] is what CloudFront accepts.
#[derive(Clone, Copy)]
pub(crate) struct Leaf {
    pub(crate) name: &'static str,
    pub(crate) key: Key,
    /// Validity in days before and after today.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// Whether the intermediate is sent with it.
    pub(crate) with_intermediate: bool,
    /// Whether its extended key usage is that of clients in place of servers.
    pub(crate) for_clients: bool,
    /// Whether the name stands in subjectAltName, and not in the subject alone.
    pub(crate) with_alt_name: bool,
    /// Whether it is signed with SHA-1.
    pub(crate) sha1: bool,
}

/// Files of a leaf, in the lab's directory.
pub(crate) struct Files {
    /// The leaf, then what else is sent.
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    /// Chain and key in one file, as HAProxy wants them.
    pub(crate) bundle: PathBuf,
}

impl Leaf {
    pub(crate) const GOOD: Leaf = Leaf {
        name: ORIGIN_NAME,
        key: Key::P256,
        not_before: -30,
        not_after: 60,
        with_intermediate: true,
        for_clients: false,
        with_alt_name: true,
        sha1: false,
    };

    /// Makes the leaf, signed by the lab's authority, and writes its files.
    pub(crate) fn issue(&self, lab: &mut Lab) -> Result<Files> {
        let authority = lab.authority()?;
        let (leaf, key) = authority.sign(self)?;
        let mut chain = leaf.to_pem()?;
        if self.with_intermediate {
            chain.extend(authority.intermediate.to_pem()?);
        }
        self.files(lab, chain, &key)
    }

    /// Makes the leaf, signed by a root that no edge knows, and writes its files.
    pub(crate) fn issue_by(&self, authority: &Authority, lab: &Lab) -> Result<Files> {
        let (leaf, key) = authority.sign(self)?;
        self.files(lab, [leaf.to_pem()?, authority.intermediate.to_pem()?].concat(), &key)
    }

    /// Makes the leaf, signed by the last of these, each of which is signed by the one before it and the first by the
    /// lab's root. The file has the leaf, then the others as `order` puts them.
    pub(crate) fn issue_below(
        &self,
        lab: &mut Lab,
        authorities: &[Below],
        order: fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>,
    ) -> Result<Files> {
        let authority = lab.authority()?;
        let mut issuer = (authority.intermediate.clone(), authority.intermediate_key.clone());
        let mut sent = vec![authority.intermediate.to_pem()?];
        for below in authorities {
            let key = Key::P256.generate()?;
            let certificate = below.certify(&key, &issuer)?;
            sent.insert(0, certificate.to_pem()?);
            issuer = (certificate, key);
        }
        let key = self.key.generate()?;
        let mut builder = self.builder(&*name(self.name)?, &key)?;
        builder.set_issuer_name(issuer.0.subject_name())?;
        builder.sign(&issuer.1, MessageDigest::sha256())?;
        let chain = [vec![builder.build().to_pem()?], order(sent)].concat().concat();
        self.files(lab, chain, &key)
    }

    /// Makes the leaf, signed by itself, and writes its files.
    pub(crate) fn self_signed(&self, lab: &Lab) -> Result<Files> {
        let key = self.key.generate()?;
        let subject = name(self.name)?;
        let mut builder = self.builder(&subject, &key)?;
        builder.set_issuer_name(&subject)?;
        builder.sign(&key, MessageDigest::sha256())?;
        self.files(lab, builder.build().to_pem()?, &key)
    }

    fn files(&self, lab: &Lab, chain: Vec<u8>, key: &PKey<Private>) -> Result<Files> {
        let key = key.private_key_to_pem_pkcs8()?;
        Ok(Files {
            chain: lab.write(&format!("{}.crt", self.name), &chain)?,
            key: lab.write(&format!("{}.key", self.name), &key)?,
            bundle: lab.write(&format!("{}.pem", self.name), [chain, key].concat())?,
        })
    }

    fn builder(&self, subject: &X509NameRef, key: &PKey<Private>) -> Result<X509Builder> {
        let mut builder = begin(subject, key, self.not_before, self.not_after)?;
        if self.with_alt_name {
            let context = builder.x509v3_context(None, None);
            let names = SubjectAlternativeName::new().dns(self.name).build(&context)?;
            builder.append_extension(names)?;
        }
        let mut purpose = ExtendedKeyUsage::new();
        if self.for_clients {
            purpose.client_auth()
        } else {
            purpose.server_auth()
        };
        builder.append_extension(purpose.build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().key_encipherment().build()?)?;
        Ok(builder)
    }
}

impl Key {
    fn generate(self) -> Result<PKey<Private>> {
        let curve = |nid| -> Result<PKey<Private>> {
            Ok(PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(nid)?)?)?)
        };
        match self {
            Key::P256 => curve(Nid::X9_62_PRIME256V1),
            Key::P384 => curve(Nid::SECP384R1),
            Key::P521 => curve(Nid::SECP521R1),
            Key::Rsa1024 => Ok(PKey::from_rsa(Rsa::generate(1024)?)?),
            Key::Rsa2048 => Ok(PKey::from_rsa(Rsa::generate(2048)?)?),
            Key::Ed25519 => Ok(PKey::generate_ed25519()?),
        }
    }
}

impl Authority {
    /// A new root and intermediate, called after `owner`.
    pub(crate) fn new(owner: &str) -> Result<Authority> {
        let root_key = Key::P256.generate()?;
        let intermediate_key = Key::P256.generate()?;
        let root_name = name(&format!("{owner} Root CA"))?;
        let root = certify(&root_name, &root_key, &root_name, &root_key)?;
        let intermediate = certify(&*name(&format!("{owner} Server CA"))?, &intermediate_key, &root_name, &root_key)?;
        Ok(Authority { root, intermediate, intermediate_key })
    }

    /// The root, for whoever is to trust it.
    pub(crate) fn root_pem(&self) -> Result<Vec<u8>> {
        Ok(self.root.to_pem()?)
    }

    /// The certificate and the key that sign the leaves.
    pub(crate) fn issuer_pem(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        Ok((self.intermediate.to_pem()?, self.intermediate_key.private_key_to_pem_pkcs8()?))
    }

    fn sign(&self, leaf: &Leaf) -> Result<(X509, PKey<Private>)> {
        let key = leaf.key.generate()?;
        let mut builder = leaf.builder(&*name(leaf.name)?, &key)?;
        builder.set_issuer_name(self.intermediate.subject_name())?;
        let digest = if leaf.sha1 { MessageDigest::sha1() } else { MessageDigest::sha256() };
        builder.sign(&self.intermediate_key, digest)?;
        Ok((builder.build(), key))
    }
}

/// A certificate between the lab's intermediate and a leaf.
pub(crate) struct Below {
    pub(crate) name: &'static str,
    /// Whether basicConstraints make it an authority.
    pub(crate) is_authority: bool,
}

impl Below {
    fn certify(&self, key: &PKey<Private>, (issuer, with): &(X509, PKey<Private>)) -> Result<X509> {
        let mut builder = begin(&*name(self.name)?, key, -365, 3650)?;
        builder.set_issuer_name(issuer.subject_name())?;
        if self.is_authority {
            builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
            builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
        }
        builder.sign(with, MessageDigest::sha256())?;
        Ok(builder.build())
    }
}

/// A certificate of a certification authority.
fn certify(subject: &X509NameRef, key: &PKey<Private>, issuer: &X509NameRef, with: &PKey<Private>) -> Result<X509> {
    let mut builder = begin(subject, key, -365, 3650)?;
    builder.set_issuer_name(issuer)?;
    builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    builder.sign(with, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn begin(subject: &X509NameRef, key: &PKey<Private>, not_before: i64, not_after: i64) -> Result<X509Builder> {
    const DAY: i64 = 86_400;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs() as i64;
    let mut serial = BigNum::new()?;
    serial.rand(120, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(subject)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::from_unix(now + not_before * DAY)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(now + not_after * DAY)?)?;
    Ok(builder)
}

fn name(common: &str) -> Result<X509Name> {
    let mut builder = X509NameBuilder::new()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, common)?;
    Ok(builder.build())
}
